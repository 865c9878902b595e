use super::*;

/// A signature in minisign's form, by the key with this number. It verifies nothing.
pub(crate) fn signature(key: u64, comment: &str) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let bytes = [b"ED".as_slice(), &key.to_le_bytes(), &[0; 64]].concat();
    format!("untrusted comment: x\n{}\ntrusted comment: {comment}\nx\n", STANDARD.encode(bytes))
}

fn put(folder: &Path, place: &str, key: u64, comment: &str) {
    let place = folder.join(place);
    fs::create_dir_all(&place).unwrap();
    fs::write(place.join("deskbell"), "the program").unwrap();
    fs::write(place.join("deskbell.minisig"), signature(key, comment)).unwrap();
}

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

const ONE: &str = "0000000000000001";
const TWO: &str = "0000000000000002";

fn filled(folder: &Path) {
    put(folder, "stable/0.2.0/linux-x86_64", 1, "version:0.2.0");
    put(folder, "stable/0.3.0/linux-x86_64", 2, "version:0.3.0");
    put(folder, "early/0.4.0-rc.1/linux-x86_64", 2, "version:0.4.0-rc.1");
    put(folder, "stable/0.9.0/windows-x86_64", 2, "version:0.9.0");
}

#[test]
fn an_agent_is_offered_the_newest_that_it_takes_and_can_verify() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    let found = look(folder.path());
    assert!(found.refused.is_empty(), "{:?}", found.refused);
    let offered = |ring, current: &str, keys: &[&str]| {
        found.offer("linux-x86_64", ring, &version(current), keys).map(|release| release.version.to_string())
    };
    use UpdateRing::{Early, Stable};
    for (ring, current, keys, expected) in [
        (Stable, "0.1.0", [ONE, TWO].as_slice(), Some("0.3.0")),
        (Early, "0.1.0", &[ONE, TWO], Some("0.4.0-rc.1")),
        (Stable, "0.1.0", &[ONE], Some("0.2.0")),
        (Stable, "0.2.0", &[ONE], None),
        (Stable, "0.3.0", &[ONE, TWO], None),
        (Early, "0.4.0", &[ONE, TWO], None),
        (Stable, "0.4.0-rc.1", &[ONE, TWO], None),
        (Stable, "0.1.0", &[], None),
    ] {
        assert_eq!(offered(ring, current, keys).as_deref(), expected, "{ring} at {current} with {keys:?}");
    }
    assert!(found.offer("linux-aarch64", Early, &version("0.1.0"), &[ONE, TWO]).is_none(), "another processor's");
}

#[test]
fn everybody_of_a_system_is_to_have_its_newest_stable_version() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path());
    let found = look(folder.path());
    assert_eq!(found.newest("linux"), Some(&version("0.3.0")), "what is being tried makes nobody be behind");
    assert_eq!(found.newest("windows"), Some(&version("0.9.0")));
    assert_eq!(found.newest("macos"), None);
}

#[test]
fn what_is_not_whole_is_not_offered_and_the_reason_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    put(root, "stable/0.2.0/linux-x86_64", 1, "version:0.3.0");
    put(root, "stable/new/linux-x86_64", 1, "version:new");
    put(root, "stable/0.3.0/linux-x86_64", 1, "version:0.3.0");
    fs::write(root.join("stable/0.3.0/linux-x86_64/other.minisig"), "x").unwrap();
    put(root, "stable/0.4.0/linux-x86_64", 1, "version:0.4.0");
    fs::remove_file(root.join("stable/0.4.0/linux-x86_64/deskbell")).unwrap();
    put(root, "stable/0.5.0/linux-x86_64", 1, "version:0.5.0");
    fs::write(root.join("stable/0.5.0/linux-x86_64/deskbell.minisig"), "no signature").unwrap();
    fs::create_dir_all(root.join("stable/0.6.0/linux-x86_64")).unwrap();
    let found = look(root);
    assert_eq!(found.releases, []);
    for (reason, named) in
        found.refused.iter().zip(["0.2.0", "0.3.0", "file of its", "minisign", "0 signatures", "new"])
    {
        assert!(reason.contains(named), "{reason}: {named}");
    }
    assert_eq!(found.refused.len(), 6);
    assert!(look(&root.join("absent")).refused.is_empty(), "no folder is no fault");
}

#[test]
fn a_folder_is_read_again_when_the_last_look_is_old() {
    let folder = tempfile::tempdir().unwrap();
    let updates = Updates::new(folder.path().to_owned(), 1);
    assert_eq!(updates.found(1_000).releases.len(), 0);
    filled(folder.path());
    assert_eq!(updates.found(1_000 + FRESH - 1).releases.len(), 0, "the last look counts for a while");
    assert_eq!(updates.found(1_000 + FRESH).releases.len(), 4);
    assert_eq!(updates.found(500).releases.len(), 4, "a clock that was set back hides nothing for long");
}

#[test]
fn so_many_files_are_sent_at_a_time_and_no_more() {
    let updates = Updates::new(PathBuf::new(), 1);
    let first = updates.download();
    assert!(first.is_some() && updates.download().is_none());
    drop(first);
    assert!(updates.download().is_some());
}
