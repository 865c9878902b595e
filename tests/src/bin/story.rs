//! Plays the story that must work, and says whether it does.

#[cfg(not(target_os = "linux"))]
fn main() -> std::process::ExitCode {
    eprintln!(
        "the story is played on a private X desktop, which only Linux has; `cargo xtask demo` shows the product here"
    );
    std::process::ExitCode::FAILURE
}

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    linux::main()
}

#[cfg(target_os = "linux")]
mod linux {
    use std::process::ExitCode;

    use anyhow::Result;
    use clap::Parser;
    use deskbell_tests::story::{self, Options, World};

    #[derive(Parser)]
    struct Arguments {
        /// Where the pictures go.
        #[arg(long, default_value = "target/demo")]
        pictures: std::path::PathBuf,
        #[command(flatten)]
        options: Options,
    }

    // One thread: what it starts ends with it, whatever ends it.
    #[tokio::main(flavor = "current_thread")]
    pub(super) async fn main() -> ExitCode {
        run().await.unwrap_or_else(|error| {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        })
    }

    async fn run() -> Result<ExitCode> {
        let arguments = Arguments::parse();
        let mut world = World::new(arguments.options, &arguments.pictures).await?;
        let summary = tokio::select! {
            summary = story::play(&mut world) => Some(summary),
            _ = tokio::signal::ctrl_c() => None,
        };
        if let Some(folder) = world.end() {
            println!("the data is in {}", folder.display());
        }
        let Some(summary) = summary else {
            println!("interrupted; everything has ended");
            return Ok(ExitCode::from(130));
        };
        println!("{}", serde_json::to_string(&summary)?);
        Ok(if summary.passed == summary.steps { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
