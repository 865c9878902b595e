//! The command line of the server.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use deskbell_server::{App, StartError, clock, config::Config, config::LogFormat, routes, serve, set_password};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Deskbell's server: the helpdesk's console, and what the agents talk to.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// A configuration file (TOML); docs/configure.md lists the settings.
    #[arg(long, global = true, env = "DESKBELL_CONFIG_FILE")]
    config: Option<PathBuf>,
    #[arg(long, global = true)]
    listen: Option<String>,
    #[arg(long, global = true)]
    data_dir: Option<String>,
    #[arg(long, global = true)]
    public_url: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Serves until it is told to stop.
    Serve,
    /// Says whether the configuration can be used, and exits.
    CheckConfig,
    /// Gives a technician a new password, read from the standard input, and ends their sessions.
    SetPassword {
        /// The address that they sign in with.
        #[arg(long)]
        email: String,
    },
    /// Prints the description of the API (OpenAPI 3.1).
    Openapi,
}

/// Fewer connections than this are soon too few: each agent holds one.
#[cfg(unix)]
const FEW: u64 = 8_192;

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("deskbell-server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    if matches!(arguments.command, Command::Openapi) {
        println!("{}", routes::openapi().to_pretty_json()?);
        return Ok(());
    }
    let flags = [("listen", arguments.listen), ("data_dir", arguments.data_dir), ("public_url", arguments.public_url)];
    let config = Config::load(arguments.config.as_deref(), std::env::vars(), &flags)?;
    if matches!(arguments.command, Command::CheckConfig) {
        println!("The configuration is good. The server will listen on {}.", config.listen);
        return Ok(());
    }
    if let Command::SetPassword { email } = &arguments.command {
        let mut password = String::new();
        std::io::stdin().read_line(&mut password)?;
        let password = password.trim_end_matches(['\r', '\n']).to_owned();
        tokio::runtime::Runtime::new()?.block_on(set_password(&config, email, password))?;
        println!("{email} signs in with the new password from now on.");
        return Ok(());
    }
    log(config.log);
    #[cfg(unix)]
    match deskbell_server::allow_connections() {
        Ok(count) if count < FEW => {
            tracing::warn!(
                count,
                "so many files and connections may be open, and no more: raise the limit (LimitNOFILE)"
            )
        }
        Ok(count) => tracing::info!(count, "so many files and connections may be open"),
        Err(error) => tracing::warn!(%error, "the limit of open files cannot be raised"),
    }
    Ok(tokio::runtime::Runtime::new()?.block_on(start(config))?)
}

async fn start(config: Config) -> Result<(), StartError> {
    let address = config.listen;
    let listener = TcpListener::bind(address).await.map_err(|error| StartError::Listen { address, error })?;
    let app = App::open(config, clock::now).await?;
    let local = listener.local_addr()?;
    println!("Deskbell {} listens on http://{local}/", env!("CARGO_PKG_VERSION"));
    if let Some(code) = app.new_setup_code().await? {
        println!("Open {} and enter the one-time set-up code: {code}", app.public_url);
    }
    let shutdown = CancellationToken::new();
    tokio::spawn(told_to_stop(shutdown.clone()));
    serve(listener, app, shutdown).await?;
    println!("Deskbell has stopped.");
    Ok(())
}

async fn told_to_stop(shutdown: CancellationToken) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).expect("a process may listen to its signals");
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    let _ = tokio::signal::ctrl_c().await;
    shutdown.cancel();
}

fn log(format: LogFormat) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let builder = builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    match format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
}
