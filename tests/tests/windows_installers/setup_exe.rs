//! `setup.exe /S`.

use std::fs;

use deskbell_tests::{wait::until, wine::PATIENCE};

use crate::{
    device::{Device, KEY, RUN, URL},
    packages::{FIRST, SECOND, setup_exe},
};

const QUIET: &str = "/START_AGENT=0";
/// Windows' numbers, of which this machine's shell keeps the lowest eight bits.
const PRODUCT_VERSION: i32 = 1638 & 0xff;
const INVALID_COMMAND_LINE: i32 = 1639 & 0xff;

fn settings() -> [String; 2] {
    [format!("/SERVER_URL={URL}"), format!("/ENROLMENT_KEY={KEY}")]
}

async fn with_first() -> Device {
    let device = Device::new().await.unwrap();
    let [url, key] = settings();
    let ended = device.run(&setup_exe(FIRST), &["/S", &url, &key, QUIET]).await.unwrap();
    assert_eq!((ended.code, ended.printed.trim()), (0, ""), "silent means silent");
    device
}

#[tokio::test]
async fn setup_exe_installs_for_everyone_without_a_question() {
    let device = with_first().await;
    device.is_installed(FIRST, "setup").await.unwrap();
    device.settings_are(URL, KEY).await.unwrap();
    assert_eq!(
        device.files_with_the_key().unwrap(),
        Vec::<std::path::PathBuf>::new(),
        "no file and no log holds the key"
    );
}

#[tokio::test]
async fn setup_exe_upgrades_and_keeps_settings_and_unsent_tickets() {
    let device = with_first().await;
    let written = device.write_something().unwrap();
    assert_eq!(device.run(&setup_exe(SECOND), &["/S", QUIET]).await.unwrap().code, 0);
    device.is_installed(SECOND, "setup").await.unwrap();
    device.settings_are(URL, KEY).await.unwrap();
    Device::kept(&written).unwrap();

    let before = (device.registry().await.unwrap(), device.files().unwrap());
    let older = device.run(&setup_exe(FIRST), &["/S", QUIET]).await.unwrap();
    assert_eq!(older.code, PRODUCT_VERSION, "an older version is refused");
    assert_eq!((device.registry().await.unwrap(), device.files().unwrap()), before, "and changes nothing");

    let new = ["/S", "/ENROLMENT_KEY=DB-NEW", QUIET];
    assert_eq!(device.run(&setup_exe(SECOND), &new).await.unwrap().code, 0);
    device.settings_are(URL, "DB-NEW").await.unwrap();
}

#[tokio::test]
async fn setup_exe_repairs_what_is_damaged_and_changes_nothing_else() {
    let device = with_first().await;
    let before = (device.registry().await.unwrap(), device.files().unwrap());
    fs::remove_file(device.program_files().join("WebView2Loader.dll")).unwrap();
    fs::write(device.program_files().join("deskbell.exe"), "damaged").unwrap();
    assert_eq!(device.run(&setup_exe(FIRST), &["/S", QUIET]).await.unwrap().code, 0);
    assert_eq!((device.registry().await.unwrap(), device.files().unwrap()), before);
}

#[tokio::test]
async fn setup_exe_removes_the_program_and_keeps_what_people_wrote() {
    let device = with_first().await;
    let written = device.write_something().unwrap();
    device.installed("uninstall.exe", &["/S"]).await.unwrap();
    device.is_removed().await.unwrap();
    Device::kept(&written).unwrap();

    let [url, key] = settings();
    assert_eq!(device.run(&setup_exe(FIRST), &["/S", &url, &key, QUIET]).await.unwrap().code, 0);
    device.installed("uninstall.exe", &["/S", "/PURGE_USER_DATA=1"]).await.unwrap();
    device.is_removed().await.unwrap();
    assert!(!written.parent().unwrap().exists(), "the data goes where an administrator says so");
}

#[tokio::test]
async fn setup_exe_installs_for_one_person_alone() {
    let device = Device::new().await.unwrap();
    let [url, _] = settings();
    assert_eq!(device.run(&setup_exe(FIRST), &["/S", "/CURRENTUSER", &url, QUIET]).await.unwrap().code, 0);
    let folder = device.wine.local_app_data().unwrap().join("Programs/Deskbell");
    assert!(folder.join("deskbell.exe").is_file() && !device.program_files().exists());
    let own = device.wine.value(r"HKCU\SOFTWARE\Deskbell", "server_url").await.unwrap();
    assert_eq!(own.as_deref(), Some(URL));
    let run = RUN.replace("HKLM", "HKCU");
    assert!(device.wine.value(&run, "Deskbell").await.unwrap().unwrap().ends_with(" start"));
    assert!(device.wine.value(RUN, "Deskbell").await.unwrap().is_none(), "nobody else starts it");

    device.run(&folder.join("uninstall.exe"), &["/S", "/CurrentUser"]).await.unwrap();
    until("the folder is gone", PATIENCE, async || Ok((!folder.exists()).then_some(()))).await.unwrap();
    assert!(device.wine.value(&run, "Deskbell").await.unwrap().is_none());
    assert!(device.wine.registry(r"HKCU\SOFTWARE\Deskbell").await.unwrap().is_none());
}

#[tokio::test]
async fn setup_exe_refuses_what_cannot_be_right() {
    let device = Device::new().await.unwrap();
    let ended = device.run(&setup_exe(FIRST), &["/S", "/SERVER_URL=help.example.org"]).await.unwrap();
    assert_eq!(ended.code, INVALID_COMMAND_LINE, "an address has a scheme");
    assert!(!device.program_files().exists());

    let everyone = device.run(&setup_exe(FIRST), &["/S", QUIET]).await.unwrap();
    assert_eq!(everyone.code, 0);
    let alone = device.run(&setup_exe(FIRST), &["/S", "/CURRENTUSER", QUIET]).await.unwrap();
    assert_eq!(alone.code, PRODUCT_VERSION, "one device has one installation");
}
