//! An upgrade while somebody is at work.

use deskbell_tests::wait::until;

use crate::{
    device::Device,
    packages::{FIRST, SECOND, msi, setup_exe},
};
use deskbell_tests::{wait::SOON, wine::windows_path};

/// The process's id, as Windows counts them, where the installed agent runs.
async fn agent(device: &Device) -> Option<String> {
    let list = device.wine.command("tasklist");
    let printed = device.wine.run(list).await.unwrap().printed;
    let line = printed.lines().find(|line| line.to_lowercase().contains("deskbell.exe"))?;
    line.split(|sign: char| !sign.is_ascii_digit()).find(|word| !word.is_empty()).map(str::to_owned)
}

async fn running(device: &Device) -> String {
    until("the agent runs", SOON * 2, async || {
        let status = device.installed("deskbell.exe", &["status", "--json"]).await?;
        Ok(if status.printed.contains(r#""running":true"#) { agent(device).await } else { None })
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
    assert_eq!(agent(&device).await, None, "a program that is gone does not run");
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
