//! The packages for Linux: what is in them, and that the two are one. That they install is tried in
//! `linux_package_deb.rs` and `linux_package_rpm.rs`.

#![cfg(target_os = "linux")]

use std::path::Path;

use deskbell_tests::packages::{self, VERSIONS, files_of_deb, files_of_rpm, say};

#[tokio::test]
async fn deb_and_rpm_hold_the_same_files_with_the_same_rights() {
    let folder = tempfile::tempdir().unwrap();
    let deb = packages::make("deb", VERSIONS[0], folder.path()).await.unwrap();
    let rpm = packages::make("rpm", VERSIONS[0], folder.path()).await.unwrap();
    let (in_deb, in_rpm) = (files_of_deb(&deb).await.unwrap(), files_of_rpm(&rpm).await.unwrap());
    assert_eq!(in_deb, in_rpm, "one list of files, whatever the package");
    for entry in &in_deb {
        let rights = if entry.path == "/usr/bin/deskbell" { "-rwxr-xr-x" } else { "-rw-r--r--" };
        assert_eq!((entry.rights.as_str(), entry.owner.as_str()), (rights, "root/root"), "{}", entry.path);
    }

    let (one, other) = (folder.path().join("of-deb"), folder.path().join("of-rpm"));
    unpack(&["dpkg-deb", "--extract", "$1", "$2"], &deb, &one).await.unwrap();
    unpack(&["cd", "$2", "&&", "rpm2cpio", "$1", "|", "cpio", "--extract", "--make-directories"], &rpm, &other)
        .await
        .unwrap();
    say(&["diff", "--recursive", &one.display().to_string(), &other.display().to_string()])
        .await
        .expect("the files themselves are the same");
    let own = |path: &str| one.join(path).display().to_string();
    let entries =
        ["applications/deskbell", "applications/deskbell-link"].map(|name| own(&format!("usr/share/{name}.desktop")));
    for entry in entries.into_iter().chain([own("etc/xdg/autostart/deskbell.desktop")]) {
        say(&["desktop-file-validate", &entry]).await.expect("a desktop entry that is none would be passed over");
    }
    let confirmed = say(&["rpm", "-qp", "--configfiles", &rpm.display().to_string()]).await.unwrap();
    let kept = say(&["dpkg-deb", "--info", &deb.display().to_string(), "conffiles"]).await.unwrap();
    assert_eq!(confirmed, kept, "both leave an administrator's changes alone, in the same files");
}

#[tokio::test]
async fn packaged_twice_deb_and_rpm_are_the_same_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    for kind in ["deb", "rpm"] {
        let mut made = Vec::new();
        for place in ["here", "in another folder"] {
            let file = packages::make(kind, VERSIONS[0], &folder.path().join(place)).await.unwrap();
            made.push(deskbell_tests::hash::sha256(&std::fs::read(file).unwrap()));
        }
        assert_eq!(made[0], made[1], "the {kind} depends on what is in it alone");
    }
}

#[tokio::test]
async fn the_manual_names_every_command_in_both_languages() {
    let help =
        say(&[&deskbell_tests::server::program("deskbell").unwrap().display().to_string(), "--help"]).await.unwrap();
    let listed = help.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    let commands: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.len() > 4, "{help}");
    for page in ["deskbell.1", "deskbell.fr.1"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("installer/linux").join(page);
        let shown = say(&["man", "--warnings", "-l", &file.display().to_string()]).await.unwrap();
        for command in commands.iter().filter(|command| **command != "help") {
            let named =
                shown.lines().any(|line| line.starts_with("       ") && line.trim().split(' ').next() == Some(command));
            assert!(named, "{page} says nothing of {command}:\n{shown}");
        }
    }
}

/// A line of shell over `$1`, the package, and `$2`, an empty folder.
async fn unpack(words: &[&str], package: &Path, into: &Path) -> anyhow::Result<String> {
    std::fs::create_dir(into)?;
    let script = words.join(" ").replace("$1", "\"$1\"").replace("$2", "\"$2\"");
    say(&["sh", "-ec", &script, "sh", &package.display().to_string(), &into.display().to_string()]).await
}
