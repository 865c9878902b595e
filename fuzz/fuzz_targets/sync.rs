//! What an agent sends: read, written and read again, it is the same.

#![no_main]

use deskbell_protocol::sync::SyncRequest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(request) = serde_json::from_slice::<SyncRequest>(data) else { return };
    let written = serde_json::to_vec(&request).expect("what was read can be written");
    let again: SyncRequest = serde_json::from_slice(&written).expect("what was written can be read");
    assert_eq!(request, again);
    for item in &request.items {
        let _ = (item.id(), item.ticket());
    }
});
