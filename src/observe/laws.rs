//! Plan laws: what a zero-downtime upgrade must keep. A breach refutes the plan. One entry each in [`CATALOG`].

use super::figures::{Figures, First};
use crate::base::{Span, Time};
use crate::config::Entry;
use crate::world::spec::Spec;

/// How a plan ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All units are at their target.
    Completed,
    /// The tool gave up, with this message.
    Failed(String),
    /// Nothing new can happen; what blocks.
    Stalled(String),
    /// The horizon came first; what it waited for.
    Horizon(String),
}

/// Whether the upgrade must complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// One that fails or stalls misses the objective.
    MustComplete,
    /// It may fail or stall as long as nothing else is broken.
    MayStopSafely,
}

/// What a plan is held to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objective {
    /// Most requests that may be lost; `None`: any number.
    pub max_lost: Option<u64>,
    /// Longest exposure, over all groups; `None`: any.
    pub max_exposed: Option<Span>,
    /// Most breaks of etcd's quorum; `None`: any number.
    pub quorum_breaks: Option<u64>,
    /// Longest time in which no API request can succeed; `None`: any.
    pub max_api_gap: Option<Span>,
    /// Time, in all, in which some API requests can fail while others succeed; `None`: any.
    pub max_api_degraded: Option<Span>,
    /// Whether the upgrade must complete.
    pub completion: Completion,
    /// Names of the laws that the verdict goes by, of [`CATALOG`].
    pub laws: Vec<&'static str>,
}

impl Default for Objective {
    /// No exposure, no quorum break, no skew or true budget violation, and the upgrade completes.
    fn default() -> Self {
        Objective {
            max_lost: Some(0),
            max_exposed: Some(Span::ZERO),
            quorum_breaks: Some(0),
            max_api_gap: None,
            max_api_degraded: None,
            completion: Completion::MustComplete,
            laws: CATALOG.iter().map(Law::name).collect(),
        }
    }
}

/// What a finished run shows.
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
    /// Counts.
    pub figures: &'a Figures,
    /// The time during which some group's request could have been lost.
    pub exposed: Span,
    /// Lost requests.
    pub lost: u64,
    /// How the plan ended, and when.
    pub ending: (&'a Ending, Time),
    /// The end of the run.
    pub end: Time,
    /// Whether etcd can be observed.
    pub etcd_visible: bool,
    /// What was asked for.
    pub spec: &'a Spec,
}

/// A broken law.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// When it first broke, and in which event.
    pub first: First,
    /// In a sentence.
    pub message: String,
}

/// A plan law.
#[derive(Debug)]
pub struct Law {
    /// Its name and what it says.
    pub entry: Entry,
    /// Its first breach, if any.
    pub judge: fn(&Evidence<'_>, &Objective) -> Option<Breach>,
}

impl Law {
    /// Its name.
    pub fn name(&self) -> &'static str {
        self.entry.name
    }
}

const fn entry(
    name: &'static str,
    about: &'static str,
    details: &'static str,
    sources: &'static [&'static str],
) -> Entry {
    Entry { name, about, details, settings: &[], sources }
}

