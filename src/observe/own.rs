//! Laws of one's own: conditions on the truth that a plan is held to beside those of the catalogue.

use std::fmt;
use std::sync::Arc;

use super::figures::{Figures, First};
use super::laws::Breach;
use crate::base::{Span, Time};
use crate::world::ids::AppId;
use crate::world::spec::Spec;
use crate::world::store::{NodeReady, Store};

/// What is so at a moment of a run, to be looked at only. Nobody in the cluster knows all of it.
#[derive(Clone, Copy, Debug)]
pub struct Truth<'a> {
    at: Time,
    figures: &'a Figures,
    store: &'a Store,
    spec: &'a Spec,
}

impl<'a> Truth<'a> {
    /// What is so at this moment.
    pub const fn new(at: Time, figures: &'a Figures, store: &'a Store, spec: &'a Spec) -> Truth<'a> {
        Truth { at, figures, store, spec }
    }
    /// The time since the start of the run.
    pub fn time(&self) -> Span {
        self.at.since(Time::ZERO)
    }
    /// Pods of this app that are Ready and not on their way out; `None`: no app has this name.
    pub fn ready(&self, app: &str) -> Option<u32> {
        self.app(app).map(|app| self.figures.apps[app].healthy)
    }
    /// Pods that this app is meant to have now; `None`: no app has this name.
    pub fn wanted(&self, app: &str) -> Option<u32> {
        self.app(app).map(|app| self.store.deployments().now(app).replicas)
    }
    /// Names of all apps, in the order of the scenario.
    pub fn apps(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.spec.apps.iter().map(|app| app.name.as_str())
    }
    /// Voters of etcd that are up beyond a majority; below zero without a majority.
    pub fn etcd_margin(&self) -> i64 {
        self.figures.quorum.margin
    }
    /// Nodes that are registered, masters among them.
    pub fn nodes(&self) -> usize {
        self.count(|_| true)
    }
    /// Nodes whose Ready condition is true, masters among them.
    pub fn ready_nodes(&self) -> usize {
        self.count(|ready| ready == NodeReady::True)
    }
    /// Users' requests that have been told to be lost so far. Losses are told when their interval is settled, which is
    /// no later than the end of the run.
    pub fn lost(&self) -> u64 {
        self.figures.lost
    }
    /// Steps of the plan that have begun and not ended.
    pub fn steps_under_way(&self) -> usize {
        self.figures.steps.iter().filter(|step| step.end.is_none()).count()
    }
    fn app(&self, name: &str) -> Option<AppId> {
        self.spec.apps.entries().find(|(_, app)| app.name == name).map(|(id, _)| id)
    }
    fn count(&self, which: impl Fn(NodeReady) -> bool) -> usize {
        let nodes = self.store.nodes();
        nodes.ids().map(|id| nodes.now(id)).filter(|node| node.exists && which(node.ready)).count()
    }
}

/// When a law's condition must be so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Always,
    Eventually,
    Sometimes,
}

/// A law of one's own: a name, a condition on the [`Truth`], and when it must be so. The condition is asked at the start
/// and after every fact, with or without history kept; it must answer alike whenever the truth is alike.
///
/// ```
/// use rollproof::api::{App, Law, Pool};
/// use rollproof::scenario::Scenario;
/// use rollproof::sim::outcome::Verdict;
///
/// let plan = Scenario::builder("team")
///     .version("1.14.10", "1.15.7")
///     .masters(3)
///     .pool(Pool::new("workers", 2))
///     .app(App::new("web").replicas(2))
///     .strategy("kops-1.15")
///     .build()?;
/// assert_eq!(plan.run(1)?.verdict, Verdict::Holds);
///
/// let strict = plan.with_law(Law::always("web keeps both pods", |truth| truth.ready("web") >= Some(2)));
/// let outcome = strict.run(1)?;
/// assert_eq!(outcome.verdict, Verdict::Refuted);
/// assert_eq!(outcome.reasons[0].law, "web keeps both pods");
/// assert!(outcome.reasons[0].at_s > 0.0, "it broke when the first pod was evicted");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Law {
    name: Arc<str>,
    when: When,
    holds: Arc<dyn Fn(&Truth<'_>) -> bool + Send + Sync>,
}

impl fmt::Debug for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Law").field("name", &self.name).field("when", &self.when).finish_non_exhaustive()
    }
}

