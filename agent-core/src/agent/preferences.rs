//! The settings that hold: what this computer and the person say, put together anew whenever one of
//! them says something else.

use std::sync::PoisonError;

use deskbell_protocol::{device::AgentState, settings::SentSetting, ticket::Language};
use rusqlite::Connection;

use super::{Agent, Inner};
use crate::{
    error::{Answer, local},
    policy::{Choices, Config, Policy},
    store::{self, StoreResult, settings},
    view::{AgentStatus, LocalErrorCode, Problem, ProblemCode, Theme},
};

impl Agent {
    /// The settings that hold now.
    #[must_use]
    pub fn config(&self) -> Config {
        self.0.config()
    }

    /// The same with where each comes from, and what is wrong with others.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.0.policy.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps what the person picks. What they leave as it is stays open to whoever recommends another.
    ///
    /// # Errors
    /// Where somebody else has decided it, or it cannot be kept.
    pub async fn set_preferences(&self, language: Language, theme: Theme) -> Answer<()> {
        let status = self.status();
        let picked = Choices {
            language: Some(language).filter(|language| *language != status.language),
            theme: Some(theme).filter(|theme| *theme != status.theme),
        };
        self.0.refuse_locked(picked)?;
        let write = self.0.store.write(move |tx| {
            if let Some(language) = &picked.language {
                settings::set(tx, "language", language)?;
            }
            if let Some(theme) = &picked.theme {
                settings::set(tx, "theme", theme)?;
            }
            choices(tx)
        });
        let choices = write.await?;
        self.0.settle(|said| said.choices = choices);
        self.sync_now();
        Ok(())
    }
}

/// What may change while the agent runs.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) choices: Choices,
    pub(super) sent: Vec<SentSetting>,
}

/// What the person has picked so far.
pub(crate) fn choices(connection: &Connection) -> StoreResult<Choices> {
    Ok(Choices { language: settings::get(connection, "language")?, theme: settings::get(connection, "theme")? })
}

/// The same and what the server has sent, of an agent that may be running. Where there is no queue yet,
/// nobody has said anything.
pub(crate) fn kept(folder: &std::path::Path) -> (Choices, Vec<SentSetting>) {
    let read = store::peek(folder, |connection| {
        let state: Option<AgentState> = settings::get(connection, "state").unwrap_or_default();
        Ok((choices(connection).unwrap_or_default(), state.map_or_else(Vec::new, |state| state.settings)))
    });
    read.ok().flatten().unwrap_or_default()
}

impl Inner {
    pub(crate) fn config(&self) -> Config {
        self.policy.lock().unwrap_or_else(PoisonError::into_inner).config.clone()
    }

    fn refuse_locked(&self, picked: Choices) -> Answer<()> {
        let policy = self.policy.lock().unwrap_or_else(PoisonError::into_inner);
        let names = [("language", picked.language.is_some()), ("theme", picked.theme.is_some())];
        let locked = |name: &str| policy.settings.iter().any(|s| s.setting.name == name && s.locked);
        match names.into_iter().find(|(name, picked)| *picked && locked(name)) {
            Some((name, _)) => Err(local(LocalErrorCode::SettingManaged, format!("{name} is set by the organization"))),
            None => Ok(()),
        }
    }

    /// The server has told its state, and settings with it.
    pub(super) fn told(&self, sent: &[SentSetting]) {
        self.settle(|said| sent.clone_into(&mut said.sent));
    }

    /// Somebody says something else; the settings that follow from it hold from now on.
    fn settle(&self, change: impl FnOnce(&mut Said)) {
        // Held until it is shown: an older decision must not be shown after a newer one.
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut said);
        let policy = self.sources.resolve(said.choices, &said.sent);
        let known = std::mem::replace(&mut *self.policy.lock().unwrap_or_else(PoisonError::into_inner), policy.clone());
        if known != policy {
            self.change(|status| show(status, &policy, self.system_language));
        }
    }
}

/// Brings to the screen what holds.
pub(super) fn show(status: &mut AgentStatus, policy: &Policy, system_language: Language) {
    status.hotkey.key = policy.config.hotkey();
    status.language = policy.config.language.unwrap_or(system_language);
    status.theme = policy.config.theme;
    status.server_url = policy.config.server_url.as_ref().map(ToString::to_string);
    status.settings = policy.view();
    status.problems.retain(|problem| problem.code != ProblemCode::SettingRefused);
    if let Some(fault) = policy.faults.first() {
        status.problems.push(Problem { code: ProblemCode::SettingRefused, subject: Some(fault.subject()) });
    }
}
