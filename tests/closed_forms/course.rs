//! A world on its own: its events in order, its facts, and alarms that a test sets.

use std::sync::Arc;

use rollproof::base::{Id, Time};
use rollproof::scenario;
use rollproof::world::cluster::{Outside, World};
use rollproof::world::event::Event;
use rollproof::world::fact::Fact;
use rollproof::world::ids::FaultId;
use rollproof::world::spec::Spec;

pub struct Course {
    pub world: World,
}

/// What a test has to do with.
pub enum Happening {
    /// Facts of one moment.
    Facts(Vec<Fact>),
    /// An alarm that the test has set.
    Alarm(usize),
}

impl Course {
    /// A cluster of `masters` and one worker in steady state, with one pod of `web` and one client group.
    pub fn new(masters: u32, app: &str, change: impl FnOnce(&mut Spec), seed: u64) -> Course {
        let text = format!(
            r#"
            schema = 1
            [cluster]
            version = {{ from = "1.20.2", to = "1.21.14" }}
            [cluster.control_plane]
            replicas = {masters}
            [[node_pool]]
            name = "workers"
            count = 1
            [[node_pool]]
            name = "clients"
            count = 1
            runs_apps = false
            [app.web]
            replicas = 1
            {app}
            [strategy]
            name = "kops-1.15"
            "#
        );
        let plan = scenario::parse("closed-forms.toml", &text, &[], None).unwrap_or_else(|refused| panic!("{refused}"));
        let mut spec = Spec::clone(&plan.spec);
        change(&mut spec);
        Course { world: World::begin(Arc::new(spec), seed).expect("there is room for one pod") }
    }

    /// Sets an alarm of this number.
    pub fn alarm(&mut self, at: Time, number: usize) {
        self.world.effects().queue.push(at, Event::Fault(FaultId::from_index(number)));
    }

    /// Steps one event, unless it comes after `until`.
    pub fn next(&mut self, until: Time) -> Option<Happening> {
        if self.world.effects().queue.next_time()? > until {
            return None;
        }
        let popped = self.world.effects().queue.pop()?;
        let outside = self.world.step(popped);
        let _ = self.world.take_changes();
        Some(match outside {
            Some(Outside::Strike(number)) => Happening::Alarm(number.index()),
            _ => Happening::Facts(self.facts()),
        })
    }

    /// What observers have not heard yet.
    pub fn facts(&mut self) -> Vec<Fact> {
        std::mem::take(&mut self.world.effects().facts)
    }
}
