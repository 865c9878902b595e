//! Windows as wine plays it: a system of its own for each test, on the test's private desktop.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    rc::Rc,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use tokio::process::Command;

use crate::{desktop::Desktop, process};

/// The size of the screen that Windows programs see.
pub const SCREEN: (u32, u32) = (1024, 768);
/// The title of the window that this screen is.
pub const SCREEN_TITLE: &str = "Wine desktop";

/// Where `cargo xtask test windows` says that they are; what it makes by default otherwise.
const PROGRAMS: (&str, &str) = ("DESKBELL_WINDOWS_PROGRAMS", "x86_64-pc-windows-gnu/debug");
const TEMPLATE: (&str, &str) = ("DESKBELL_WINE_TEMPLATE", "cross/wine");

/// How long a program of Windows may take; wine starts slowly on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Debug)]
pub struct Wine {
    desktop: Rc<Desktop>,
    prefix: PathBuf,
}

/// What a program of Windows printed, and how it ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub printed: String,
}

impl Wine {
    /// A fresh system, as after Windows' own set-up.
    pub async fn new(desktop: &Rc<Desktop>) -> Result<Self> {
        let template = folder(TEMPLATE)?;
        ensure!(template.is_dir(), "{} is missing; run `cargo xtask test windows`", template.display());
        let prefix = desktop.folder().join("wine");
        copy(&template, &prefix).await?;
        Ok(Self { desktop: Rc::clone(desktop), prefix })
    }

    /// A program and its words, without a window of its own.
    #[must_use]
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = self.unix("wine");
        command.arg(program);
        command
    }

    /// A program with its windows and its tray, on a screen of Windows' own.
    #[must_use]
    pub fn with_screen(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = self.unix("wine");
        command.args(["explorer", &format!("/desktop=deskbell,{}x{}", SCREEN.0, SCREEN.1)]).arg(program);
        command
    }

    /// A program of this machine that belongs to wine, such as `wineserver`.
    fn unix(&self, program: &str) -> Command {
        let mut command = self.desktop.command(program);
        command.env("WINEPREFIX", &self.prefix).env("WINEDEBUG", "-all");
        command.env("WINEDLLOVERRIDES", "mscoree=;mshtml=");
        command
    }

    /// Runs a program to its end, whatever that is.
    pub async fn run(&self, mut command: Command) -> Result<Ended> {
        let shown = format!("{:?}", command.as_std());
        let output = tokio::time::timeout(PATIENCE, command.stdin(Stdio::null()).output())
            .await
            .with_context(|| format!("{shown} does not end"))??;
        let said = [output.stdout, output.stderr].concat();
        let printed = String::from_utf8_lossy(&said).replace('\r', "");
        Ok(Ended { code: output.status.code().unwrap_or(-1), printed })
    }

    /// What a key of the registry and those below it hold; nothing where there is no such key.
    pub async fn registry(&self, key: &str) -> Result<Option<String>> {
        let mut command = self.command("reg");
        command.args(["query", key, "/s"]);
        let ended = self.run(command).await?;
        Ok((ended.code == 0).then_some(ended.printed))
    }

    /// The text of one value, where it is there.
    pub async fn value(&self, key: &str, name: &str) -> Result<Option<String>> {
        let mut command = self.command("reg");
        command.args(["query", key, "/v", name]);
        let ended = self.run(command).await?;
        // `    name    REG_SZ    text`
        let line = ended.printed.lines().find_map(|line| line.trim().strip_prefix(name).map(str::trim_start));
        let text = line.and_then(|line| line.split_once("    ")).map(|(_, text)| text.trim().to_owned());
        Ok(text.filter(|_| ended.code == 0))
    }

    /// Writes a text into the registry.
    pub async fn set_value(&self, key: &str, name: &str, text: &str) -> Result<()> {
        self.add(key, name, "REG_SZ", text).await
    }

    /// Writes a number into the registry.
    pub async fn set_number(&self, key: &str, name: &str, number: u32) -> Result<()> {
        self.add(key, name, "REG_DWORD", &number.to_string()).await
    }

    async fn add(&self, key: &str, name: &str, kind: &str, value: &str) -> Result<()> {
        let mut command = self.command("reg");
        command.args(["add", key, "/v", name, "/t", kind, "/d", value, "/f"]);
        let ended = self.run(command).await?;
        ensure!(ended.code == 0, "reg add {key}: {}", ended.printed);
        Ok(())
    }

    /// Where `C:` lies.
    #[must_use]
    pub fn drive_c(&self) -> PathBuf {
        self.prefix.join("drive_c")
    }

    /// The signed-in person's `%LocalAppData%`.
    pub fn local_app_data(&self) -> Result<PathBuf> {
        let users = self.drive_c().join("users");
        for user in std::fs::read_dir(&users)? {
            let user = user?;
            if user.file_name() != "Public" {
                return Ok(user.path().join("AppData/Local"));
            }
        }
        bail!("nobody lives in {}", users.display())
    }

    #[must_use]
    pub fn desktop(&self) -> &Rc<Desktop> {
        &self.desktop
    }
}

impl Drop for Wine {
    /// Ends this prefix's programs, and none of another one's.
    fn drop(&mut self) {
        let mut end = std::process::Command::new("wineserver");
        end.arg("-k").env("WINEPREFIX", &self.prefix).stdout(Stdio::null()).stderr(Stdio::null());
        if let Err(error) = end.status() {
            eprintln!("wine's programs go on: {error}");
        }
    }
}

/// How Windows programs name a file of this machine.
#[must_use]
pub fn windows_path(path: &Path) -> String {
    format!("Z:{}", path.display().to_string().replace('/', "\\"))
}

/// A program that was built for Windows.
pub fn program(name: &str) -> Result<PathBuf> {
    let path = folder(PROGRAMS)?.join(name);
    ensure!(path.is_file(), "{} is not built; run `cargo xtask test windows`", path.display());
    Ok(path)
}

fn folder((variable, default): (&str, &str)) -> Result<PathBuf> {
    if let Some(folder) = std::env::var_os(variable) {
        return Ok(folder.into());
    }
    let own = std::env::current_exe()?;
    // target/debug/deps/<test>
    let target = own.ancestors().nth(3).context("a test lies in target/debug/deps")?;
    Ok(target.join(default))
}

/// The system's files are shared with the template, which is quick; what is written to is a copy.
async fn copy(template: &Path, prefix: &Path) -> Result<()> {
    let cp = |how: &str| {
        let mut command = process::command("cp");
        command.arg(how).arg(template).arg(prefix);
        process::run(command)
    };
    if cp("-al").await.is_err() {
        // Links do not cross file systems.
        return cp("-aT").await.map(drop);
    }
    for entry in std::fs::read_dir(template)? {
        let file = entry?.path();
        if file.is_file() {
            let own = prefix.join(file.file_name().unwrap_or_default());
            std::fs::remove_file(&own)?;
            std::fs::copy(&file, own)?;
        }
    }
    Ok(())
}
