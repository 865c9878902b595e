//! The command line: what it knows, in the person's language.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, value_parser};
use deskbell_protocol::ticket::Language;

#[cfg(windows)]
use crate::installation;
use crate::{actions::Action, link, texts::text};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// Without a command: start, or show oneself where the agent runs already.
    Start,
    Run(Action),
    /// The session starts us: into the tray, and quietly where we run already.
    Background,
    /// The installer asks.
    #[cfg(windows)]
    Installation(installation::Order),
    Enrol {
        key_file: PathBuf,
    },
    Status {
        json: bool,
    },
    Policy {
        json: bool,
    },
    Doctor {
        json: bool,
    },
    /// The agent without a screen, driven by lines of JSON; for tests and for servers.
    Headless,
}

/// # Errors
/// What clap has to say: an error, the help or the version.
pub(crate) fn parse(arguments: impl IntoIterator<Item = String>, language: Language) -> Result<Call, clap::Error> {
    command(language).try_get_matches_from(arguments).map(|matches| call(&matches))
}

fn command(language: Language) -> Command {
    let about = |name: &'static str, key: &str| Command::new(name).about(text(language, key).to_owned());
    let key_file = Arg::new("key-file")
        .long("key-file")
        .value_name("FILE")
        .required(true)
        .value_parser(value_parser!(PathBuf))
        .help(text(language, "cli.enrol.key_file").to_owned());
    let json =
        Arg::new("json").long("json").action(clap::ArgAction::SetTrue).help(text(language, "cli.json").to_owned());
    let link = Arg::new("link")
        .required(true)
        .value_parser(move |link: &str| link::action(link).ok_or_else(|| text(language, "cli.open.refused").to_owned()))
        .help(text(language, "cli.open.link").to_owned());
    let command = Command::new("deskbell")
        .version(env!("CARGO_PKG_VERSION"))
        .about(text(language, "cli.about").to_owned())
        .subcommand(about("new", "cli.new"))
        .subcommand(about("tickets", "cli.tickets"))
        .subcommand(about("settings", "cli.settings"))
        .subcommand(about("enrol", "cli.enrol").arg(key_file))
        .subcommand(about("status", "cli.status").arg(json.clone()))
        .subcommand(about("policy", "cli.policy").arg(json.clone()))
        .subcommand(about("doctor", "cli.doctor").arg(json))
        .subcommand(about("open", "cli.open").arg(link))
        .subcommand(about("start", "cli.start"))
        .subcommand(Command::new("headless").hide(true));
    #[cfg(windows)]
    let command = command.subcommand(installation::command());
    command
}

fn call(matches: &ArgMatches) -> Call {
    match matches.subcommand() {
        Some(("new", _)) => Call::Run(Action::NewTicket),
        Some(("tickets", _)) => Call::Run(Action::Tickets),
        Some(("settings", _)) => Call::Run(Action::Settings),
        Some(("enrol", matches)) => {
            Call::Enrol { key_file: matches.get_one::<PathBuf>("key-file").cloned().unwrap_or_default() }
        }
        Some(("status", matches)) => Call::Status { json: matches.get_flag("json") },
        Some(("policy", matches)) => Call::Policy { json: matches.get_flag("json") },
        Some(("open", matches)) => matches.get_one::<Action>("link").map_or(Call::Start, |action| Call::Run(*action)),
        Some(("start", _)) => Call::Background,
        #[cfg(windows)]
        Some(("installation", matches)) => Call::Installation(installation::order(matches)),
        Some(("doctor", matches)) => Call::Doctor { json: matches.get_flag("json") },
        Some(("headless", _)) => Call::Headless,
        _ => Call::Start,
    }
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;

    use super::*;
    use crate::texts;

    fn parsed(line: &str) -> Result<Call, ErrorKind> {
        parse(line.split(' ').map(str::to_owned), Language::En).map_err(|error| error.kind())
    }

    #[test]
    fn each_command_is_understood() {
        for (line, call) in [
            ("deskbell", Call::Start),
            ("deskbell new", Call::Run(Action::NewTicket)),
            ("deskbell tickets", Call::Run(Action::Tickets)),
            ("deskbell settings", Call::Run(Action::Settings)),
            ("deskbell open deskbell://tickets", Call::Run(Action::Tickets)),
            ("deskbell start", Call::Background),
            ("deskbell enrol --key-file /tmp/key", Call::Enrol { key_file: "/tmp/key".into() }),
            ("deskbell status", Call::Status { json: false }),
            ("deskbell status --json", Call::Status { json: true }),
            ("deskbell policy", Call::Policy { json: false }),
            ("deskbell policy --json", Call::Policy { json: true }),
            ("deskbell doctor", Call::Doctor { json: false }),
            ("deskbell doctor --json", Call::Doctor { json: true }),
        ] {
            assert_eq!(parsed(line), Ok(call), "{line}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert_eq!(parsed("deskbell newe"), Err(ErrorKind::InvalidSubcommand));
        assert_eq!(parsed("deskbell enrol"), Err(ErrorKind::MissingRequiredArgument));
        assert_eq!(parsed("deskbell enrol DB-SECRET"), Err(ErrorKind::UnknownArgument), "no secret on a command line");
        assert_eq!(parsed("deskbell open"), Err(ErrorKind::MissingRequiredArgument));
        assert_eq!(parsed("deskbell open deskbell://quit"), Err(ErrorKind::ValueValidation));
        assert_eq!(parsed("deskbell open deskbell://new extra"), Err(ErrorKind::UnknownArgument));
        assert_eq!(parsed("deskbell --version"), Err(ErrorKind::DisplayVersion));
    }

    #[test]
    fn the_help_speaks_both_languages() {
        for language in Language::ALL {
            let help = command(*language).render_long_help().to_string();
            assert!(help.contains(texts::text(*language, "cli.new")), "{help}");
            assert!(!help.contains("cli."), "a text is missing: {help}");
        }
    }
}
