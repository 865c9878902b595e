//! Who may set a setting, and what each of them has set. Reading is all that happens here; what follows
//! from it is decided in [`super::resolve`].

use deskbell_protocol::{settings::SentSetting, ticket::Language};
use serde::{Deserialize, Serialize};

use super::{
    fault::{Fault, Reason},
    file,
    folders::Folders,
    list::{SETTINGS, Setting},
    resolve::{self, Policy},
};
use crate::view::Theme;

/// Where a value comes from, from the weakest to the strongest; a person's is the strongest where nobody
/// has locked the setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ts_rs::TS)]
#[ts(export)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    Default,
    /// Sent by the helpdesk's server.
    Server,
    /// Set for this computer, by somebody who administers it.
    Machine,
    /// The person's own file or environment.
    User,
    /// Picked in *Personal settings*.
    Choice,
}

/// One value that somebody has set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    pub origin: Origin,
    /// For people: a file, a registry key, a variable.
    pub place: String,
    pub name: String,
    /// As text, or why it is none.
    pub value: Result<String, Reason>,
    /// The person may set another one.
    pub recommended: bool,
}

/// What the person picked in *Personal settings*.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    pub language: Option<Language>,
    pub theme: Option<Theme>,
}

/// What this computer says, read once at the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// In rising rank among those of one origin.
    pub given: Vec<Given>,
    /// Sources that cannot be read at all.
    pub faults: Vec<Fault>,
}

impl Policy {
    /// What holds for this user, for whoever asks without opening the agent: it may run beside.
    #[must_use]
    pub fn of_user(folders: &Folders) -> Self {
        let (choices, sent) = crate::agent::kept(&folders.data);
        Sources::read(folders).resolve(choices, &sent)
    }
}

impl Sources {
    /// Reads what is there: this computer's settings and, weaker, the person's. What cannot be read is a fault among the others, and keeps nobody from
    /// working: a bell that does not ring over a misspelt colour would be the greater damage.
    #[must_use]
    pub fn read(folders: &Folders) -> Self {
        let mut sources = Self::default();
        sources.add_machine(folders);
        if let Some(path) = &folders.user_file {
            sources.add(file::toml(path, Origin::User));
        }
        sources.given.extend(environment(|name| std::env::var(name).ok()));
        sources
    }

    #[cfg(windows)]
    fn add_machine(&mut self, _: &Folders) {
        for read in super::registry::all() {
            self.add(read);
        }
    }

    #[cfg(not(windows))]
    fn add_machine(&mut self, folders: &Folders) {
        for path in &folders.machine_files {
            let plist = path.extension().is_some_and(|extension| extension == "plist");
            self.add(if plist { file::plist(path) } else { file::toml(path, Origin::Machine) });
        }
    }

    fn add(&mut self, read: Result<Vec<Given>, Fault>) {
        match read {
            Ok(given) => self.given.extend(given),
            Err(fault) => self.faults.push(fault),
        }
    }

    /// What holds.
    #[must_use]
    pub fn resolve(&self, choices: Choices, sent: &[SentSetting]) -> Policy {
        let mut given = self.given.clone();
        // One that is not known here is a newer server's, and no fault of anybody's.
        given.extend(sent.iter().filter(|sent| Setting::of(&sent.name).is_some()).map(from_server));
        given.extend(choices.given());
        let mut policy = resolve::resolve(&given);
        policy.faults.splice(..0, self.faults.iter().cloned());
        policy
    }
}

impl Choices {
    fn given(self) -> Vec<Given> {
        let language = self.language.map(|language| ("language", language.as_str()));
        let theme = self.theme.map(|theme| ("theme", theme.as_str()));
        let given = |(name, value): (&str, &str)| Given {
            origin: Origin::Choice,
            place: String::new(),
            name: name.to_owned(),
            value: Ok(value.to_owned()),
            recommended: false,
        };
        [language, theme].into_iter().flatten().map(given).collect()
    }
}

fn from_server(sent: &SentSetting) -> Given {
    Given {
        origin: Origin::Server,
        place: String::new(),
        name: sent.name.clone(),
        value: Ok(sent.value.clone()),
        recommended: !sent.locked,
    }
}

/// `DESKBELL_<NAME>`. It is in the person's hands, whoever else may write to it: it ranks with them. An
/// empty variable counts as unset.
fn environment(get: impl Fn(&str) -> Option<String>) -> Vec<Given> {
    let read = |name: &str| {
        let place = format!("DESKBELL_{}", name.to_uppercase());
        let value = get(&place).filter(|value| !value.is_empty())?;
        Some(Given { origin: Origin::User, place, name: name.to_owned(), value: Ok(value), recommended: false })
    };
    SETTINGS.iter().filter_map(|setting| read(setting.name)).collect()
}

/// For messages.
pub(super) fn place(path: &std::path::Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_speaks_for_the_person() {
        let given = environment(|name| match name {
            "DESKBELL_HOTKEY" => Some("none".into()),
            "DESKBELL_THEME" => Some(String::new()),
            _ => None,
        });
        assert_eq!(given.len(), 1, "empty is unset: {given:?}");
        assert_eq!((given[0].origin, given[0].place.as_str()), (Origin::User, "DESKBELL_HOTKEY"));
    }

    #[test]
    fn a_file_that_cannot_be_read_costs_nothing_but_itself() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let folders = Folders {
            data: folder.path().to_owned(),
            machine_files: vec![write("machine.toml", "hotkey = ["), folder.path().join("absent.toml")],
            user_file: Some(write("user.toml", "theme = \"dark\"")),
        };
        let policy = Sources::read(&folders).resolve(Choices::default(), &[]);
        assert_eq!(policy.config.theme, Theme::Dark);
        if cfg!(not(windows)) {
            assert_eq!(policy.faults.len(), 1, "{:?}", policy.faults);
            let fault = policy.faults[0].to_string();
            assert!(fault.contains("machine.toml") && !fault.contains('\n'), "{fault}");
        }
    }
}
