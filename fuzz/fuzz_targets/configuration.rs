//! The settings of a computer and of a person: whatever stands in the files, something holds, and it can be
//! shown. A value that is refused is a fault that people can read in one line.

#![no_main]

use std::{fs, path::PathBuf, sync::LazyLock};

use deskbell_agent_core::policy::{Choices, Folders, Sources};
use libfuzzer_sys::fuzz_target;

/// In memory where there is such a place: each try writes three files.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let place = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let folder = place.join(format!("deskbell-fuzz-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    folder
});

fuzz_target!(|data: (&[u8], &[u8], &[u8])| {
    let (machine, list, user) = data;
    let file = |name: &str, bytes: &[u8]| {
        let path = FOLDER.join(name);
        fs::write(&path, bytes).expect("a file");
        path
    };
    let machine_files = vec![file("machine.toml", machine), file("machine.plist", list)];
    let folders = Folders { data: FOLDER.clone(), machine_files, user_file: Some(file("user.toml", user)) };
    let policy = Sources::read(&folders).resolve(Choices::default(), &[]);
    assert!(!policy.view().is_empty(), "every setting has a value");
    for fault in &policy.faults {
        assert!(!fault.to_string().contains(['\n', '\r']), "{fault}");
    }
});
