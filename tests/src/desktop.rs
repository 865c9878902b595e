//! A private desktop: a screen, a session bus, a key ring, a window manager and a home of its own.

use std::{
    fs::{DirBuilder, create_dir_all},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use tokio::process::Command;

use crate::{
    process::{self, Process, START},
    wait::until,
};

pub const WIDTH: u32 = 1280;
pub const HEIGHT: u32 = 960;

/// Fields are dropped in their order: what needs the screen and the bus ends before them.
#[derive(Debug)]
pub struct Desktop {
    _manager: Process,
    _keys: Process,
    _bus: Process,
    _screen: Process,
    folder: PathBuf,
    display: String,
    address: String,
}

impl Desktop {
    /// Starts everything below `folder`, and returns when a program can be started on it.
    pub async fn start(folder: &Path) -> Result<Self> {
        let logs = folder.join("logs");
        create_dir_all(&logs)?;
        for name in ["home", "config", "data", "cache", "state"] {
            create_dir_all(folder.join(name))?;
        }
        let runtime = folder.join("run");
        if !runtime.exists() {
            DirBuilder::new().mode(0o700).create(&runtime)?;
        }
        let (screen, display) = screen(&logs).await?;
        let (bus, address) = bus(folder, &logs).await?;
        let base = environment(folder, &display, &address);
        let keys = key_ring(&base, &logs).await?;
        let manager = window_manager(&base, &logs).await?;
        Ok(Self {
            _manager: manager,
            _keys: keys,
            _bus: bus,
            _screen: screen,
            folder: folder.to_owned(),
            display,
            address,
        })
    }

    /// A program on this desktop, with nothing of the caller's session in its environment.
    #[must_use]
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        with_environment(process::command(program), &environment(&self.folder, &self.display, &self.address))
    }

    /// A connection of the test's own to the session bus.
    pub async fn bus(&self) -> Result<zbus::Connection> {
        zbus::connection::Builder::address(self.address.as_str())?.build().await.context("cannot join the session bus")
    }

    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    #[must_use]
    pub fn log(&self, name: &str) -> PathBuf {
        self.folder.join("logs").join(format!("{name}.log"))
    }

    /// Presses keys as a keyboard would: `ctrl+F12`, `Tab`, `Return`.
    pub async fn press(&self, keys: &[&str]) -> Result<()> {
        let mut command = self.command("xdotool");
        command.args(["key", "--clearmodifiers", "--delay", "30"]).args(keys);
        process::run(command).await.map(drop)
    }

    /// Types a text, letter by letter, into whatever has the focus.
    pub async fn type_text(&self, text: &str) -> Result<()> {
        let mut command = self.command("xdotool");
        command.args(["type", "--clearmodifiers", "--delay", "15", "--", text]);
        process::run(command).await.map(drop)
    }

    /// The title of the window that has the focus.
    pub async fn focused(&self) -> Result<String> {
        let mut command = self.command("xdotool");
        command.args(["getactivewindow", "getwindowname"]);
        Ok(String::from_utf8(process::run(command).await?)?.trim().to_owned())
    }

    /// The id of the window that has the focus.
    pub async fn focused_id(&self) -> Result<String> {
        let mut command = self.command("xdotool");
        command.arg("getactivewindow");
        Ok(String::from_utf8(process::run(command).await?)?.trim().to_owned())
    }

    /// The visible windows whose title holds `title`.
    pub async fn visible(&self, title: &str) -> Result<Vec<String>> {
        let mut command = self.command("xdotool");
        command.args(["search", "--onlyvisible", "--name", title]);
        // It fails where it finds none.
        let found = process::run(command).await.unwrap_or_default();
        Ok(String::from_utf8(found)?.lines().map(str::to_owned).collect())
    }

    /// Gives a window the focus, found by its title.
    pub async fn focus(&self, title: &str) -> Result<()> {
        let mut command = self.command("xdotool");
        command.args(["search", "--sync", "--onlyvisible", "--name", title, "windowactivate", "--sync"]);
        process::run(command).await.map(drop)
    }
}

