//! deskbell.msi, made by wixl; what wixl cannot say is written into the tables afterwards by msibuild.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::{Plan, files, numbers, summary};
use crate::shell::{self, command};

/// Type of a custom action: its target and data are left out of every log (`HideTarget`, 8192). The first
/// two and the third set a property (51); the last calls our library (1), in the script (1024), as the system (2048).
const HIDDEN: &[(&str, u32)] =
    &[("KeepEnrolmentKey", 51 + 8192), ("HandOverSettings", 51 + 8192), ("WriteSettings", 1 + 1024 + 2048 + 8192)];

/// What wixl ignores or says otherwise.
const TABLES: &[&str] = &[
    "UPDATE CustomAction SET Type = 51 WHERE Action = 'KeepServerUrl'",
    // Properties that reach the part of the installation that runs as the system. wixl writes its own two.
    "UPDATE Property SET Value = 'SERVER_URL;ENROLMENT_KEY;PURGE_USER_DATA;START_AGENT;NEWER_INSTALLED;OLDER_INSTALLED' \
     WHERE Property = 'SecureCustomProperties'",
    // The search has to look where a 64-bit program writes (msidbLocatorType64bit, 16).
    "UPDATE RegLocator SET Type = 18",
    // A link to the file: an advertised one would install for each person again.
    "UPDATE Shortcut SET Target = '[#DeskbellExe]'",
];

pub(super) fn make(plan: &Plan, stage: &Path) -> Result<PathBuf> {
    let root = shell::root();
    let sources = root.join("installer/windows");
    fs::copy(root.join("src-tauri/icons/icon.ico"), stage.join("icon.ico"))?;
    library(&sources.join("settings.c"), &stage.join("settings.dll"))?;
    // wixl looks for what it packs beside the description.
    fs::copy(sources.join("deskbell.wxs"), stage.join("deskbell.wxs"))?;
    files::set_times(stage, plan.epoch)?;

    // Other contents are another package, and the same contents the same one.
    let contents = files::list(stage)?;
    let contents = files::hex(&files::digest(&contents.iter().map(PathBuf::as_path).collect::<Vec<_>>())?);
    let code = |what: &str| files::uuid(&format!("{what} {} {contents}", plan.version)).to_uppercase();
    let output = plan.out.join(format!("deskbell-{}.msi", plan.version));
    let mut wixl = at(plan, &["wixl", "-a", "x64"]);
    wixl.args(["-D", &format!("VERSION={}", plan.version), "-D", &format!("PRODUCT_CODE={}", code("product"))]);
    let [major, minor, patch] = numbers(&plan.version)?;
    wixl.args(["-D", &format!("NEXT={major}.{minor}.{}", patch + 1)]);
    wixl.arg("-o").arg(&output).arg("deskbell.wxs").current_dir(stage);
    shell::run(wixl)?;
    complete(plan, &output, &code("package"))?;
    plan.signing.sign(&output)?;
    Ok(output)
}

fn complete(plan: &Plan, msi: &Path, package: &str) -> Result<()> {
    let hidden =
        HIDDEN.iter().map(|(action, kind)| format!("UPDATE CustomAction SET Type = {kind} WHERE Action = '{action}'"));
    let queries = hidden.chain(TABLES.iter().map(|query| (*query).to_owned()));
    let mut tables = at(plan, &["msibuild"]);
    tables.arg(msi).arg("-q").args(queries);
    shell::run(tables)?;
    let mut named = at(plan, &["msibuild"]);
    named.arg(msi).args(["-s", "Deskbell", "Deskbell", "x64;1033", &format!("{{{package}}}")]);
    shell::run(named)?;
    summary::set_times(msi, plan.epoch)
}

/// The few lines that run inside the installation; see installer/windows/settings.c. Its place in memory is
/// given, because the linker would make one from the folder's name.
fn library(source: &Path, output: &Path) -> Result<()> {
    let mut compile = command(&["x86_64-w64-mingw32-gcc", "-shared", "-Os", "-s", "-Wall", "-Wextra", "-Werror"]);
    compile.args(["-Wl,--no-insert-timestamp,--image-base,0x180000000", "-o"]).arg(output).arg(source).arg("-lmsi");
    shell::run(compile)?;
    let mut bytes = fs::read(output)?;
    forget_the_time(&mut bytes).context("what the linker made is no library")?;
    Ok(fs::write(output, bytes)?)
}

/// The linker writes the time into the list of exports all the same, and a checksum that Windows asks of
/// drivers alone. Both become nothing.
fn forget_the_time(library: &mut [u8]) -> Option<()> {
    let number = |at: usize| Some(u32::from_le_bytes(library.get(at..at + 4)?.try_into().ok()?) as usize);
    let exports = number(library.windows(8).position(|part| part == b".edata\0\0")? + 20)? + 4;
    let checksum = number(0x3c)? + 24 + 64;
    for at in [exports, checksum] {
        library.get_mut(at..at + 4)?.fill(0);
    }
    Some(())
}

fn at(plan: &Plan, words: &[&str]) -> Command {
    let mut command = command(words);
    command.env("SOURCE_DATE_EPOCH", plan.epoch.to_string());
    command
}
