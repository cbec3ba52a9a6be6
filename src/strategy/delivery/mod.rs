//! Progressive delivery: actors that bring a new version of an app to its users, during an upgrade or instead of one.
//!
//! Each is one file with its [`DeliveryEntry`] and one line of [`CATALOG`]; scenarios name them in `[[rollout]]`. They
//! see what the API reports and what the metrics say of the new version's pods ([`analysis`]), and act on the app's
//! ReplicaSets, its Service's selector and its router's weights ([`Delivery`](crate::world::store::Delivery)).

pub mod analysis;
pub mod argo_blue_green;
pub mod argo_canary;
pub mod counts;
pub mod flagger;
pub mod hand;
pub mod service_switch;
pub mod steps;

use super::actor::Actor;
use crate::base::Time;
use crate::config::{Entry, Values, nearest};
use crate::world::ids::AppId;

/// A tool that scenarios can name in `[[rollout]]`.
#[derive(Debug)]
pub struct DeliveryEntry {
    /// Its name, description and settings.
    pub entry: &'static Entry,
    /// What is wrong with settings that are sound one by one.
    pub check: fn(&Values) -> Result<(), String>,
    /// The actor with these settings, before its first call.
    pub build: fn(&Asked, &Values) -> Box<dyn Actor>,
    /// Whether it owns the app's ReplicaSets itself, so that no Deployment does.
    pub owns_sets: bool,
}

/// Which app, and when its new version is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The app.
    pub app: AppId,
    /// Its name, which draws are keyed by.
    pub name: String,
    /// When the new version is asked for.
    pub at: Time,
}

/// A rollout of a scenario.
#[derive(Clone, Debug)]
pub struct Rollout {
    /// What is asked.
    pub asked: Asked,
    /// By which tool.
    pub entry: &'static DeliveryEntry,
    /// With which settings.
    pub values: Values,
}

impl Rollout {
    /// Its actor, before the first call.
    pub fn actor(&self) -> Box<dyn Actor> {
        (self.entry.build)(&self.asked, &self.values)
    }
}

/// All tools, in the order of the manual.
pub static CATALOG: &[&DeliveryEntry] =
    &[&argo_canary::ARGO_CANARY, &argo_blue_green::ARGO_BLUE_GREEN, &flagger::FLAGGER, &service_switch::SERVICE_SWITCH];

/// The tool of this name, or the name that was probably meant.
///
/// # Errors
/// When there is none.
pub fn find(name: &str) -> Result<&'static DeliveryEntry, Option<&'static str>> {
    let known = CATALOG.iter().find(|tool| tool.entry.name == name);
    known.copied().ok_or_else(|| nearest(name, CATALOG.iter().map(|tool| tool.entry.name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_sound_and_builds_from_its_defaults() {
        for tool in CATALOG {
            assert_eq!(tool.entry.mistakes(), Vec::<String>::new());
            assert_eq!((tool.check)(&tool.entry.defaults()), Ok(()));
            let asked = Asked { app: AppId(0), name: "web".to_owned(), at: Time::ZERO };
            let actor = (tool.build)(&asked, &tool.entry.defaults());
            assert_eq!(format!("{actor:?}"), format!("{:?}", actor.boxed_clone()));
        }
    }

    #[test]
    fn a_slip_in_a_name_is_answered_with_the_nearest() {
        assert_eq!(find("flager").err(), Some(Some("flagger")));
        assert!(find("flagger").is_ok());
    }
}
