//! Leads the proofs, and says what they found. It lies beside programs that were built to be proved:
//! `cargo xtask prove` sees to that.

#[cfg(not(target_os = "linux"))]
fn main() -> std::process::ExitCode {
    eprintln!("the proofs kill processes and fill disks as Linux does it; run them there");
    std::process::ExitCode::FAILURE
}

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    linux::main()
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{
        process::ExitCode,
        time::{Duration, Instant},
    };

    use anyhow::{Context, Result};
    use clap::{Parser, ValueEnum};
    use deskbell_tests::prove::{self, Order, Part, table};

    #[derive(Parser)]
    struct Arguments {
        /// One part; without it, all of them.
        part: Option<Part>,
        /// Where chance begins.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Go on for so long, each part; without it, as much as CI does.
        #[arg(long)]
        minutes: Option<u64>,
        /// A small number of runs, to see whether a mutant is caught.
        #[arg(long, hide = true)]
        quick: bool,
    }

    // One thread: what it starts ends with it, whatever ends it.
    #[tokio::main(flavor = "current_thread")]
    pub(super) async fn main() -> ExitCode {
        match run().await {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => {
                eprintln!("the proof could not be led: {error:#}");
                ExitCode::from(2)
            }
        }
    }

    async fn run() -> Result<bool> {
        let arguments = Arguments::parse();
        let time = Duration::from_secs(60 * arguments.minutes.unwrap_or(0));
        let parts = arguments.part.map_or_else(|| Part::value_variants().to_vec(), |one| vec![one]);
        let mut rows = Vec::new();
        for part in parts {
            println!("{}", table::name(part));
            let start = Instant::now();
            let order = Order::new(arguments.seed, time, arguments.quick);
            let mut found = prove::run(part, order).await.with_context(|| table::name(part))?;
            found.notes.push(format!("{} s, seed {}", start.elapsed().as_secs(), arguments.seed));
            rows.push((part, found));
        }
        println!("\n{}{}", table::table(&rows), table::sums(&rows));
        Ok(rows.iter().all(|(_, found)| found.holds()))
    }
}
