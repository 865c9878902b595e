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
        let arguments = Arguments::parse();
        let time = Duration::from_secs(60 * arguments.minutes.unwrap_or(0));
        let parts = arguments.part.map_or_else(|| Part::value_variants().to_vec(), |one| vec![one]);
        let (mut rows, mut failed) = (Vec::new(), Vec::new());
        for part in parts {
            println!("{}", table::name(part));
            let start = Instant::now();
            let order = Order::new(arguments.seed, time, arguments.quick);
            match prove::run(part, order).await {
                Ok(mut found) => {
                    found.notes.push(format!("{} s, seed {}", start.elapsed().as_secs(), arguments.seed));
                    rows.push((part, found));
                }
                Err(error) => {
                    // One proof that cannot be led keeps nobody from the others, and is none.
                    eprintln!("{} could not be led: {error:#}", table::name(part));
                    failed.push((part, format!("{error:#}")));
                }
            }
        }
        println!("\n{}{}", table::table(&rows, &failed), table::sums(&rows, &failed));
        match (failed.is_empty(), rows.iter().all(|(_, found)| found.holds())) {
            (true, true) => ExitCode::SUCCESS,
            (true, false) => ExitCode::FAILURE,
            (false, _) => ExitCode::from(2),
        }
    }
}
