//! The name of a file, as a person's computer gives it: what the agent makes of it every system can store and
//! the server takes, and it stays what it is.

#![no_main]

use std::path::{Component, Path};

use deskbell_agent_core::simulate::plain_name;
use deskbell_protocol::limits::FILE_NAME_CHARS;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|name: &str| {
    let plain = plain_name(name);
    assert!((1..=FILE_NAME_CHARS).contains(&plain.chars().count()), "{plain:?}");
    assert!(!plain.chars().any(|c| c.is_control() || matches!(c, '/' | '\\')), "{plain:?}");
    assert_eq!(plain_name(&plain), plain);
    let inside = Path::new(&plain).components().all(|part| matches!(part, Component::Normal(_)));
    assert!(inside, "{plain:?} is no name of a file");
});
