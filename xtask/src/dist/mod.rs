//! What is handed out: installers, the server's archive, the list of parts, and checksums of them all.

mod deb;
mod files;
mod linux;
mod msi;
mod parts;
mod rpm;
mod server;
mod setup_exe;
mod sign;
mod summary;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};

use crate::{
    build,
    setup::{self, Extent},
    shell::{self, command},
};

/// Debian's packages beside those that build.
pub(crate) const PACKAGES: &[&str] = &["dpkg-dev", "msitools", "nsis", "openssl", "osslsigncode", "rpm", "wixl"];

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Package the debug programs that the tests use; nothing is optimized.
    #[arg(long)]
    debug: bool,
    /// Only these.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Kind>,
    /// The folder that receives them; target/dist otherwise.
    #[arg(long)]
    out: Option<PathBuf>,
    /// The folder with deskbell.exe and WebView2Loader.dll, packaged as they are instead of built.
    #[arg(long)]
    windows_from: Option<PathBuf>,
    /// The folder with deskbell and deskbell-server, packaged for Linux as they are instead of built.
    #[arg(long)]
    linux_from: Option<PathBuf>,
    /// Package under another version than the one in Cargo.toml, to try an upgrade.
    #[arg(long)]
    as_version: Option<String>,
    #[command(flatten)]
    signing: sign::Signing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// deskbell-VERSION-setup.exe
    Setup,
    /// deskbell-VERSION.msi
    Msi,
    /// deskbell_VERSION_amd64.deb
    Deb,
    /// deskbell-VERSION-1.x86_64.rpm
    Rpm,
    /// The server's archive and container file.
    Server,
    /// The list of parts (CycloneDX).
    Parts,
}

impl Kind {
    const ALL: &[Self] = &[Self::Setup, Self::Msi, Self::Deb, Self::Rpm, Self::Server, Self::Parts];
}

/// What every package needs to know.
struct Plan<'a> {
    version: String,
    /// Seconds since 1970 that stand for now in every package, so that the same files make the same package.
    epoch: u64,
    debug: bool,
    /// Where the packages go.
    out: PathBuf,
    /// Where each package's files are laid out first.
    stages: PathBuf,
    signing: &'a sign::Signing,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if options.windows_from.is_none() && options.linux_from.is_none() {
        setup::run(Extent::Dist, false)?;
    }
    let out = std::path::absolute(options.out.clone().unwrap_or_else(|| shell::target().join("dist")))?;
    let plan = Plan {
        version: options.as_version.clone().unwrap_or_else(|| env!("CARGO_PKG_VERSION").to_owned()),
        epoch: epoch()?,
        debug: options.debug,
        stages: out.join("stages"),
        out,
        signing: &options.signing,
    };
    files::empty(&plan.stages)?;
    let wanted = |kind: &Kind| options.only.is_empty() || options.only.contains(kind);
    let kinds: Vec<Kind> = Kind::ALL.iter().copied().filter(wanted).collect();
    let made = make(&plan, options, &kinds)?;
    std::fs::remove_dir_all(&plan.stages)?;
    files::sums(&plan.out, &made)?;
    made.iter().for_each(|file| println!("{}", file.display()));
    Ok(())
}

fn make(plan: &Plan, options: &Options, kinds: &[Kind]) -> Result<Vec<PathBuf>> {
    let any = |of: &[Kind]| kinds.iter().any(|kind| of.contains(kind));
    let (mut stage, mut linux) = (PathBuf::new(), PathBuf::new());
    if any(&[Kind::Setup, Kind::Msi]) {
        stage = windows(plan, options.windows_from.as_deref())?;
    }
    if any(&[Kind::Deb, Kind::Rpm, Kind::Server]) {
        linux = options.linux_from.clone().map_or_else(|| build::linux(plan.debug), Ok)?;
    }
    let mut made = Vec::new();
    for kind in kinds {
        match kind {
            Kind::Setup => made.push(setup_exe::make(plan, &stage)?),
            Kind::Msi => made.push(msi::make(plan, &stage)?),
            Kind::Deb => made.push(deb::make(plan, &linux)?),
            Kind::Rpm => made.push(rpm::make(plan, &linux)?),
            Kind::Server => made.extend(server::make(plan, &linux)?),
            Kind::Parts => made.push(parts::make(plan)?),
        }
    }
    Ok(made)
}

/// The variable that every tool knows (reproducible-builds.org), else the time of the last commit.
fn epoch() -> Result<u64> {
    if let Ok(set) = std::env::var("SOURCE_DATE_EPOCH") {
        return set.parse().context("SOURCE_DATE_EPOCH is no number of seconds");
    }
    let commit = shell::output(&["git", "log", "-1", "--format=%ct"]).unwrap_or_default();
    commit.trim().parse().context("neither SOURCE_DATE_EPOCH nor a git commit says when this is from")
}

/// The folder with what is installed on Windows, signed where a certificate was given.
fn windows(plan: &Plan, from: Option<&Path>) -> Result<PathBuf> {
    let from = match from {
        Some(folder) => folder.to_owned(),
        None => build::windows(plan.debug)?,
    };
    let stage = plan.stages.join("windows");
    files::empty(&stage)?;
    for (folder, name) in [
        (from.as_path(), "deskbell.exe"),
        (&from, "WebView2Loader.dll"),
        (&shell::root(), "LICENSE-APACHE"),
        (&shell::root(), "LICENSE-MIT"),
    ] {
        std::fs::copy(folder.join(name), stage.join(name))
            .with_context(|| format!("{name} is not in {}", folder.display()))?;
    }
    let program = stage.join("deskbell.exe");
    // What debuggers read is half of a debug build's size.
    let mut strip = command(&["x86_64-w64-mingw32-strip", "--strip-debug"]);
    strip.arg(&program).env("SOURCE_DATE_EPOCH", plan.epoch.to_string());
    shell::run(strip)?;
    plan.signing.sign(&program)?;
    files::set_times(&stage, plan.epoch)?;
    Ok(stage)
}

/// `1.2.3` as the numbers that Windows compares.
fn numbers(version: &str) -> Result<[u16; 3]> {
    let numbers = version.split('.').map(str::parse).collect::<Result<Vec<u16>, _>>().unwrap_or_default();
    numbers.try_into().map_err(|_| anyhow!("{version} is not three numbers, and Windows compares numbers"))
}
