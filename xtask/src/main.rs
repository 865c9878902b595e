//! `cargo xtask`: what this repository can do, as one command each.

mod bench;
mod build;
mod codegen;
mod cross;
mod demo;
mod dist;
mod failures;
mod newer;
mod platforms;
mod prove;
mod setup;
mod shell;
mod test;
mod total;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Set up, show and test Deskbell")]
enum Task {
    /// List what is missing on this computer, and install it.
    Setup {
        /// Install without asking. A set variable CI means the same.
        #[arg(long)]
        yes: bool,
    },
    /// Start server, mailbox and agent, prepared so that Ctrl+F12 sends a ticket.
    Demo {
        /// Play the whole story on a private desktop, check it, and keep pictures in target/demo.
        #[arg(long)]
        headless: bool,
        /// Leave the data of a headless run for inspection.
        #[arg(long, requires = "headless")]
        keep: bool,
        /// Install what is missing without asking.
        #[arg(long)]
        yes: bool,
    },
    /// Run everything that CI runs, or one level of it.
    Test { level: Option<test::Level> },
    /// Prove that nothing is lost, doubled or leaked, and that what finds it does find it.
    Prove {
        /// `crash`, `simulation`, `power`, `damage`, `isolation`, `tokens`, `hostile`, `inputs` or `mutants`;
        /// without it, all of them. `--seed N` begins elsewhere, `--minutes M` goes on for so long.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
    /// Measure, each figure beside its floor.
    Bench {
        /// With the debug programs: only to see that it works.
        #[arg(long)]
        debug: bool,
        /// `server`, `key.warm` …; without it, all of them. `--json` prints lines, `--quick` measures little.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
    /// Package what is handed out, into target/dist: installers, the server's archive, checksums, a list of parts.
    Dist(dist::Options),
    /// Write the generated files anew: TypeScript types and the API description.
    Codegen,
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether everything that was asked for holds.
fn run() -> Result<bool> {
    std::env::set_current_dir(shell::root())?;
    match Task::parse() {
        Task::Setup { yes } => setup::run(setup::Extent::Tests, yes)?,
        Task::Demo { headless, keep, yes } => demo::run(headless, keep, yes)?,
        Task::Test { level } => return test::run(level),
        Task::Prove { words } => return prove::prove(&words),
        Task::Bench { debug, words } => return bench::bench(&words, debug),
        Task::Dist(options) => dist::run(&options)?,
        Task::Codegen => codegen::run()?,
    }
    Ok(true)
}
