//! `msiexec /qn`.

use std::{fs, path::PathBuf, process::Command};

use deskbell_tests::wine::windows_path;

use crate::{
    device::{Device, KEY, URL},
    packages::{FIRST, SECOND, msi, setup_exe},
};

/// Windows Installer's *fatal error during installation*; the shell here keeps the lowest eight bits.
const INSTALL_FAILURE: i32 = 1603 & 0xff;
const QUIET: &str = "START_AGENT=0";

/// `msiexec`, with a log that is asked to say everything.
async fn msiexec(device: &Device, order: &str, package: &str, words: &[&str]) -> (i32, String) {
    let log = device.wine.drive_c().join("deskbell.log");
    let all = [&[order, package, "/qn", "/l*v", r"C:\deskbell.log"], words].concat();
    let code = device.run_and_leave("msiexec", &all).await.unwrap();
    let said = String::from_utf8_lossy(&fs::read(&log).unwrap_or_default()).into_owned();
    fs::remove_file(log).ok();
    (code, said)
}

async fn install(device: &Device, version: &str, words: &[&str]) -> (i32, String) {
    msiexec(device, "/i", &windows_path(&msi(version)), words).await
}

fn settings() -> [String; 2] {
    [format!("SERVER_URL={URL}"), format!("ENROLMENT_KEY={KEY}")]
}

async fn with_first() -> Device {
    let device = Device::new().await.unwrap();
    let [url, key] = settings();
    let (code, log) = install(&device, FIRST, &[&url, &key, QUIET]).await;
    assert_eq!(code, 0, "{log}");
    device
}

fn table(msi: &PathBuf, name: &str) -> String {
    let output = Command::new("msiinfo").arg("export").arg(msi).arg(name).output().unwrap();
    assert!(output.status.success(), "{name}");
    String::from_utf8_lossy(&output.stdout).replace('\r', "")
}

fn property(msi: &PathBuf, name: &str) -> String {
    let all = table(msi, "Property");
    let value = all.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('\t'));
    value.unwrap_or_else(|| panic!("no {name} in {all}")).to_owned()
}

#[tokio::test]
async fn the_msi_installs_for_everyone_without_a_question() {
    let device = with_first().await;
    device.is_installed(FIRST, "msi").await.unwrap();
    device.settings_are(URL, KEY).await.unwrap();
    assert_eq!(device.files_with_the_key().unwrap(), Vec::<PathBuf>::new(), "no file of the device holds the key");
}

#[tokio::test]
async fn the_msi_keeps_the_key_out_of_the_log_that_says_everything() {
    let device = Device::new().await.unwrap();
    let [url, key] = settings();
    let (code, log) = install(&device, FIRST, &[&url, &key, QUIET]).await;
    assert_eq!(code, 0, "{log}");
    assert!(log.contains("WriteSettings") && log.contains(URL), "the log does say much: {log}");
    key_is_hidden(&log);
    let (_, log) = install(&device, SECOND, &[QUIET]).await;
    assert!(log.contains("WriteSettings"), "nor does that of an upgrade: {log}");
    key_is_hidden(&log);
}

/// Nothing but the list of all properties shows it, and there only those that Windows is told to mask. Wine
/// masks none.
fn key_is_hidden(log: &str) {
    let hidden = property(&msi(FIRST), "MsiHiddenProperties");
    for line in log.lines().filter(|line| line.contains(KEY)) {
        let name = line.strip_prefix("Property(S): ").and_then(|rest| rest.split_once(" = ")).map(|(name, _)| name);
        assert!(name.is_some_and(|name| hidden.split(';').any(|one| one == name)), "{line}");
    }
}