/// All plan laws, the most telling first. The default objective asks for each.
pub static CATALOG: &[Law] = &[
    Law {
        entry: entry(
            "etcd-quorum",
            "etcd loses its majority of voters no more often than `quorum_breaks`.",
            "A voter counts while its process runs and the others can reach it. Without a majority no write is \
             committed: nothing is scheduled, no endpoint changes, no lease is renewed. A single voter that stops is \
             a break, too.",
            &["etcd documentation, FAQ: \"What is failure tolerance?\""],
        ),
        judge: quorum,
    },
    Law {
        entry: entry(
            "no-exposure",
            "Requests can be lost, whatever their rate, for no longer than `max_exposed`.",
            "Exposure is the time during which some request of a client group could have been lost had it been sent \
             then. It does not depend on how many requests happen to be sent, so a quiet service proves nothing by luck.",
            &["rollproof: exposure, not luck"],
        ),
        judge: exposure,
    },
    Law {
        entry: entry(
            "no-loss",
            "No more requests are lost than `max_lost`.",
            "Counts the requests that this seed's clients sent and lost.",
            &["rollproof: zero downtime"],
        ),
        judge: loss,
    },
    Law {
        entry: entry(
            "version-skew",
            "Every connection keeps the version skew policy.",
            "Judged when a connection is made: a kubelet against the API server it reaches, a controller manager or \
             scheduler against its own, API servers against each other.",
            &["Kubernetes documentation, \"Version Skew Policy\""],
        ),
        judge: skew,
    },
    Law {
        entry: entry(
            "api-path",
            "The API is never out of everybody's reach for longer than `max_api_gap`, nor of some requests' for longer than \
             `max_api_degraded` in all.",
            "It is gone while no new request through the load balancer can succeed: no server in use answers, or none has an \
             etcd with a leader; degraded, while a server in use does not answer and another does. Users' requests go on \
             meanwhile; endpoints, scheduling and leases do not. Without bounds, the default, any time will do.",
            &["rollproof: how long a control plane may be gone is the operator's choice"],
        ),
        judge: api_path,
    },
    Law {
        entry: entry(
            "budget",
            "No deletion leaves an app with fewer healthy pods than its budgets demand.",
            "Judged on the true state, not on the budget's status, which may lag: an eviction that the API admits on \
             a stale status breaks this law.",
            &["Kubernetes documentation, \"Specifying a Disruption Budget for your Application\""],
        ),
        judge: budgets,
    },
    Law {
        entry: entry(
            "identity",
            "No identity of a StatefulSet runs twice at a time.",
            "Judged on the processes, not on the objects: whoever removes the object of a pod on a node that cannot be \
             heard of lets a second one start while the first runs on.",
            &["Kubernetes documentation, \"Force Delete StatefulSet Pods\""],
        ),
        judge: identity,
    },
    Law {
        entry: entry(
            "rollout-progress",
            "No rollout is without progress for its `progressDeadlineSeconds`.",
            "The Deployment's condition Progressing says so, and nothing else happens: nobody rolls back, and the old \
             pods serve on.",
            &["kubernetes pkg/controller/deployment/progress.go"],
        ),
        judge: progress,
    },
    Law {
        entry: entry(
            "completion",
            "The upgrade ends as `completion` says.",
            "By default a plan that fails or stalls misses its objective; `may-stop-safely` forgives it.",
            &["rollproof: stalled is a result"],
        ),
        judge: completion,
    },
];

/// The law of this name.
pub fn find(name: &str) -> Option<&'static Law> {
    CATALOG.iter().find(|law| law.name() == name)
}

/// The start of a run, for what was so from the start.
const START: First = First { at: Time::ZERO, event: 0 };

fn quorum(evidence: &Evidence<'_>, objective: &Objective) -> Option<Breach> {
    let quorum = &evidence.figures.quorum;
    let (lost, _, breaks) = quorum.broken.figures(evidence.end);
    let first = quorum
        .first_break
        .filter(|_| evidence.etcd_visible && objective.quorum_breaks.is_some_and(|most| breaks > most))?;
    let up = quorum.up_min;
    let message = format!(
        "etcd lost its quorum {} for {:.1} s in all: only {up} voter{} left up, so no write could be committed",
        times(breaks),
        lost.as_secs_f64(),
        if up == 1 { " was" } else { "s were" },
    );
    Some(Breach { first, message })
}

fn exposure(evidence: &Evidence<'_>, objective: &Objective) -> Option<Breach> {
    objective.max_exposed.filter(|most| evidence.exposed > *most)?;
    let first = evidence.figures.first_exposed.unwrap_or(START);
    let message = match evidence.exposed < Span::millis(1) {
        true => format!("requests could be lost for less than 1 ms ({} lost in this run)", evidence.lost),
        false => {
            let exposed = evidence.exposed.as_secs_f64();
            format!("requests could be lost for {exposed:.3} s ({} lost in this run)", evidence.lost)
        }
    };
    Some(Breach { first, message })
}

fn loss(evidence: &Evidence<'_>, objective: &Objective) -> Option<Breach> {
    objective.max_lost.filter(|most| evidence.lost > *most)?;
    let first = evidence.figures.first_lost.iter().flatten().min_by_key(|first| first.at).copied().unwrap_or(START);
    Some(Breach { first, message: format!("{} requests were lost", evidence.lost) })
}

