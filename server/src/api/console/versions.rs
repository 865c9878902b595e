//! Which version everybody is to have, and who is behind.

use std::collections::HashMap;

use semver::Version;

use crate::{
    App,
    api::agent::updates,
    db::{Scope, Tx, devices},
    error::ApiResult,
    updates::Found,
};

/// By system, as devices name theirs: `linux`, `windows`, `macos`.
#[derive(Debug)]
pub(crate) struct Newest(HashMap<String, Version>);

impl Newest {
    /// # Errors
    /// Where the database or the folder of updates fails.
    pub(crate) async fn read(app: &App, tx: &mut Tx, scope: Scope) -> ApiResult<Self> {
        let seen = devices::versions(tx, scope).await?;
        let found = updates::found(app).await?;
        Ok(Self::of(&found, &seen))
    }

    /// The newest stable version in the folder of updates; for a system that has none there, because an
    /// administrator's tool brings it, the newest that any device runs.
    fn of(found: &Found, seen: &[(String, String)]) -> Self {
        let mut newest = HashMap::<String, Version>::new();
        for (system, version) in seen {
            let Ok(version) = Version::parse(version) else { continue };
            match found.newest(system) {
                Some(stable) => _ = newest.insert(system.clone(), stable.clone()),
                None => {
                    let known = newest.entry(system.clone()).or_insert_with(|| version.clone());
                    *known = known.clone().max(version);
                }
            }
        }
        Self(newest)
    }

    /// The version that this one is older than; nothing where it is not, or nobody knows.
    pub(crate) fn newer_than(&self, system: &str, version: Option<&str>) -> Option<String> {
        let running = Version::parse(version?).ok()?;
        self.0.get(system).filter(|newest| **newest > running).map(Version::to_string)
    }
}

#[cfg(test)]
mod tests {
    use deskbell_protocol::update::UpdateRing;

    use super::*;
    use crate::updates::Release;

    fn release(ring: UpdateRing, version: &str, platform: &str) -> Release {
        Release {
            ring,
            version: Version::parse(version).unwrap(),
            platform: platform.to_owned(),
            file: "x".into(),
            size: 1,
            signature: String::new(),
            key: String::new(),
        }
    }

    #[test]
    fn behind_is_whoever_runs_less_than_the_stable_version_or_than_others() {
        let releases = vec![
            release(UpdateRing::Stable, "0.2.0", "linux-x86_64"),
            release(UpdateRing::Early, "0.3.0", "linux-x86_64"),
        ];
        let found = Found { releases, refused: Vec::new() };
        let seen =
            [("linux", "0.3.0"), ("linux", "0.1.0"), ("windows", "0.10.0"), ("windows", "0.9.0"), ("macos", "?")];
        let newest = Newest::of(&found, &seen.map(|(system, version)| (system.to_owned(), version.to_owned())));
        for (system, version, behind) in [
            ("linux", Some("0.1.0"), Some("0.2.0")),
            ("linux", Some("0.2.0"), None),
            ("linux", Some("0.3.0"), None),
            ("windows", Some("0.9.0"), Some("0.10.0")),
            ("windows", Some("0.10.0"), None),
            ("windows", None, None),
            ("macos", Some("0.1.0"), None),
            ("macos", Some("?"), None),
        ] {
            assert_eq!(newest.newer_than(system, version).as_deref(), behind, "{system} {version:?}");
        }
    }
}
