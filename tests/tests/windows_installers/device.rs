//! A device that somebody else administers, and what can be seen on it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    rc::Rc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use deskbell_tests::{
    desktop::Desktop,
    wait::until,
    wine::{Ended, Wine, windows_path},
};

pub(crate) const URL: &str = "https://help.example.org";
pub(crate) const KEY: &str = "DB-ENROLMENT-SECRET-4711";
pub(crate) const SETTINGS: &str = r"HKLM\SOFTWARE\Deskbell";
pub(crate) const RUN: &str = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Run";
const LINKS: &str = r"HKLM\SOFTWARE\Classes\deskbell";
const LINK: &str = r"HKLM\SOFTWARE\Classes\deskbell\shell\open\command";

const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Device {
    pub(crate) wine: Rc<Wine>,
    _folder: tempfile::TempDir,
}

impl Device {
    pub(crate) async fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let desktop = Rc::new(Desktop::start(folder.path()).await?);
        let wine = Rc::new(Wine::new(&desktop).await?);
        own_folders(&wine)?;
        Ok(Self { wine, _folder: folder })
    }

    /// Runs a program of this machine with these words; its answer is what a deployment tool would see.
    pub(crate) async fn run(&self, program: &Path, words: &[&str]) -> Result<Ended> {
        let mut command = self.wine.command(windows_path(program));
        command.args(words);
        self.wine.run(command).await
    }

    /// The same where an agent is started besides: it outlives the installer, and would keep its output open.
    pub(crate) async fn run_and_leave(&self, program: &str, words: &[&str]) -> Result<i32> {
        let mut command = self.wine.command(program);
        command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let status = tokio::time::timeout(PATIENCE, command.status()).await.context("the installer does not end")??;
        Ok(status.code().unwrap_or(-1))
    }

    /// The same for a program that is installed on the device.
    pub(crate) async fn installed(&self, program: &str, words: &[&str]) -> Result<Ended> {
        let mut command = self.wine.command(format!(r"C:\Program Files\Deskbell\{program}"));
        command.args(words);
        self.wine.run(command).await
    }

    pub(crate) fn program_files(&self) -> PathBuf {
        self.wine.drive_c().join("Program Files/Deskbell")
    }

    /// What a person has written, as one file of the agent's folder.
    pub(crate) fn write_something(&self) -> Result<PathBuf> {
        let file = self.wine.local_app_data()?.join("Deskbell/unsent.txt");
        fs::create_dir_all(file.parent().context("a file lies in a folder")?)?;
        fs::write(&file, "The printer prints blank pages")?;
        Ok(file)
    }

    pub(crate) fn kept(file: &Path) -> Result<()> {
        let text = fs::read_to_string(file).with_context(|| format!("{} is gone", file.display()))?;
        ensure!(text == "The printer prints blank pages", "what was written became {text:?}");
        Ok(())
    }

    /// Everything of the registry that an installation writes, to compare.
    pub(crate) async fn registry(&self) -> Result<String> {
        let mut all = String::new();
        for key in [SETTINGS, RUN, LINKS] {
            all += &self.wine.registry(key).await?.unwrap_or_default();
        }
        // What wine itself has to say is not the registry's.
        Ok(all.lines().filter(|line| !line.starts_with("wine: ")).collect::<Vec<_>>().join("\n"))
    }

    /// Names, sizes and times of the installed files, to compare.
    pub(crate) fn files(&self) -> Result<Vec<(PathBuf, u64)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(self.program_files())? {
            let entry = entry?;
            files.push((entry.path(), entry.metadata()?.len()));
        }
        files.sort();
        Ok(files)
    }

    /// What everyone who signs in to this device has from then on.
    pub(crate) async fn is_installed(&self, version: &str, kind: &str) -> Result<()> {
        for name in ["deskbell.exe", "WebView2Loader.dll", "LICENSE-MIT"] {
            ensure!(self.program_files().join(name).is_file(), "{name} is in Program Files");
        }
        let value = async |key: &str, name: &str| self.wine.value(key, name).await;
        let own = format!(r"{SETTINGS}\Installation");
        ensure!(value(&own, "kind").await?.as_deref() == Some(kind));
        ensure!(value(&own, "version").await?.as_deref() == Some(version));
        let autostart = value(RUN, "Deskbell").await?.context("no autostart for everyone")?;
        ensure!(autostart == r#""C:\Program Files\Deskbell\deskbell.exe" start"#, "{autostart}");
        let links = self.wine.registry(LINK).await?.context("deskbell:// opens nothing")?;
        ensure!(links.contains(r#""C:\Program Files\Deskbell\deskbell.exe" open "%1""#), "{links}");
        ensure!(self.wine.registry(LINKS).await?.context("no links")?.contains("URL Protocol"));
        ensure!(self.shortcuts()?.len() == 2, "start menu and desktop: {:?}", self.shortcuts()?);
        let listed = self.listed_version().await?;
        ensure!(listed.as_deref() == Some(version), "Windows' list of programs shows {listed:?}");
        Ok(())
    }

    pub(crate) async fn is_removed(&self) -> Result<()> {
        until("the program's folder is gone", deskbell_tests::wine::PATIENCE, async || {
            Ok((!self.program_files().exists()).then_some(()))
        })
        .await?;
        ensure!(self.wine.registry(SETTINGS).await?.is_none(), "the settings stay");
        ensure!(self.wine.registry(LINKS).await?.is_none(), "the links stay");
        ensure!(self.wine.value(RUN, "Deskbell").await?.is_none(), "the autostart stays");
        ensure!(self.shortcuts()?.is_empty(), "{:?}", self.shortcuts()?);
        ensure!(self.listed_version().await?.is_none(), "Windows' list of programs shows it");
        Ok(())
    }

    pub(crate) async fn settings_are(&self, url: &str, key: &str) -> Result<()> {
        let found = (self.wine.value(SETTINGS, "server_url").await?, self.wine.value(SETTINGS, "enrolment_key").await?);
        ensure!(found == (Some(url.to_owned()), Some(key.to_owned())), "the registry holds {found:?}");
        Ok(())
    }

    /// Shortcuts named after the product, wherever they lie.
    fn shortcuts(&self) -> Result<Vec<PathBuf>> {
        Ok(all_files(&self.wine.drive_c())?.into_iter().filter(|file| file.ends_with("Deskbell.lnk")).collect())
    }

    /// In *Apps & features*: setup.exe has a name there, an msi its product code.
    async fn listed_version(&self) -> Result<Option<String>> {
        let list = self.wine.registry(r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall").await?;
        let list = list.unwrap_or_default();
        let entry =
            list.split("\n\n").find(|entry| entry.lines().any(|line| field(line, "DisplayName") == Some("Deskbell")));
        Ok(entry.and_then(|entry| entry.lines().find_map(|line| field(line, "DisplayVersion")).map(str::to_owned)))
    }

    /// Files of the device that hold the enrolment key, in either of Windows' two ways to write a text.
    pub(crate) fn files_with_the_key(&self) -> Result<Vec<PathBuf>> {
        let wide: Vec<u8> = KEY.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let holds = |file: &PathBuf| {
            let bytes = fs::read(file).unwrap_or_default();
            [KEY.as_bytes(), wide.as_slice()].iter().any(|key| bytes.windows(key.len()).any(|part| part == *key))
        };
        // Wine's own programs, most of the disk, were there before.
        let own = |file: &&PathBuf| !file.to_string_lossy().contains("/windows/system32/");
        Ok(all_files(&self.wine.drive_c())?.iter().filter(own).filter(|file| holds(file)).cloned().collect())
    }
}

/// Wine links *Desktop* and its kin to folders of this machine; a device has its own.
fn own_folders(wine: &Wine) -> Result<()> {
    let local = wine.local_app_data()?;
    let person = local.ancestors().nth(2).context("a profile")?;
    for entry in fs::read_dir(person)? {
        let path = entry?.path();
        if path.is_symlink() {
            fs::remove_file(&path)?;
            fs::create_dir(&path)?;
        }
    }
    Ok(())
}

fn all_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() { files.extend(all_files(&path)?) } else { files.push(path) }
    }
    Ok(files)
}

/// `    DisplayName    REG_SZ    Deskbell`
fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.trim().strip_prefix(name)?.trim_start().strip_prefix("REG_SZ").map(str::trim)
}
