//! Settings in the Windows registry: what the installer wrote, and group policy, which beats it. Users
//! read both keys and cannot write to them; an installation of one person's has a key of theirs.

use windows_registry::{CURRENT_USER, Key, LOCAL_MACHINE, Type};

use super::{
    fault::{Fault, Reason},
    file::RECOMMENDED,
    sources::{Given, Origin},
};

/// Where an installer writes what it was given: for everybody, or for one person.
const INSTALLED: &str = r"SOFTWARE\Deskbell";
const POLICY: &str = r"SOFTWARE\Policies\Deskbell";

/// Every key, the weakest of each origin first.
pub(super) fn all() -> Vec<Result<Vec<Given>, Fault>> {
    let machine = |path| read(LOCAL_MACHINE, "HKLM", path, Origin::Machine);
    vec![machine(INSTALLED), machine(POLICY), read(CURRENT_USER, "HKCU", INSTALLED, Origin::User)]
}

/// What is recommended comes first: what is set beats it in the same key.
fn read(root: &Key, name: &str, path: &str, origin: Origin) -> Result<Vec<Given>, Fault> {
    let mut given = Vec::new();
    if origin == Origin::Machine {
        given = values(root, name, &format!(r"{path}\{RECOMMENDED}"), origin, true)?;
    }
    given.extend(values(root, name, path, origin, false)?);
    Ok(given)
}

fn values(root: &Key, name: &str, path: &str, origin: Origin, recommended: bool) -> Result<Vec<Given>, Fault> {
    let place = format!(r"{name}\{path}");
    // There is no such key where nothing was set.
    let Ok(key) = root.open(path) else { return Ok(Vec::new()) };
    let names = key.values().map_err(|error| unreadable(&place, &error.to_string()))?.map(|(name, _)| name);
    let one = |name: String| {
        let value = text(&key, &name);
        // Windows does not tell capitals from small letters.
        Given { origin, place: place.clone(), name: name.to_lowercase(), value, recommended }
    };
    // The key's own value has no name.
    let named = names.filter(|name| !name.is_empty());
    let empty = |given: &Given| given.value.as_ref().is_ok_and(|value| value.trim().is_empty());
    Ok(named.map(one).filter(|given| !empty(given)).collect())
}

fn unreadable(place: &str, error: &str) -> Fault {
    Fault { place: place.to_owned(), setting: None, reason: Reason::Unreadable(error.to_owned()) }
}

fn text(key: &Key, name: &str) -> Result<String, Reason> {
    let value = key.get_value(name).map_err(|error| Reason::Unreadable(error.to_string()))?;
    match value.ty() {
        Type::U32 => u32::try_from(value).map(|number| number.to_string()),
        Type::U64 => u64::try_from(value).map(|number| number.to_string()),
        _ => String::try_from(value),
    }
    .map_err(|_| Reason::NoText)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key of this test alone, gone with it.
    struct Scratch(String);

    impl Scratch {
        fn new(name: &str) -> Self {
            Self(format!(r"SOFTWARE\DeskbellTest\{}-{name}", std::process::id()))
        }

        fn key(&self, below: &str) -> Key {
            CURRENT_USER.create(format!("{}{below}", self.0)).unwrap()
        }

        fn read(&self, origin: Origin) -> Vec<Given> {
            read(CURRENT_USER, "HKLM", &self.0, origin).unwrap()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            CURRENT_USER.remove_tree(&self.0).unwrap();
        }
    }

    fn summary(given: &[Given]) -> Vec<(&str, Option<&str>, bool)> {
        let mut all: Vec<_> = given.iter().map(|g| (g.name.as_str(), g.value.as_deref().ok(), g.recommended)).collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn a_key_sets_and_recommends() {
        let scratch = Scratch::new("sets");
        let key = scratch.key("");
        key.set_string("", "the key's own").unwrap();
        key.set_string("server_url", "https://help.example").unwrap();
        key.set_string("Hotkey", "F9").unwrap();
        key.set_u32("autostart", 0).unwrap();
        key.set_string("proxy", "").unwrap();
        key.set_bytes("theme", Type::Bytes, &[1, 2]).unwrap();
        scratch.key(r"\recommended").set_string("language", "fr").unwrap();
        scratch.key(r"\Installation").set_string("version", "1").unwrap();
        let given = scratch.read(Origin::Machine);
        assert_eq!(
            summary(&given),
            [
                ("autostart", Some("0"), false),
                ("hotkey", Some("F9"), false),
                ("language", Some("fr"), true),
                ("server_url", Some("https://help.example"), false),
                ("theme", None, false),
            ]
        );
        assert!(given.iter().all(|given| given.place.starts_with(r"HKLM\SOFTWARE\DeskbellTest")));
        let policy = super::super::resolve::resolve(&given);
        assert_eq!(policy.config.hotkey, "F9");
        assert!(!policy.config.autostart);
        assert_eq!(policy.faults.len(), 1, "{:?}", policy.faults);
    }

    #[test]
    fn a_persons_key_recommends_nothing() {
        let scratch = Scratch::new("person");
        scratch.key(r"\recommended").set_string("language", "fr").unwrap();
        scratch.key("").set_string("hotkey", "F9").unwrap();
        assert_eq!(summary(&scratch.read(Origin::User)), [("hotkey", Some("F9"), false)]);
    }

    #[test]
    fn a_key_that_is_not_there_sets_nothing() {
        assert_eq!(read(CURRENT_USER, "HKLM", r"SOFTWARE\DeskbellTest\absent", Origin::Machine), Ok(Vec::new()));
    }
}