type Environment = Vec<(&'static str, String)>;

fn environment(folder: &Path, display: &str, address: &str) -> Environment {
    let path = |name: &str| folder.join(name).display().to_string();
    vec![
        ("PATH", std::env::var("PATH").unwrap_or_default()),
        ("HOME", path("home")),
        ("XDG_CONFIG_HOME", path("config")),
        ("XDG_DATA_HOME", path("data")),
        ("XDG_CACHE_HOME", path("cache")),
        ("XDG_STATE_HOME", path("state")),
        ("XDG_RUNTIME_DIR", path("run")),
        ("XDG_SESSION_TYPE", "x11".into()),
        ("XDG_CURRENT_DESKTOP", "Openbox".into()),
        ("DISPLAY", display.into()),
        ("DBUS_SESSION_BUS_ADDRESS", address.into()),
        ("LANG", "C.UTF-8".into()),
        ("GDK_BACKEND", "x11".into()),
        ("NO_AT_BRIDGE", "1".into()),
        ("LIBGL_ALWAYS_SOFTWARE", "1".into()),
        ("GTK_USE_PORTAL", "0".into()),
    ]
}

fn with_environment(mut command: Command, environment: &Environment) -> Command {
    command.env_clear().envs(environment.iter().map(|(name, value)| (*name, value)));
    command
}

async fn screen(logs: &Path) -> Result<(Process, String)> {
    let mut command = process::command("Xvfb");
    // The server itself picks a free display and says which on the standard output.
    command.args(["-displayfd", "1", "-nolisten", "tcp", "-noreset", "-screen", "0"]);
    command.arg(format!("{WIDTH}x{HEIGHT}x24"));
    let mut screen = Process::start("Xvfb", command, &logs.join("xvfb.log"))?;
    let number =
        screen.said("its display", |text| text.lines().find_map(|line| line.trim().parse::<u32>().ok())).await?;
    Ok((screen, format!(":{number}")))
}

async fn bus(folder: &Path, logs: &Path) -> Result<(Process, String)> {
    let mut command = process::command("dbus-daemon");
    command.args(["--session", "--nofork", "--print-address=1"]);
    command.arg(format!("--address=unix:path={}", folder.join("run/bus").display()));
    let command = with_environment(command, &environment(folder, "", ""));
    let mut bus = Process::start("dbus-daemon", command, &logs.join("bus.log"))?;
    let address =
        bus.said("its address", |text| text.lines().find(|l| l.starts_with("unix:")).map(str::to_owned)).await?;
    Ok((bus, address))
}

async fn key_ring(base: &Environment, logs: &Path) -> Result<Process> {
    let mut command = with_environment(process::command("gnome-keyring-daemon"), base);
    command.args(["--foreground", "--unlock", "--components=secrets"]);
    let keys =
        Process::start_with_input("gnome-keyring-daemon", &mut command, &logs.join("keys.log"), Some("a password"))?;
    let address = value(base, "DBUS_SESSION_BUS_ADDRESS");
    let bus = zbus::connection::Builder::address(address)?.build().await?;
    let names = zbus::fdo::DBusProxy::new(&bus).await?;
    let name = zbus::names::BusName::try_from("org.freedesktop.secrets")?;
    until("the key ring is on the bus", START, async || Ok(names.name_has_owner(name.clone()).await?.then_some(())))
        .await?;
    Ok(keys)
}

async fn window_manager(base: &Environment, logs: &Path) -> Result<Process> {
    let command = with_environment(process::command("openbox"), base);
    let manager = Process::start("openbox", command, &logs.join("openbox.log"))?;
    until("the window manager manages", START, async || {
        let mut command = with_environment(process::command("xprop"), base);
        command.args(["-root", "_NET_SUPPORTING_WM_CHECK"]);
        let answer = String::from_utf8_lossy(&process::run(command).await?).into_owned();
        Ok(answer.contains("window id").then_some(()))
    })
    .await?;
    Ok(manager)
}

fn value<'a>(environment: &'a Environment, name: &str) -> &'a str {
    environment.iter().find(|(n, _)| *n == name).map_or("", |(_, value)| value)
}
