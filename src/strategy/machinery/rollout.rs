//! A new template for an app, and the wait until it is rolled out.
//!
//! Source: kubectl `pkg/polymorphichelpers/rollout_status.go`. The status is watched; ours looks every second. A
//! Deployment that exceeds its progress deadline is an error at once. With OnDelete there is nothing to wait for.

use super::parts::WATCHES;
use super::plan::Rollout;
use crate::base::{Span, Time};
use crate::strategy::actor::{NotYet, Poll};
use crate::strategy::turn::Turn;
use crate::world::command::Command;
use crate::world::ids::AppId;
use crate::world::reported::{Reported, Sight};
use crate::world::spec::RolloutKind;

/// Wait before an order that failed is given again: the tool is run anew. Ours.
const AGAIN: Span = Span::secs(5);

/// A rollout under way.
#[derive(Clone, Debug)]
pub(super) struct RolloutRun {
    app: AppId,
    deadline: Option<Span>,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Before(Time),
    Asked(u32),
    Waits { since: Time },
}

impl RolloutRun {
    /// An error is a name that no app bears.
    pub(super) fn new(asked: &Rollout, seen: &Reported<'_>) -> Result<RolloutRun, String> {
        let found = seen.spec.apps.entries().find(|(_, app)| app.name == asked.app);
        let (app, _) = found.ok_or_else(|| format!("no app is called `{}`", asked.app))?;
        Ok(RolloutRun { app, deadline: asked.deadline, state: State::Before(seen.now) })
    }

    /// Goes as far as it can; how it ended, once it has.
    pub(super) fn step(&mut self, turn: &mut Turn<'_, '_>) -> Option<Result<(), String>> {
        let now = turn.now();
        match self.state {
            State::Before(at) if now < at => None,
            State::Before(_) => {
                self.state = State::Asked(turn.give(Command::RestartRollout(self.app)));
                None
            }
            State::Asked(order) => {
                match turn.answer(order)? {
                    Ok(()) => self.state = State::Waits { since: now },
                    Err(_) => self.state = State::Before(now + AGAIN),
                }
                None
            }
            State::Waits { since } => {
                let name = &turn.seen.spec.apps[self.app].name;
                let why = unfinished(self.app, turn.seen)?;
                match why {
                    Progress::Complete => Some(Ok(())),
                    Progress::Stalls => Some(Err(format!("the rollout of {name} exceeded its progress deadline"))),
                    Progress::Waits(why) if self.deadline.is_some_and(|deadline| now >= since + deadline) => {
                        Some(Err(format!("the rollout of {name} was not complete in time: {why}")))
                    }
                    Progress::Waits(_) => None,
                }
            }
        }
    }

    /// Says what it waits for.
    pub(super) fn arm(&self, turn: &mut Turn<'_, '_>) {
        match self.state {
            State::Before(at) => turn.until(at),
            State::Asked(_) => {}
            State::Waits { since } => {
                let poll = Poll { phase: since, period: WATCHES };
                turn.poll(poll, Sight::Anything);
                turn.until(self.deadline.map_or(Time::NEVER, |deadline| poll.from(since + deadline)));
                if let Some(Progress::Waits(why)) = unfinished(self.app, turn.seen) {
                    turn.blocked(NotYet::Gate(why));
                }
            }
        }
    }
}

enum Progress {
    Complete,
    /// The condition Progressing is False.
    Stalls,
    Waits(String),
}

/// How far it is; `None` while the API does not answer.
fn unfinished(app: AppId, seen: &Reported<'_>) -> Option<Progress> {
    seen.api.ok()?;
    let (store, asked) = (seen.store(), &seen.spec.apps[app]);
    let object = store.deployments().now(app);
    if asked.rollout.kind == RolloutKind::OnDelete {
        return Some(Progress::Complete);
    }
    let (mut updated, mut available, mut old) = (0, 0, 0);
    for pod in store.pods_of(app).iter().map(|pod| store.pods().now(*pod)).filter(|pod| pod.is_live()) {
        let newest = store.sets().now(pod.set).template == object.template;
        updated += u32::from(newest);
        old += u32::from(!newest);
        let since = pod.ready_since + asked.rollout.min_ready;
        available += u32::from(newest && pod.ready && since <= seen.now);
    }
    let held = if asked.is_stateful() { asked.rollout.partition.min(object.replicas) } else { 0 };
    let wanted = seen.pods_wanted(app) - held;
    Some(match (updated, available) {
        _ if object.stalls => Progress::Stalls,
        (updated, _) if updated < wanted => {
            Progress::Waits(format!("rollout of {}: {updated} of {wanted} pods are updated", asked.name))
        }
        _ if old > held => Progress::Waits(format!("rollout of {}: {old} old pods are left", asked.name)),
        (_, available) if available < wanted => {
            Progress::Waits(format!("rollout of {}: {available} of {wanted} updated pods are available", asked.name))
        }
        _ => Progress::Complete,
    })
}
