//! A story that cannot fail proves nothing: with a part broken on purpose, just the steps that
//! depend on it turn red.

#![cfg(target_os = "linux")]

use std::{collections::BTreeSet, process::Command};

const TRAY: [&str; 6] =
    ["device-enrols", "enablement", "confirmation", "other-ways-in", "offline-and-kill", "conversation"];

#[test]
fn without_smtp_nobody_is_confirmed_and_nothing_is_sent() {
    assert_red(&["--without", "smtp"], &["confirmation", "hotkey-ticket", "offline-and-kill", "conversation"]);
}

#[test]
fn without_a_tray_what_the_bell_shows_is_missed() {
    assert_red(&["--without", "tray-host"], &TRAY);
}

#[test]
fn without_the_unique_index_exactly_once_does_not_hold() {
    assert_red(&["--drop-unique-index"], &["offline-and-kill"]);
}

/// Plays the story with a fault and compares the steps that did not pass.
fn assert_red(fault: &[&str], expected: &[&str]) {
    let pictures = tempfile::tempdir().expect("a temporary folder");
    let mut story = Command::new(env!("CARGO_BIN_EXE_story"));
    let output = story
        .args(fault)
        .arg("--pictures")
        .arg(pictures.path())
        .output()
        .expect("the story was built beside this test");
    let printed = String::from_utf8(output.stdout).expect("the story prints UTF-8");
    let step = |word: &str| {
        let lines = printed.lines().filter(|line| line.starts_with(word));
        lines
            .filter_map(|line| line.split_whitespace().nth(2).map(|name| name.trim_end_matches(':').to_owned()))
            .collect()
    };
    let red: BTreeSet<String> = &step("FAILED") | &step("blocked");
    assert_eq!(red, expected.iter().map(ToString::to_string).collect(), "{fault:?} printed:\n{printed}");
    let green: BTreeSet<String> = step("passed");
    assert_eq!(green.len() + red.len(), 10, "each step says what became of it:\n{printed}");
    assert!(!output.status.success(), "a red step is a failure of the whole");
}
