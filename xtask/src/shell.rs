//! Other programs, run from the repository's root.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, PipeReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::failures;

/// How long nothing more may come from a command that has ended.
const SILENCE: Duration = Duration::from_secs(5);
/// How long its last words are listened to.
const LAST_WORDS: Duration = Duration::from_secs(60);

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A command from its words; the first one is the program.
pub(crate) fn command(words: &[&str]) -> Command {
    let mut command = program(words.first().copied().unwrap_or_default());
    command.args(words.iter().skip(1));
    command
}

/// A program, without what the cargo that runs us has said of our own package: build scripts of others
/// look at it, and everything that depends on them would be compiled again after a cargo by hand.
pub(crate) fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    for (variable, _) in std::env::vars_os() {
        let name = variable.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&variable);
        }
    }
    command
}

/// A command in the folder of the web interface.
pub(crate) fn ui(words: &[&str]) -> Command {
    let mut command = command(words);
    command.current_dir(root().join("ui"));
    command
}

/// Runs a command and refuses its failure.
pub(crate) fn run(mut command: Command) -> Result<()> {
    let shown = show(&command);
    println!("$ {shown}");
    let status = command.status().with_context(|| format!("cannot run {shown}"))?;
    ensure!(status.success(), "{shown}: {status}");
    Ok(())
}

/// Runs a command, shows what it prints, and returns that and whether it succeeded. What a failed one printed
/// is kept for the end.
pub(crate) fn watch(mut command: Command) -> (String, bool) {
    let shown = show(&command);
    println!("$ {shown}");
    let Ok((reader, mut child)) = start(&mut command) else {
        println!("cannot run {shown}");
        failures::keep(&shown, "it cannot be run");
        return (String::new(), false);
    };
    drop(command);
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(reader).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned();
            println!("{line}");
            if tell.send(line).is_err() {
                break;
            }
        }
    });
    let succeeded = child.wait().is_ok_and(|status| status.success());
    let mut printed = String::new();
    // A process that it left behind may hold the pipe open, and speak: it is not waited for.
    let end = Instant::now() + LAST_WORDS;
    while let Ok(line) = told.recv_timeout(SILENCE.min(end.saturating_duration_since(Instant::now()))) {
        printed.push_str(&line);
        printed.push('\n');
    }
    if !succeeded {
        failures::keep(&shown, &printed);
    }
    (printed, succeeded)
}

/// Starts it with both of what it prints in one pipe, in the order of printing.
fn start(command: &mut Command) -> std::io::Result<(PipeReader, Child)> {
    let (reader, writer) = std::io::pipe()?;
    let child = command.stdout(writer.try_clone()?).stderr(writer).spawn()?;
    Ok((reader, child))
}

fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// What a command prints, where it succeeds.
pub(crate) fn output(words: &[&str]) -> Option<String> {
    let output = command(words).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Who may read, write and run a file, as Unix writes it.
#[cfg(unix)]
pub(crate) fn set_mode(file: &Path, mode: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;

    Ok(std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode))?)
}

/// Elsewhere files have no such thing.
#[cfg(not(unix))]
pub(crate) fn set_mode(_file: &Path, _mode: u32) -> Result<()> {
    Ok(())
}
