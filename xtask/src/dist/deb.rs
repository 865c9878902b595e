//! The package for Debian and Ubuntu, by `dpkg-deb`.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::{Plan, files, linux};
use crate::shell::{self, command};

/// Loaded while the program runs, so that no tool finds it in the program's head.
const LOADED: &str = "libayatana-appindicator3-1 | libappindicator3-1";

/// Where the device's key lies best; without one it goes to a file.
const RECOMMENDED: &str = "gnome-keyring | kwalletmanager, default-dbus-session-bus | dbus-session-bus";

pub(super) fn make(plan: &Plan, programs: &Path) -> Result<PathBuf> {
    let root = plan.stages.join("deb");
    linux::lay_out(plan, programs, &root)?;
    let control = root.join("DEBIAN");
    let depends = libraries(plan, &root)?;
    let text = describe(plan, &depends, linux::size(&root)?)?;
    let sums = sums(&root)?;
    fs::create_dir(&control)?;
    fs::write(control.join("control"), text)?;
    fs::write(control.join("conffiles"), linux::SETTINGS.iter().map(|path| format!("{path}\n")).collect::<String>())?;
    fs::write(control.join("md5sums"), sums)?;
    linux::set_rights(&control)?;
    files::set_times(&control, plan.epoch)?;

    let file = plan.out.join(format!("deskbell_{}_{}.deb", plan.version, architecture()));
    let packing: &[&str] = if plan.debug { &["-Zgzip", "-z1"] } else { &["-Zxz", "-z9"] };
    let mut build = command(&["dpkg-deb", "--root-owner-group"]);
    build.args(packing).arg("--build").arg(&root).arg(&file).env("SOURCE_DATE_EPOCH", plan.epoch.to_string());
    shell::run(build)?;
    Ok(file)
}

pub(super) const fn architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
}

fn describe(plan: &Plan, depends: &str, bytes: u64) -> Result<String> {
    let mut text = String::new();
    writeln!(text, "Package: deskbell\nVersion: {}\nArchitecture: {}", plan.version, architecture())?;
    writeln!(
        text,
        "Maintainer: The Deskbell contributors <deskbell@example.invalid>\nSection: utils\nPriority: optional"
    )?;
    writeln!(text, "Installed-Size: {}", bytes.div_ceil(1024))?;
    writeln!(text, "Depends: {depends}, {LOADED}\nRecommends: {RECOMMENDED}")?;
    writeln!(text, "Description: {}", linux::SUMMARY)?;
    for line in linux::DESCRIPTION {
        writeln!(text, " {line}")?;
    }
    Ok(text)
}

/// What the program was linked with, in the versions whose functions it uses: `dpkg-shlibdeps` reads
/// that off the program.
fn libraries(plan: &Plan, root: &Path) -> Result<String> {
    let folder = plan.stages.join("shlibdeps");
    fs::create_dir_all(folder.join("debian"))?;
    fs::write(folder.join("debian/control"), "Source: deskbell\n\nPackage: deskbell\nArchitecture: any\n")?;
    let mut asked = command(&["dpkg-shlibdeps", "-O"]);
    asked.arg(root.join("usr/bin/deskbell")).current_dir(&folder);
    let answer = asked.output().context("dpkg-shlibdeps cannot be run")?;
    let said = String::from_utf8(answer.stdout)?;
    let depends = said.trim().strip_prefix("shlibs:Depends=");
    depends
        .map(str::to_owned)
        .with_context(|| format!("dpkg-shlibdeps finds no libraries: {}", String::from_utf8_lossy(&answer.stderr)))
}

/// As `dpkg --verify` reads them.
fn sums(root: &Path) -> Result<String> {
    let mut text = String::new();
    for path in files::list(root)? {
        let below = path.strip_prefix(root)?.display().to_string();
        if linux::SETTINGS.contains(&format!("/{below}").as_str()) {
            continue;
        }
        let sum = shell::output(&["md5sum", &path.display().to_string()]).context("md5sum cannot be run")?;
        writeln!(text, "{}  {below}", sum.trim_start_matches('\\').split(' ').next().unwrap_or_default())?;
    }
    Ok(text)
}
