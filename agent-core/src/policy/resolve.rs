//! The decision: which of several values holds, and whether the person may change it.

use super::{
    config::Config,
    fault::{Fault, Reason},
    list::{SETTINGS, Setting},
    sources::{Given, Origin},
};
use crate::view::SettingView;

/// The settings that hold, and what is wrong with some that do not.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    pub config: Config,
    /// One for each of [`SETTINGS`], in their order.
    pub settings: Vec<Resolved>,
    pub faults: Vec<Fault>,
}

/// One setting's value and where it comes from.
#[derive(Clone, Debug)]
pub struct Resolved {
    pub setting: &'static Setting,
    /// Absent where nothing is set and there is no default. May be a secret: see [`Setting::shown`].
    pub value: Option<String>,
    pub origin: Origin,
    /// The file, key or variable; empty where the origin says it all.
    pub place: String,
    /// Whoever administers it has decided; the person cannot set it.
    pub locked: bool,
}

impl PartialEq for Resolved {
    fn eq(&self, other: &Self) -> bool {
        (self.setting.name, &self.value, self.origin, &self.place, self.locked)
            == (other.setting.name, &other.value, other.origin, &other.place, other.locked)
    }
}

impl Policy {
    /// For the screen: no secret is in it.
    #[must_use]
    pub fn view(&self) -> Vec<SettingView> {
        let one = |resolved: &Resolved| SettingView {
            name: resolved.setting.name.to_owned(),
            value: resolved.value.as_deref().map(|value| resolved.setting.shown(value)),
            origin: resolved.origin,
            place: resolved.place.clone(),
            locked: resolved.locked,
        };
        self.settings.iter().map(one).collect()
    }
}

/// Each setting by itself: default ← server ← machine ← person, the latter only where the strongest of
/// those who manage it recommends a value instead of setting it, or where nobody manages it. A value that
/// cannot be used is none, and a locked setting stays locked: a person must not profit from a typing
/// error in a policy. `given` is in rising rank among those of one origin.
pub(super) fn resolve(given: &[Given]) -> Policy {
    let mut policy = Policy { config: Config::default(), settings: Vec::new(), faults: Vec::new() };
    for setting in SETTINGS {
        let mine: Vec<&Given> = given.iter().filter(|given| given.name == setting.name).collect();
        let resolved = one(setting, &mine, &mut policy.faults);
        if let Some(value) = &resolved.value {
            // It was checked, and a default is right: a test says so.
            let _ = (setting.set)(&mut policy.config, value);
        }
        policy.settings.push(resolved);
    }
    let unknown = given.iter().filter(|given| Setting::of(&given.name).is_none());
    policy.faults.extend(unknown.map(|given| fault(given, Reason::NoSetting)));
    policy
}

fn one(setting: &'static Setting, given: &[&Given], faults: &mut Vec<Fault>) -> Resolved {
    let may = |given: &Given| given.origin != Origin::Server || setting.by_server();
    let mut usable = Vec::new();
    for given in given {
        let checked = match &given.value {
            _ if !may(given) => Err(Reason::NotByServer),
            Ok(value) => setting.check(value).map(|()| value),
            Err(reason) => Err(reason.clone()),
        };
        match checked {
            Ok(value) => usable.push((*given, value)),
            Err(reason) => faults.push(fault(given, reason)),
        }
    }
    let strongest = |origin| move |given: &&Given| given.origin == origin;
    let manager = [Origin::Machine, Origin::Server]
        .into_iter()
        .find_map(|origin| given.iter().rev().copied().filter(|given| may(given)).find(strongest(origin)));
    let locked = manager.is_some_and(|given| !given.recommended);
    let order: &[Origin] = if locked {
        &[Origin::Machine, Origin::Server]
    } else {
        &[Origin::Choice, Origin::User, Origin::Machine, Origin::Server]
    };
    let held = order.iter().find_map(|origin| usable.iter().rev().find(|(given, _)| given.origin == *origin));
    match held {
        Some((given, value)) => Resolved {
            setting,
            value: Some((*value).clone()),
            origin: given.origin,
            place: given.place.clone(),
            locked,
        },
        None => {
            let value = setting.default.map(str::to_owned);
            Resolved { setting, value, origin: Origin::Default, place: String::new(), locked }
        }
    }
}

fn fault(given: &Given, reason: Reason) -> Fault {
    // What the server sends has no place of its own.
    let place = if given.place.is_empty() { "the server".to_owned() } else { given.place.clone() };
    Fault { place, setting: Some(given.name.clone()), reason }
}

#[cfg(test)]
mod tests;