#[test]
fn the_msi_marks_as_hidden_all_that_holds_the_key() {
    let msi = msi(FIRST);
    let hidden = property(&msi, "MsiHiddenProperties");
    let actions = table(&msi, "CustomAction");
    for row in actions.lines().filter(|row| row.contains("ENROLMENT_KEY]") || row.starts_with("WriteSettings\t")) {
        let cells: Vec<&str> = row.split('\t').collect();
        let kind: u32 = cells[1].parse().unwrap();
        assert_ne!(kind & 8192, 0, "the target of {} is hidden", cells[0]);
    }
    for name in ["ENROLMENT_KEY", "EARLIER_ENROLMENT_KEY", "WriteSettings"] {
        assert!(hidden.split(';').any(|one| one == name), "{name} is hidden: {hidden}");
    }
    assert!(!table(&msi, "Registry").contains("ENROLMENT_KEY"), "no table that is written to the log");
}

#[tokio::test]
async fn the_msi_upgrades_and_keeps_settings_and_unsent_tickets() {
    let device = with_first().await;
    let written = device.write_something().unwrap();
    let (code, log) = install(&device, SECOND, &[QUIET]).await;
    assert_eq!(code, 0, "{log}");
    device.is_installed(SECOND, "msi").await.unwrap();
    device.settings_are(URL, KEY).await.unwrap();
    Device::kept(&written).unwrap();

    let before = (device.registry().await.unwrap(), device.files().unwrap());
    let (older, log) = install(&device, FIRST, &[QUIET]).await;
    assert_eq!(older, INSTALL_FAILURE, "{log}");
    assert!(table(&msi(FIRST), "LaunchCondition").contains("A newer version of Deskbell is installed."));
    assert_eq!((device.registry().await.unwrap(), device.files().unwrap()), before, "refused, it changes nothing");

    let (code, log) = install(&device, SECOND, &["ENROLMENT_KEY=DB-NEW", QUIET]).await;
    assert_eq!(code, 0, "{log}");
    device.settings_are(URL, "DB-NEW").await.unwrap();
}

#[tokio::test]
async fn the_msi_repairs_what_is_damaged_and_changes_nothing_else() {
    let device = with_first().await;
    let before = (device.registry().await.unwrap(), device.files().unwrap());
    fs::remove_file(device.program_files().join("WebView2Loader.dll")).unwrap();
    fs::write(device.program_files().join("deskbell.exe"), "damaged").unwrap();
    // What `/fa` stands for, which wine does not know.
    let (code, log) = install(&device, FIRST, &["REINSTALL=ALL", "REINSTALLMODE=amus", QUIET]).await;
    assert_eq!(code, 0, "{log}");
    assert_eq!((device.registry().await.unwrap(), device.files().unwrap()), before);
}

#[tokio::test]
async fn the_msi_removes_the_program_and_keeps_what_people_wrote() {
    let device = with_first().await;
    let written = device.write_something().unwrap();
    let package = windows_path(&msi(FIRST));
    let (code, log) = msiexec(&device, "/x", &package, &[]).await;
    assert_eq!(code, 0, "{log}");
    device.is_removed().await.unwrap();
    Device::kept(&written).unwrap();

    let (code, log) = install(&device, FIRST, &[QUIET]).await;
    assert_eq!(code, 0, "{log}");
    let (code, log) = msiexec(&device, "/x", &package, &["PURGE_USER_DATA=1"]).await;
    assert_eq!(code, 0, "{log}");
    device.is_removed().await.unwrap();
    assert!(!written.parent().unwrap().exists(), "the data goes where an administrator says so");
}

#[tokio::test]
async fn the_two_kinds_of_installer_keep_out_of_each_others_way() {
    let device = with_first().await;
    let by_setup = device.run(&setup_exe(SECOND), &["/S", "/START_AGENT=0"]).await.unwrap();
    assert_eq!(by_setup.code, 1638 & 0xff, "setup.exe leaves an msi's installation alone");
    device.is_installed(FIRST, "msi").await.unwrap();

    let other = Device::new().await.unwrap();
    assert_eq!(other.run(&setup_exe(FIRST), &["/S", "/START_AGENT=0"]).await.unwrap().code, 0);
    let (code, log) = install(&other, SECOND, &[QUIET]).await;
    assert_eq!(code, INSTALL_FAILURE, "{log}");
    other.is_installed(FIRST, "setup").await.unwrap();
}
