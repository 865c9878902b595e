//! What somebody who runs the server takes home, and the list of parts.

#![cfg(target_os = "linux")]

use std::{fs, path::Path, process::Command};

use deskbell_tests::server;
use serde_json::Value;

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    said
}

fn package(out: &Path) {
    let program = server::program("xtask").unwrap();
    let programs = program.parent().unwrap();
    let mut xtask = Command::new(&program);
    xtask.args(["dist", "--debug", "--only", "server,parts", "--linux-from"]).arg(programs).arg("--out").arg(out);
    // A commit in the middle of the test is no other package.
    run(xtask.env("SOURCE_DATE_EPOCH", "1790000000"));
}

#[test]
fn the_archive_of_the_server_holds_all_that_a_server_needs_and_is_the_same_each_time() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    package(one.path());
    package(two.path());
    let folder = format!("deskbell-server-{VERSION}-linux-{}", std::env::consts::ARCH);
    let archive = format!("{folder}.tar.gz");
    let list = format!("deskbell-{VERSION}.cdx.json");
    for name in [&archive, &list, "deskbell-server.Containerfile", "SHA256SUMS"] {
        let read = |folder: &tempfile::TempDir| fs::read(folder.path().join(name)).unwrap();
        assert!(read(&one) == read(&two), "{name} differs");
    }
    run(Command::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(one.path()));

    run(Command::new("tar").arg("-xzf").arg(one.path().join(&archive)).arg("-C").arg(two.path()));
    let unpacked = two.path().join(&folder);
    for name in ["deskbell-server.service", "LICENSE-MIT", "LICENSE-APACHE", "docs/install.md", "docs/configure.md"] {
        assert!(unpacked.join(name).is_file(), "{name} is in the archive");
    }
    let mut check = Command::new(unpacked.join("deskbell-server"));
    run(check.arg("check-config").arg("--config").arg(unpacked.join("server.toml")));

    let container = fs::read_to_string(one.path().join("deskbell-server.Containerfile")).unwrap();
    assert!(container.contains(&format!("ADD {archive} /opt/")) && !container.contains('@'), "{container}");
    parts(&one.path().join(list));
}

/// What the schema of CycloneDX 1.5 requires, and what the list is for.
fn parts(file: &Path) {
    let list: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    assert_eq!((&list["bomFormat"], &list["specVersion"]), (&"CycloneDX".into(), &"1.5".into()));
    let serial = list["serialNumber"].as_str().unwrap().strip_prefix("urn:uuid:").unwrap();
    assert_eq!(serial.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{serial}");
    let parts = list["components"].as_array().unwrap();
    let mut references = Vec::new();
    for part in parts {
        assert_eq!(part["type"], "library", "{part}");
        assert!(!part["name"].as_str().unwrap().is_empty(), "{part}");
        references.push(part["bom-ref"].as_str().unwrap());
    }
    let count = references.len();
    references.sort_unstable();
    references.dedup();
    assert_eq!(references.len(), count, "a reference names one part");
    for edge in list["dependencies"].as_array().unwrap() {
        let ends = edge["dependsOn"].as_array().unwrap().iter().chain([&edge["ref"]]);
        for end in ends.map(|end| end.as_str().unwrap()) {
            assert!(references.binary_search(&end).is_ok(), "{end} is in the graph and not among the parts");
        }
    }
    for name in ["tauri", "axum", "svelte", "rustls", "rusqlite"] {
        assert!(parts.iter().any(|part| part["name"] == name), "{name} is a part");
    }
    assert!(!parts.iter().any(|part| part["name"] == "proptest"), "what only tests is none");
}
