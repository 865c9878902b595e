//! The headers of a signature, which are read before anybody is known.

#![no_main]

use deskbell_protocol::{
    id::ServerId,
    signature::{Body, Request, content_digest, parse, verify},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: (&str, &str, &str, &[u8])| {
    let (input, value, path, body) = data;
    let digest = content_digest(body);
    for content in [None, Some(Body { content_digest: &digest, content_type: "application/json" })] {
        let Ok(params) = parse(input, content.is_some()) else { continue };
        let server = ServerId(uuid::Uuid::from_u128(7));
        let request = Request { method: "POST", path, query: "", server, body: content };
        assert!(verify(&request, &params, value).is_err(), "nobody holds a key here");
    }
});
