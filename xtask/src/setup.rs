//! What this computer needs. It is listed first and installed only when somebody agrees.

use std::io::{IsTerminal, Write};

use anyhow::{Result, bail, ensure};

use crate::{
    cross, dist,
    shell::{self, command, ui},
};

/// How much a task needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Build everything and show it on this desktop.
    Demo,
    /// Play the story on a private desktop.
    Story,
    /// Build and package what is handed out.
    Dist,
    /// Everything that CI runs.
    Tests,
}

const BUILD: &[&str] = &[
    "build-essential",
    "libayatana-appindicator3-dev",
    "libdbus-1-dev",
    "libgbm-dev",
    "libpipewire-0.3-dev",
    "librsvg2-dev",
    "libwebkit2gtk-4.1-dev",
    "libxdo-dev",
    "pkg-config",
    "python3-aiosmtpd",
    "util-linux",
];
const DESKTOP: &[&str] = &[
    "adwaita-icon-theme",
    "chromium",
    "chromium-driver",
    "dbus",
    "fonts-dejavu-core",
    "fonts-noto-color-emoji",
    "gnome-keyring",
    "imagemagick",
    "libsecret-tools",
    "openbox",
    "webkit2gtk-driver",
    "weston",
    "x11-utils",
    "xdotool",
    "xvfb",
];
const TESTS: &[&str] = &[
    "cpio",
    "desktop-file-utils",
    "faketime",
    "libglib2.0-bin",
    "man-db",
    "minisign",
    "mitmproxy",
    "postgresql",
    "python3-venv",
    "rpm2cpio",
    "shellcheck",
];

/// Cargo's own helpers, built into `target/tools` so that this computer stays as it was.
const TOOLS: &[(&str, &str)] = &[("cargo-deny", "^0.20"), ("cargo-machete", "^0.9")];

/// Tries the API as it is described. PyPI's, in an environment of its own below `target/tools`.
const SCHEMATHESIS: [&str; 2] = ["schemathesis==4.32.5", "cryptography==50.0.2"];

pub(crate) fn run(extent: Extent, yes: bool) -> Result<()> {
    let yes = yes || unattended();
    node()?;
    let wanted = match extent {
        Extent::Demo => BUILD.to_vec(),
        Extent::Story => [BUILD, DESKTOP].concat(),
        Extent::Dist => [BUILD, cross::PACKAGES, dist::PACKAGES].concat(),
        Extent::Tests => [BUILD, DESKTOP, TESTS, cross::PACKAGES, dist::PACKAGES].concat(),
    };
    packages(&wanted, yes)?;
    npm(yes)?;
    if extent == Extent::Tests {
        tools(yes)?;
        schemathesis(yes)?;
    }
    println!("everything that is needed is installed");
    Ok(())
}

/// Where nobody can be asked, and everything is agreed to.
pub(crate) fn unattended() -> bool {
    std::env::var_os("CI").is_some()
}

fn node() -> Result<()> {
    let version = shell::output(&["node", "--version"]).unwrap_or_default();
    let mut parts = version.trim().trim_start_matches('v').split('.').map(|n| n.parse::<u32>().unwrap_or(0));
    let found = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    ensure!(found >= (20, 19), "Node.js 20.19 or newer is needed (https://nodejs.org); found {version:?}");
    Ok(())
}

/// Debian's packages, where they are missing.
pub(crate) fn packages(wanted: &[&str], yes: bool) -> Result<()> {
    if shell::output(&["dpkg-query", "--version"]).is_none() {
        // Not a Debian: only its owner knows what these are called there.
        println!("this system has no dpkg; the build and the tests need what Debian calls: {}", wanted.join(" "));
        return Ok(());
    }
    let missing: Vec<&str> = wanted.iter().copied().filter(|name| !installed(name)).collect();
    if missing.is_empty() || !agreed(&format!("Debian packages: {}", missing.join(" ")), yes)? {
        return Ok(());
    }
    let root = shell::output(&["id", "-u"]).is_some_and(|id| id.trim() == "0");
    let apt = |words: &[&str]| {
        let prefix: &[&str] = if root { &["env"] } else { &["sudo", "env"] };
        shell::run(command(&[prefix, &["DEBIAN_FRONTEND=noninteractive", "apt-get"], words].concat()))
    };
    apt(&["update", "-q"])?;
    apt(&[&["install", "-y", "-q", "--no-install-recommends"], missing.as_slice()].concat())
}

