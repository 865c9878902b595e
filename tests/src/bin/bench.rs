//! Measures, and says what was measured. It lies beside the programs that it measures: `cargo xtask bench`
//! sees to that.

#[cfg(not(target_os = "linux"))]
fn main() -> std::process::ExitCode {
    eprintln!("what is measured here runs on a private X desktop, which only Linux has");
    std::process::ExitCode::FAILURE
}

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    linux::main()
}

#[cfg(target_os = "linux")]
mod linux {
    use std::process::ExitCode;

    use anyhow::{Result, ensure};
    use clap::Parser;
    use deskbell_tests::bench::{self, Extent, Measured, NAMES, table};

    #[derive(Parser)]
    struct Arguments {
        /// One of them, or the first part of several: `server`, `key.warm`.
        name: Option<String>,
        /// Lines of JSON instead of a table.
        #[arg(long)]
        json: bool,
        /// A few rounds over little, only to see that it works.
        #[arg(long)]
        quick: bool,
        /// What a figure is held against, as a process of its own.
        #[arg(long, hide = true)]
        bare_stream: bool,
    }

    // One thread: what it starts ends with it, whatever ends it.
    #[tokio::main(flavor = "current_thread")]
    pub(super) async fn main() -> ExitCode {
        match run().await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error:#}");
                ExitCode::FAILURE
            }
        }
    }

    async fn run() -> Result<()> {
        let Arguments { name, json, quick, bare_stream } = Arguments::parse();
        if bare_stream {
            return bench::server::stream::serve().await;
        }
        // Ten thousand agents are played from here.
        deskbell_server::allow_connections()?;
        let Measured { figures, errors } = bench::run(name.as_deref(), Extent { quick }).await;
        ensure!(!figures.is_empty() || !errors.is_empty(), "nothing has that name; there are {}", NAMES.join(", "));
        if !json {
            print!("{}", table::table(&figures));
        }
        for figure in figures.iter().filter(|_| json) {
            println!("{}", serde_json::to_string(figure)?);
        }
        for error in &errors {
            eprintln!("{error:#}");
        }
        ensure!(errors.is_empty(), "not everything could be measured");
        Ok(())
    }
}
