//! What administrators copy and paste from `docs/deploy`, run as it stands.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};

use crate::{
    device::{Device, SETTINGS},
    packages::{FIRST, msi, setup_exe},
};

const URL: &str = "https://help.example.org";
const KEY: &str = "DB-PUT-YOUR-KEY-HERE";

/// The blocks that are marked as commands of Windows, in their order.
fn commands(page: &str) -> Result<Vec<String>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/deploy").join(page);
    let text = fs::read_to_string(&file).with_context(|| format!("{} is missing", file.display()))?;
    let blocks = text.split("```cmd\n").skip(1).filter_map(|rest| rest.split_once("```"));
    Ok(blocks.map(|(block, _)| block.to_owned()).collect())
}

/// The block of a page that holds these words.
fn command(page: &str, words: &[&str]) -> Result<String> {
    let found = commands(page)?.into_iter().find(|block| words.iter().all(|word| block.contains(word)));
    found.with_context(|| format!("{page} has no command with {words:?}"))
}

/// Runs a block as a script in a folder with both packages under the names that the pages use.
async fn run(device: &Device, block: &str) -> Result<i32> {
    let folder = device.wine.drive_c().join("rollout");
    fs::create_dir_all(&folder)?;
    for (package, name) in [(setup_exe(FIRST), "deskbell-setup.exe"), (msi(FIRST), "deskbell.msi")] {
        if !folder.join(name).exists() {
            fs::copy(package, folder.join(name))?;
        }
    }
    fs::write(folder.join("run.cmd"), format!("cd /d C:\\rollout\r\n{}", block.replace('\n', "\r\n")))?;
    device.run_and_leave("cmd", &["/c", r"C:\rollout\run.cmd"]).await
}

#[tokio::test]
async fn the_documented_commands_install_and_remove_setup_exe() {
    let device = Device::new().await.unwrap();
    for page in ["intune.md", "shell.md"] {
        let install = command(page, &["deskbell-setup.exe /S /SERVER_URL"]).unwrap();
        assert_eq!(run(&device, &install).await.unwrap(), 0, "{page}");
        device.is_installed(FIRST, "setup").await.unwrap();
        device.settings_are(URL, KEY).await.unwrap();
        run(&device, &command(page, &["uninstall.exe"]).unwrap()).await.unwrap();
        device.is_removed().await.unwrap();
    }
}

#[tokio::test]
async fn the_documented_commands_install_find_and_remove_the_msi() {
    let device = Device::new().await.unwrap();
    let script = command("group-policy.md", &["%~dp0deskbell.msi"]).unwrap();
    for (page, install) in [
        ("intune.md", command("intune.md", &["msiexec /i"]).unwrap()),
        ("shell.md", command("shell.md", &["msiexec /i"]).unwrap()),
        ("shell.md", script),
    ] {
        assert_eq!(run(&device, &install).await.unwrap(), 0, "{install}");
        device.is_installed(FIRST, "msi").await.unwrap();
        device.settings_are(URL, KEY).await.unwrap();
        detected(&device).await.unwrap();
        assert_eq!(run(&device, &command(page, &["msiexec /x"]).unwrap()).await.unwrap(), 0, "{page}");
        device.is_removed().await.unwrap();
    }
}

/// By the command, and by what the detection rule beside it names.
async fn detected(device: &Device) -> Result<()> {
    let query = command("intune.md", &["reg query"])?;
    ensure!(run(device, &query).await? == 0, "{query}");
    ensure!(query.contains(&format!(r"{SETTINGS}\Installation /v version")), "{query}");
    Ok(())
}

#[tokio::test]
async fn the_documented_command_installs_for_one_person() {
    let device = Device::new().await.unwrap();
    let install = command("shell.md", &["/CURRENTUSER"]).unwrap();
    assert_eq!(run(&device, &install).await.unwrap(), 0);
    assert!(device.wine.local_app_data().unwrap().join("Programs/Deskbell/deskbell.exe").is_file());
}

#[test]
fn no_command_on_the_pages_is_left_out() {
    let count = |page: &str| commands(page).unwrap().len();
    let found = ["intune.md", "group-policy.md", "shell.md"].map(count);
    assert_eq!(found, [5, 1, 5], "a new command on a page needs a test here");
}
