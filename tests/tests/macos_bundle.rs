//! What is made for macOS, as far as a Linux computer can look at it: the bundle's layout, the property
//! lists, the scripts. Nothing of it is run by macOS here.

#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};

use deskbell_tests::{
    packages::say,
    server::{files, program},
};
use serde_json::Value;

#[tokio::test]
async fn the_bundle_has_what_macos_looks_for_where_it_looks() {
    let folder = tempfile::tempdir().unwrap();
    let executable = folder.path().join("deskbell");
    std::fs::write(&executable, "#!/bin/sh\n").unwrap();
    let scripts = ["build.sh", "root.sh"].map(|name| macos().join(name).display().to_string());
    say(&[&scripts[0], &text(&executable), "1.2.3", &text(folder.path())]).await.unwrap();
    let (app, root) = (folder.path().join("Deskbell.app"), folder.path().join("root"));
    say(&[&scripts[1], &text(&app), &text(&root)]).await.unwrap();

    let mut found: Vec<String> =
        files(&root).unwrap().iter().map(|path| text(path.strip_prefix(&root).unwrap())).collect();
    found.sort();
    let expected = [
        "Applications/Deskbell.app/Contents/Info.plist",
        "Applications/Deskbell.app/Contents/MacOS/deskbell",
        "Applications/Deskbell.app/Contents/PkgInfo",
        "Applications/Deskbell.app/Contents/Resources/LICENSE-APACHE",
        "Applications/Deskbell.app/Contents/Resources/LICENSE-MIT",
        "Applications/Deskbell.app/Contents/Resources/deskbell.icns",
        "Applications/Deskbell.app/Contents/Resources/en.lproj/InfoPlist.strings",
        "Applications/Deskbell.app/Contents/Resources/fr.lproj/InfoPlist.strings",
        "Library/LaunchAgents/org.deskbell.agent.plist",
    ];
    assert_eq!(found, expected);

    let contents = root.join("Applications/Deskbell.app/Contents");
    let info = read(&contents.join("Info.plist")).await;
    assert_eq!(info["CFBundleShortVersionString"], "1.2.3");
    assert_eq!(info["LSUIElement"], true, "a bell in the menu bar and nothing in the Dock");
    assert_eq!(info["CFBundleURLTypes"][0]["CFBundleURLSchemes"][0], "deskbell");
    assert!(contents.join("MacOS").join(info["CFBundleExecutable"].as_str().unwrap()).is_file());
    let icon = contents.join("Resources").join(format!("{}.icns", info["CFBundleIconFile"].as_str().unwrap()));
    assert!(std::fs::read(icon).unwrap().starts_with(b"icns"));

    let agent = read(&root.join("Library/LaunchAgents/org.deskbell.agent.plist")).await;
    let started = agent["ProgramArguments"][0].as_str().unwrap();
    assert!(root.join(started.trim_start_matches('/')).is_file(), "what the session starts is what is installed");
    assert_eq!(agent["RunAtLoad"], true);
    let help = say(&[&text(&program("deskbell").unwrap()), "--help"]).await.unwrap();
    let command = agent["ProgramArguments"][1].as_str().unwrap();
    assert!(help.lines().any(|line| line.trim_start().starts_with(&format!("{command} "))), "{command} is a command");
}

#[tokio::test]
async fn one_identifier_names_the_program_everywhere() {
    let repository = macos().join("../..");
    let tauri = std::fs::read_to_string(repository.join("src-tauri/tauri.conf.json")).unwrap();
    let tauri: Value = serde_json::from_str(&tauri).unwrap();
    let id = tauri["identifier"].as_str().unwrap();
    assert_eq!(read(&macos().join("Info.plist")).await["CFBundleIdentifier"], id);
    assert_eq!(read(&macos().join("org.deskbell.agent.plist")).await["Label"], id);
    let profile = read(&macos().join("deskbell.mobileconfig")).await;
    assert!(profile["PayloadContent"][0]["PayloadContent"][id].is_object(), "the profile sets settings of {id}");
    let known = std::fs::read_to_string(repository.join("src-tauri/src/autostart.rs")).unwrap();
    assert!(known.contains(&format!("/Library/LaunchAgents/{id}.plist")), "the agent knows the package's entry");
}

#[tokio::test]
async fn every_property_list_is_one_and_every_script_is_sound() {
    let all = files(&macos()).unwrap();
    let lists: Vec<&PathBuf> = all.iter().filter(|path| ends(path, &["plist", "mobileconfig"])).collect();
    assert!(lists.len() >= 5, "{lists:?}");
    for list in lists {
        assert!(!read(list).await.is_null(), "{}", list.display());
    }
    let scripts: Vec<String> =
        all.iter().filter(|path| std::fs::read(path).unwrap().starts_with(b"#!")).map(|path| text(path)).collect();
    assert!(scripts.len() >= 6, "{scripts:?}");
    let words: Vec<&str> = std::iter::once("shellcheck").chain(scripts.iter().map(String::as_str)).collect();
    say(&words).await.expect("shellcheck finds nothing");
}

#[tokio::test]
async fn what_the_system_asks_is_explained_in_both_languages() {
    let info = read(&macos().join("Info.plist")).await;
    let explained: Vec<&String> =
        info.as_object().unwrap().keys().filter(|key| key.ends_with("UsageDescription")).collect();
    assert!(!explained.is_empty());
    for language in ["en", "fr"] {
        let strings = std::fs::read_to_string(macos().join(format!("{language}.lproj/InfoPlist.strings"))).unwrap();
        for key in &explained {
            let line = strings.lines().find(|line| line.starts_with(&format!("{key} = \""))).unwrap();
            assert!(line.ends_with("\";"), "{language}: {line}");
            if language == "en" {
                assert!(line.contains(info[key.as_str()].as_str().unwrap()), "the same words: {line}");
            }
        }
    }
}

fn macos() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../installer/macos")
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn ends(path: &Path, with: &[&str]) -> bool {
    path.extension().is_some_and(|ending| with.iter().any(|one| ending == *one))
}

/// A property list as JSON, by Python's own reader.
async fn read(list: &Path) -> Value {
    let script = "import json, plistlib, sys; print(json.dumps(plistlib.load(open(sys.argv[1], 'rb'))))";
    let json = say(&["python3", "-c", script, &text(list)]).await.expect("a property list that Python reads");
    serde_json::from_str(&json).expect("Python writes JSON")
}
