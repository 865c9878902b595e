//! A private desktop: a screen, a session bus, a key ring, a window manager and a home of its own.

use std::{
    fs::{DirBuilder, create_dir_all},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use tokio::process::Command;

use crate::{
    os_user::Person,
    process::{self, Process, START},
    wait::{SOON, until},
};

pub const WIDTH: u32 = 1280;
pub const HEIGHT: u32 = 960;

/// Fields are dropped in their order: what needs the screen and the bus ends before them.
#[derive(Debug)]
pub struct Desktop {
    _manager: Process,
    _keys: Option<Process>,
    _bus: Process,
    _screen: Process,
    seat: Seat,
}

/// Where and as whom the programs of a desktop run.
#[derive(Debug)]
struct Seat {
    folder: PathBuf,
    /// Nobody: as whoever runs the test.
    person: Option<Person>,
    display: String,
    address: String,
}

/// Whether a desktop has a key ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRing {
    Open,
    Absent,
}

impl Desktop {
    /// Starts everything below `folder`, and returns when a program can be started on it.
    pub async fn start(folder: &Path) -> Result<Self> {
        Self::start_as(folder, None, KeyRing::Open).await
    }

    /// The same for another user of this computer, with homes that everybody may read, as
    /// distributions made them for decades: what is private has to be made so by who writes it.
    pub async fn start_as(folder: &Path, person: Option<&Person>, keys: KeyRing) -> Result<Self> {
        let logs = folder.join("logs");
        create_dir_all(&logs)?;
        let mut seat =
            Seat { folder: folder.to_owned(), person: person.cloned(), display: String::new(), address: String::new() };
        for name in ["home", "config", "data", "cache", "state"] {
            create_dir_all(folder.join(name))?;
            seat.own(&folder.join(name))?;
        }
        let runtime = folder.join("run");
        if !runtime.exists() {
            DirBuilder::new().mode(0o700).create(&runtime)?;
        }
        seat.own(&runtime)?;
        let (screen, display) = screen(&seat, &logs).await?;
        seat.display = display;
        let (bus, address) = bus(&seat, keys, &logs).await?;
        seat.address = address;
        let keys = match keys {
            KeyRing::Open => Some(key_ring(&seat, &logs).await?),
            KeyRing::Absent => None,
        };
        let manager = window_manager(&seat, &logs).await?;
        Ok(Self { _manager: manager, _keys: keys, _bus: bus, _screen: screen, seat })
    }

    /// A program on this desktop, with nothing of the caller's session in its environment.
    #[must_use]
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        self.seat.command(program)
    }

    /// A connection of the test's own to the session bus.
    pub async fn bus(&self) -> Result<zbus::Connection> {
        self.seat.bus().await
    }

    /// The X server's name: `:7`.
    #[must_use]
    pub fn display(&self) -> &str {
        &self.seat.display
    }

    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.seat.folder
    }

    #[must_use]
    pub fn log(&self, name: &str) -> PathBuf {
        self.seat.folder.join("logs").join(format!("{name}.log"))
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
        // It fails where it finds none.
        let found = self.search(&["search", "--onlyvisible", "--name", title]).await.unwrap_or_default();
        Ok(found.lines().map(str::to_owned).collect())
    }

    /// Gives a window the focus, found by its title.
    pub async fn focus(&self, title: &str) -> Result<()> {
        let words = ["search", "--sync", "--onlyvisible", "--name", title, "windowactivate", "--sync"];
        self.search(&words).await.map(drop)
    }

    /// Presses Escape in a window until it is gone. Nothing here waits for a window: it may close at any moment.
    pub async fn close(&self, title: &str) -> Result<()> {
        until("the window is closed", SOON, async || {
            if self.visible(title).await?.is_empty() {
                return Ok(Some(()));
            }
            self.search(&["search", "--onlyvisible", "--name", title, "windowactivate"]).await?;
            self.press(&["Escape"]).await?;
            Ok(None)
        })
        .await
    }

    /// What xdotool finds. It asks every window for its name, and falls over where one of them closes meanwhile: that
    /// says nothing of the others, and it is asked again.
    async fn search(&self, words: &[&str]) -> Result<String> {
        let answer = until("no window closes", SOON, async || {
            let mut command = self.command("xdotool");
            command.args(words);
            match process::run(command).await {
                Err(error) if format!("{error:#}").contains("BadWindow") => Err(error),
                answer => Ok(Some(answer)),
            }
        });
        Ok(String::from_utf8(answer.await??)?)
    }
}

