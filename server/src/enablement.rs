//! Whether the agent may be used: the nearest decision of organization ← client ← site ← device.

use serde::Serialize;

use crate::row;

/// Where a decision stands, from the general to the special.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Organization,
    Client,
    Site,
    Device,
}

row! {
    /// The decisions that concern one device. The organization always has one.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Choices {
        pub organization_choice: bool,
        pub client_choice: Option<bool>,
        pub site_choice: Option<bool>,
        pub device_choice: Option<bool>,
    }
}

impl Choices {
    /// What holds, and who decides it.
    #[must_use]
    pub fn decide(&self) -> (bool, Level) {
        [(self.device_choice, Level::Device), (self.site_choice, Level::Site), (self.client_choice, Level::Client)]
            .into_iter()
            .find_map(|(choice, level)| choice.map(|enabled| (enabled, level)))
            .unwrap_or((self.organization_choice, Level::Organization))
    }

    #[must_use]
    pub fn enabled(&self) -> bool {
        self.decide().0
    }

    /// The same, had the device no choice of its own.
    #[must_use]
    pub fn without_device(&self) -> bool {
        Self { device_choice: None, ..*self }.enabled()
    }
}

/// Whether a device has heard of the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// The device has not been in contact since. Normal, and never a fault.
    Waiting,
    Active,
    /// It has heard, and cannot follow: its registration is revoked or quarantined.
    Failed,
}

/// The delivery of one installation's state.
#[must_use]
pub fn delivery(accepted: bool, applied_revision: i64, revision: i64) -> Delivery {
    match (accepted, applied_revision >= revision) {
        (false, _) => Delivery::Failed,
        (true, true) => Delivery::Active,
        (true, false) => Delivery::Waiting,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(false, None, None, None, (false, Level::Organization))]
    #[case(true, None, None, None, (true, Level::Organization))]
    #[case(false, Some(true), None, None, (true, Level::Client))]
    #[case(false, Some(true), Some(false), None, (false, Level::Site))]
    #[case(true, Some(true), Some(true), Some(false), (false, Level::Device))]
    #[case(false, Some(false), None, Some(true), (true, Level::Device))]
    fn the_nearest_level_with_a_choice_decides(
        #[case] organization_choice: bool,
        #[case] client_choice: Option<bool>,
        #[case] site_choice: Option<bool>,
        #[case] device_choice: Option<bool>,
        #[case] expected: (bool, Level),
    ) {
        let choices = Choices { organization_choice, client_choice, site_choice, device_choice };
        assert_eq!(choices.decide(), expected);
    }

    #[test]
    fn a_device_that_has_not_heard_is_waiting_and_not_failed() {
        assert_eq!(delivery(true, 1, 2), Delivery::Waiting);
        assert_eq!(delivery(true, 2, 2), Delivery::Active);
        assert_eq!(delivery(false, 2, 2), Delivery::Failed);
    }
}