fn installed(package: &str) -> bool {
    let status = shell::output(&["dpkg-query", "-W", "-f=${db:Status-Status}", package]);
    status.is_some_and(|status| status == "installed")
}

/// The modules that the lock file names, unless they were installed from this very file.
fn npm(yes: bool) -> Result<()> {
    let modified = |path: &str| std::fs::metadata(shell::root().join(path)).and_then(|data| data.modified()).ok();
    let (lock, installed) = (modified("ui/package-lock.json"), modified("ui/node_modules/.package-lock.json"));
    if installed.is_some() && installed >= lock {
        return Ok(());
    }
    if agreed("npm packages of ui/package-lock.json, into ui/node_modules", yes)? {
        shell::run(ui(&["npm", "ci", "--no-audit", "--no-fund"]))?;
    }
    Ok(())
}

pub(crate) fn tool(name: &str) -> std::path::PathBuf {
    shell::target().join("tools/bin").join(name)
}

fn tools(yes: bool) -> Result<()> {
    let missing: Vec<_> = TOOLS.iter().filter(|(name, _)| !tool(name).exists()).collect();
    let names: Vec<&str> = missing.iter().map(|(name, _)| *name).collect();
    if names.is_empty() || !agreed(&format!("{} from crates.io, into target/tools", names.join(" and ")), yes)? {
        return Ok(());
    }
    for (name, version) in missing {
        let mut install = command(&["cargo", "install", "--locked", "--quiet", name, "--version", version, "--root"]);
        install.arg(shell::target().join("tools"));
        // They run once; what counts is how long they take to build.
        for (key, value) in [("OPT_LEVEL", "1"), ("LTO", "off"), ("CODEGEN_UNITS", "16"), ("DEBUG", "0")] {
            install.env(format!("CARGO_PROFILE_RELEASE_{key}"), value);
        }
        install.env("CARGO_TARGET_DIR", shell::target().join("tools/build"));
        shell::run(install)?;
    }
    Ok(())
}

fn schemathesis(yes: bool) -> Result<()> {
    let folder = shell::target().join("tools/schemathesis");
    // Written last: an installation that was cut off is made anew.
    let made = folder.join("made-of");
    let wanted = SCHEMATHESIS.join("\n");
    if std::fs::read_to_string(&made).is_ok_and(|found| found == wanted)
        || !agreed(&format!("{} from PyPI, into target/tools", SCHEMATHESIS.join(" and ")), yes)?
    {
        return Ok(());
    }
    let mut environment = command(&["python3", "-m", "venv", "--clear"]);
    environment.arg(&folder);
    shell::run(environment)?;
    let mut install = shell::program(folder.join("bin/pip"));
    install.args(["install", "--quiet", "--disable-pip-version-check"]).args(SCHEMATHESIS);
    shell::run(install)?;
    Ok(std::fs::write(made, wanted)?)
}

/// Asks, unless the answer is known. Without a terminal nobody can agree, and nothing is installed.
fn agreed(what: &str, yes: bool) -> Result<bool> {
    println!("missing: {what}");
    if yes {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        bail!("nobody is here to agree to the installation; run `cargo xtask setup --yes` first");
    }
    print!("Install now? [Y/n] ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if answer.trim().to_lowercase().starts_with('n') {
        bail!("not installed; the rest needs it");
    }
    Ok(true)
}