impl Seat {
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = match &self.person {
            Some(person) => person.command(program),
            None => process::command(program),
        };
        command.env_clear().envs(self.environment());
        command
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let path = |name: &str| self.folder.join(name).display().to_string();
        let mut environment = vec![
            ("PATH", std::env::var("PATH").unwrap_or_default()),
            ("HOME", path("home")),
            ("XDG_CONFIG_HOME", path("config")),
            ("XDG_DATA_HOME", path("data")),
            ("XDG_CACHE_HOME", path("cache")),
            ("XDG_STATE_HOME", path("state")),
            ("XDG_RUNTIME_DIR", path("run")),
            ("XDG_SESSION_TYPE", "x11".into()),
            ("XDG_CURRENT_DESKTOP", "Openbox".into()),
            ("DISPLAY", self.display.clone()),
            ("DBUS_SESSION_BUS_ADDRESS", self.address.clone()),
            ("LANG", "C.UTF-8".into()),
            ("GDK_BACKEND", "x11".into()),
            ("NO_AT_BRIDGE", "1".into()),
            ("LIBGL_ALWAYS_SOFTWARE", "1".into()),
            ("GTK_USE_PORTAL", "0".into()),
        ];
        environment.extend(self.person.iter().map(|person| ("USER", person.name.clone())));
        environment
    }

    fn own(&self, path: &Path) -> Result<()> {
        self.person.as_ref().map_or(Ok(()), |person| person.own(path))
    }

    async fn bus(&self) -> Result<zbus::Connection> {
        let builder = zbus::connection::Builder::address(self.address.as_str())?;
        builder.build().await.context("cannot join the session bus")
    }
}

async fn screen(seat: &Seat, logs: &Path) -> Result<(Process, String)> {
    let mut command = match &seat.person {
        Some(person) => person.command("Xvfb"),
        None => process::command("Xvfb"),
    };
    // The server itself picks a free display and says which on the standard output.
    command.args(["-displayfd", "1", "-nolisten", "tcp", "-noreset", "-screen", "0"]);
    command.arg(format!("{WIDTH}x{HEIGHT}x24"));
    let mut screen = Process::start("Xvfb", command, &logs.join("xvfb.log"))?;
    let number =
        screen.said("its display", |text| text.lines().find_map(|line| line.trim().parse::<u32>().ok())).await?;
    Ok((screen, format!(":{number}")))
}

/// The session's own bus. It lets in whom it belongs to and, for the harness, root. Without services to
/// start it leaves a desktop without a key ring without one.
async fn bus(seat: &Seat, keys: KeyRing, logs: &Path) -> Result<(Process, String)> {
    let services = if keys == KeyRing::Open { "<standard_session_servicedirs/>" } else { "" };
    let rules = seat.folder.join("bus.conf");
    let socket = seat.folder.join("run/bus");
    let text = format!(
        "<busconfig><type>session</type><listen>unix:path={}</listen><auth>EXTERNAL</auth>{services}
        <policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/>
        <allow own=\"*\"/><allow user=\"root\"/></policy></busconfig>",
        socket.display()
    );
    std::fs::write(&rules, text)?;
    let mut command = seat.command("dbus-daemon");
    command.args(["--nofork", "--print-address=1"]).arg(format!("--config-file={}", rules.display()));
    let mut bus = Process::start("dbus-daemon", command, &logs.join("bus.log"))?;
    let address =
        bus.said("its address", |text| text.lines().find(|l| l.starts_with("unix:")).map(str::to_owned)).await?;
    Ok((bus, address))
}

async fn key_ring(seat: &Seat, logs: &Path) -> Result<Process> {
    let mut command = seat.command("gnome-keyring-daemon");
    command.args(["--foreground", "--unlock", "--components=secrets"]);
    let keys =
        Process::start_with_input("gnome-keyring-daemon", &mut command, &logs.join("keys.log"), Some("a password"))?;
    let names = zbus::fdo::DBusProxy::new(&seat.bus().await?).await?;
    let name = zbus::names::BusName::try_from("org.freedesktop.secrets")?;
    until("the key ring is on the bus", START, async || Ok(names.name_has_owner(name.clone()).await?.then_some(())))
        .await?;
    Ok(keys)
}

async fn window_manager(seat: &Seat, logs: &Path) -> Result<Process> {
    let manager = Process::start("openbox", seat.command("openbox"), &logs.join("openbox.log"))?;
    until("the window manager manages", START, async || {
        let mut command = seat.command("xprop");
        command.args(["-root", "_NET_SUPPORTING_WM_CHECK"]);
        let answer = String::from_utf8_lossy(&process::run(command).await?).into_owned();
        Ok(answer.contains("window id").then_some(()))
    })
    .await?;
    Ok(manager)
}