fn api_path(evidence: &Evidence<'_>, objective: &Objective) -> Option<Breach> {
    api_gap(evidence, objective).or_else(|| api_degraded(evidence, objective))
}

fn api_gap(evidence: &Evidence<'_>, objective: &Objective) -> Option<Breach> {
    let most = objective.max_api_gap?;
    let lasted = |(first, end): &(First, Option<Time>)| end.unwrap_or(evidence.end).since(first.at);
    let gap = evidence.figures.api_gaps.iter().find(|gap| lasted(gap) > most)?;
    let message = format!("no API request could succeed for {:.1} s, and {most} is allowed", lasted(gap).as_secs_f64());
    Some(Breach { first: gap.0, message })
}

fn api_degraded(evidence: &Evidence<'_>, objective: &Objective) -> Option<Breach> {
    let (degraded, _, _) = evidence.figures.api_degraded.figures(evidence.end);
    let most = objective.max_api_degraded.filter(|most| degraded > *most)?;
    let first = evidence.figures.first_degraded.unwrap_or(START);
    let message = format!("some API requests could fail for {:.1} s, and {most} is allowed", degraded.as_secs_f64());
    Some(Breach { first, message })
}

fn skew(evidence: &Evidence<'_>, _: &Objective) -> Option<Breach> {
    let (count, first) = evidence.figures.skew;
    Some(Breach { first: first?, message: format!("{count} connections broke the version skew policy") })
}

fn budgets(evidence: &Evidence<'_>, _: &Objective) -> Option<Breach> {
    let (count, first) = evidence.figures.budget;
    Some(Breach { first: first?, message: format!("an app stood below its budget after a deletion, {}", times(count)) })
}

fn identity(evidence: &Evidence<'_>, _: &Objective) -> Option<Breach> {
    let identities = &evidence.figures.identities;
    let (app, ordinal, first) = identities.twice?;
    let (name, times) = (&evidence.spec.apps[app].name, times(identities.times));
    Some(Breach {
        first,
        message: format!("{name}-{ordinal} was started while it still ran elsewhere, {times} in all"),
    })
}

fn progress(evidence: &Evidence<'_>, _: &Objective) -> Option<Breach> {
    let (app, first) = *evidence.figures.stalled.first()?;
    let asked = &evidence.spec.apps[app];
    let deadline = asked.rollout.progress_deadline;
    let message = format!("the rollout of {} made no progress for {deadline} (ProgressDeadlineExceeded)", asked.name);
    Some(Breach { first, message })
}

fn completion(evidence: &Evidence<'_>, objective: &Objective) -> Option<Breach> {
    let (ending, at) = evidence.ending;
    let message = match ending {
        Ending::Completed => return None,
        Ending::Failed(_) | Ending::Stalled(_) if objective.completion == Completion::MayStopSafely => return None,
        Ending::Failed(why) => format!("the upgrade failed: {why}"),
        Ending::Stalled(why) => format!("the upgrade stalled: {why}"),
        Ending::Horizon(_) => return None,
    };
    Some(Breach { first: First { at, event: u64::MAX }, message })
}

fn times(n: u64) -> String {
    match n {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        n => format!("{n} times"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn laws_have_unique_names_and_the_default_objective_asks_for_all() {
        for law in CATALOG {
            assert_eq!(CATALOG.iter().filter(|other| other.name() == law.name()).count(), 1);
            assert_eq!(find(law.name()).map(|found| found.entry.about), Some(law.entry.about));
        }
        assert_eq!(Objective::default().laws.len(), CATALOG.len());
    }

    #[test]
    fn a_plan_that_stops_safely_breaks_completion_only_when_it_must_complete() {
        let figures = Figures::new(3, 1, [2].into_iter());
        let spec = crate::world::testkit::small_spec();
        let ending = Ending::Stalled("pdb web allows 0".to_owned());
        let evidence = Evidence {
            figures: &figures,
            exposed: Span::ZERO,
            lost: 0,
            ending: (&ending, Time::ZERO),
            end: Time::ZERO,
            etcd_visible: true,
            spec: &spec,
        };
        let strict = Objective::default();
        assert!(completion(&evidence, &strict).is_some());
        assert!(completion(&evidence, &Objective { completion: Completion::MayStopSafely, ..strict }).is_none());
    }
}