impl Law {
    /// It must be so at every moment; the first at which it is not refutes the plan.
    pub fn always(name: &str, holds: impl Fn(&Truth<'_>) -> bool + Send + Sync + 'static) -> Law {
        Law { name: name.into(), when: When::Always, holds: Arc::new(holds) }
    }
    /// It must be so at some moment of every run; a run that ends without one refutes the plan at its end.
    pub fn eventually(name: &str, holds: impl Fn(&Truth<'_>) -> bool + Send + Sync + 'static) -> Law {
        Law { name: name.into(), when: When::Eventually, holds: Arc::new(holds) }
    }
    /// What a run must have been through to say anything: one that ends without such a moment is undecided.
    pub fn sometimes(name: &str, holds: impl Fn(&Truth<'_>) -> bool + Send + Sync + 'static) -> Law {
        Law { name: name.into(), when: When::Sometimes, holds: Arc::new(holds) }
    }
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Laws over a run under way.
#[derive(Clone, Debug)]
pub struct Watched {
    /// Each with the first moment at which it was broken (`always`) or met (the others).
    laws: Vec<(Law, Option<First>)>,
}

/// What a run has shown of a law.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// It is broken.
    Broken(Breach),
    /// The run never came to what it must have been through.
    NotExercised(Breach),
}

impl Watched {
    /// These laws at the start of a run.
    pub fn new(laws: &[Law]) -> Watched {
        Watched { laws: laws.iter().map(|law| (law.clone(), None)).collect() }
    }
    /// Whether there is no law.
    pub fn is_empty(&self) -> bool {
        self.laws.is_empty()
    }
    /// Asks each law that is not settled yet.
    pub fn ask(&mut self, truth: &Truth<'_>, event: u64) {
        for (law, first) in self.laws.iter_mut().filter(|(_, first)| first.is_none()) {
            let settles = (law.holds)(truth) != (law.when == When::Always);
            *first = settles.then_some(First { at: truth.at, event });
        }
    }
    /// What a run that ends at `end` has shown, by the names of the laws, where they are not kept.
    pub fn shown(&self, end: Time) -> impl Iterator<Item = (&str, Shown)> {
        self.laws.iter().filter_map(move |(law, first)| {
            let breach = |first, what: &str| Breach { first, message: format!("{} {what}", law.name) };
            let at_end = First { at: end, event: u64::MAX };
            let shown = match (law.when, first) {
                (When::Always, Some(first)) => Shown::Broken(breach(*first, "no longer")),
                (When::Eventually, None) => Shown::Broken(breach(at_end, "at no moment of the run")),
                (When::Sometimes, None) => Shown::NotExercised(breach(at_end, "at no moment of the run")),
                (When::Always, None) | (When::Eventually | When::Sometimes, Some(_)) => return None,
            };
            Some((law.name(), shown))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::testkit::small_spec;

    #[test]
    fn a_law_is_settled_at_its_first_moment_and_what_is_never_so_counts_at_the_end() {
        let spec = small_spec();
        let (store, figures) = (Store::new(&spec), Figures::new(3, 1, spec.apps.iter().map(|app| app.replicas)));
        let after = |at: u64| move |truth: &Truth<'_>| truth.time() >= Span::secs(at);
        let laws = [
            Law::always("young", |truth| truth.time() < Span::secs(2)),
            Law::eventually("old", after(3)),
            Law::eventually("ancient", after(9)),
            Law::sometimes("older", after(9)),
            Law::sometimes("not new", after(1)),
        ];
        let mut watched = Watched::new(&laws);
        for at in 0..5 {
            watched.ask(&Truth::new(Time::ZERO + Span::secs(at), &figures, &store, &spec), at);
        }
        let breach = |at, event, message: &str| Breach {
            first: First { at: Time::ZERO + Span::secs(at), event },
            message: message.to_owned(),
        };
        let expected = vec![
            ("young", Shown::Broken(breach(2, 2, "young no longer"))),
            ("ancient", Shown::Broken(breach(5, u64::MAX, "ancient at no moment of the run"))),
            ("older", Shown::NotExercised(breach(5, u64::MAX, "older at no moment of the run"))),
        ];
        assert_eq!(watched.shown(Time::ZERO + Span::secs(5)).collect::<Vec<_>>(), expected);
    }
}
