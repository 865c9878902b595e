//! An upgrade while somebody is at work.

use deskbell_tests::wait::until;

use crate::{
    device::Device,
    packages::{FIRST, SECOND, msi, setup_exe},
};
use deskbell_tests::wine::{PATIENCE, windows_path};

/// The process, as this machine sees it, in which the installed agent runs on the device.
fn agent(device: &Device) -> Option<u32> {
    let prefix = format!("WINEPREFIX={}", device.wine.drive_c().parent()?.display());
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    let ours = processes.filter(|process| {
        let read = |name: &str| std::fs::read(process.path().join(name)).unwrap_or_default();
        read("cmdline").starts_with(br"C:\Program Files\Deskbell\deskbell.exe")
            && read("environ").split(|byte| *byte == 0).any(|variable| variable == prefix.as_bytes())
    });
    ours.filter_map(|process| process.file_name().to_str()?.parse().ok()).min()
}

async fn running(device: &Device) -> u32 {
    until("the agent runs", PATIENCE, async || {
        let status = device.installed("deskbell.exe", &["status", "--json"]).await?;
        Ok(if status.printed.contains(r#""running":true"#) { agent(device) } else { None })
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn setup_exe_closes_the_agent_and_starts_the_new_one() {
    let device = Device::new().await.unwrap();
    let install =
        async |version: &str| device.run_and_leave(&windows_path(&setup_exe(version)), &["/S"]).await.unwrap();
    assert_eq!(install(FIRST).await, 0);
    let first = running(&device).await;
    assert_eq!(install(SECOND).await, 0);
    device.is_installed(SECOND, "setup").await.unwrap();
    assert_ne!(running(&device).await, first, "the agent that runs now is another one");
    device.installed("uninstall.exe", &["/S"]).await.unwrap();
    device.is_removed().await.unwrap();
    assert_eq!(agent(&device), None, "a program that is gone does not run");
}

#[tokio::test]
async fn the_msi_closes_the_agent_and_starts_the_new_one() {
    let device = Device::new().await.unwrap();
    let install = async |version: &str| {
        device.run_and_leave("msiexec", &["/i", &windows_path(&msi(version)), "/qn"]).await.unwrap()
    };
    assert_eq!(install(FIRST).await, 0);
    let first = running(&device).await;
    assert_eq!(install(SECOND).await, 0);
    device.is_installed(SECOND, "msi").await.unwrap();
    assert_ne!(running(&device).await, first, "the agent that runs now is another one");
}
