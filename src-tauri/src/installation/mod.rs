//! What the installers for Windows ask of the program: to close the agents of every session before files
//! are replaced, to start them again, and to take the people's data along where an administrator wants that.

mod purge;
mod sessions;

use std::{
    io,
    os::windows::process::CommandExt,
    path::{Path, PathBuf},
    process::Command as Process,
    time::Duration,
};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

use crate::setup::StartError;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// End every agent that runs from this folder; from ours, where none is named.
    Close { folder: Option<PathBuf> },
    /// Start the agent in every session.
    Start,
    /// Remove what this person has written, or what everyone has.
    Purge { everyone: bool },
}

/// Without a window, where Windows would open a console for the program.
const CREATE_NO_WINDOW: u32 = 0x0800_0000;
/// How long ended programs may take to be gone, in looks.
const LOOKS: u32 = 50;
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Nobody types these: no help in two languages.
pub(crate) fn command() -> Command {
    let folder = Arg::new("folder").long("folder").value_parser(value_parser!(PathBuf));
    let everyone = Arg::new("everyone").long("everyone").action(ArgAction::SetTrue);
    Command::new("installation")
        .hide(true)
        .subcommand_required(true)
        .subcommand(Command::new("close").arg(folder))
        .subcommand(Command::new("start"))
        .subcommand(Command::new("purge").arg(everyone))
}

pub(crate) fn order(matches: &ArgMatches) -> Order {
    match matches.subcommand() {
        Some(("close", matches)) => Order::Close { folder: matches.get_one::<PathBuf>("folder").cloned() },
        Some(("purge", matches)) => Order::Purge { everyone: matches.get_flag("everyone") },
        _ => Order::Start,
    }
}

pub(crate) fn run(order: &Order) -> Result<(), StartError> {
    let program = std::env::current_exe()?;
    match order {
        Order::Close { folder } => {
            let folder = folder.as_deref().or(program.parent()).unwrap_or(Path::new(""));
            close(&folder.join("deskbell.exe"))?;
        }
        Order::Start => sessions::start(&program)?,
        Order::Purge { everyone: true } => purge::everyone()?,
        Order::Purge { everyone: false } => purge::own()?,
    }
    Ok(())
}

/// A process as far as we may look at it.
#[derive(Clone, Debug)]
struct Running {
    id: u32,
    name: String,
    /// Unknown where its owner lets nobody look.
    program: Option<PathBuf>,
}

/// The agents among the processes: what is unknown is taken for one by its name, except ourselves.
fn agents(running: &[Running], program: &Path, ourselves: u32) -> Vec<u32> {
    let same = |path: &Path| path.to_string_lossy().eq_ignore_ascii_case(&program.to_string_lossy());
    running
        .iter()
        .filter(|one| one.id != ourselves && one.name.eq_ignore_ascii_case("deskbell.exe"))
        .filter(|one| one.program.as_deref().is_none_or(same))
        .map(|one| one.id)
        .collect()
}

/// Ends them at once: an agent keeps what it was told before it answers, and loses nothing by this.
fn close(program: &Path) -> io::Result<()> {
    let ourselves = std::process::id();
    for _ in 0..LOOKS {
        let found = agents(&processes(), program, ourselves);
        if found.is_empty() {
            return Ok(());
        }
        for id in found {
            // Windows' own tool takes the right that reaches into other people's sessions.
            let id = id.to_string();
            Process::new("taskkill").args(["/F", "/PID", &id]).creation_flags(CREATE_NO_WINDOW).status()?;
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, "an agent does not end"))
}

fn processes() -> Vec<Running> {
    let mut system = System::new();
    let what = ProcessRefreshKind::nothing().with_exe(UpdateKind::Always);
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, what);
    let one = |(id, process): (&Pid, &sysinfo::Process)| Running {
        id: id.as_u32(),
        name: process.name().to_string_lossy().into_owned(),
        program: process.exe().map(Path::to_owned),
    };
    system.processes().iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(id: u32, name: &str, program: Option<&str>) -> Running {
        Running { id, name: name.into(), program: program.map(Into::into) }
    }

    #[test]
    fn agents_of_this_installation_are_closed_and_nothing_else() {
        let all = [
            running(1, "deskbell.exe", Some(r"C:\Program Files\Deskbell\deskbell.exe")),
            running(2, "Deskbell.exe", Some(r"c:\program files\deskbell\DESKBELL.EXE")),
            running(3, "deskbell.exe", None),
            running(4, "deskbell.exe", Some(r"C:\Users\jane\AppData\Local\Programs\Deskbell\deskbell.exe")),
            running(5, "notepad.exe", None),
            running(6, "deskbell.exe", Some(r"C:\Program Files\Deskbell\deskbell.exe")),
        ];
        let program = Path::new(r"C:\Program Files\Deskbell\deskbell.exe");
        assert_eq!(agents(&all, program, 6), [1, 2, 3], "not the one of a person alone, and not ourselves");
    }
}
