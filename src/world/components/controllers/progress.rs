//! `progressDeadlineSeconds` of Deployments: a condition and nothing else; nobody rolls back.
//!
//! Source: `pkg/controller/deployment/progress.go`, `util/deployment_util.go` `DeploymentProgressing`,
//! `DeploymentTimedOut`. Progress is a pod more of the new template, one less of the old ones, or one more Ready. The
//! real condition bears the time of the last progress, so that a new leader goes on from there; ours counts anew.

use super::cache::Cache;
use super::desk::Desk;
use super::{ControllersEvent, Key};
use crate::base::Time;
use crate::world::effects::Ctx;
use crate::world::event::Event;
use crate::world::ids::AppId;
use crate::world::store::Change;

/// How far a rollout has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Reached {
    updated: u32,
    old: u32,
    ready: u32,
}

#[derive(Clone, Copy, Debug)]
struct Rollout {
    app: AppId,
    template: u32,
    reached: Reached,
    /// The last progress.
    since: Time,
}

/// Rollouts that are watched.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    rollouts: Vec<Rollout>,
}

impl Progress {
    /// A Deployment that is not where it should be was looked at, or one of its pods was heard of.
    pub(super) fn look(&mut self, app: AppId, begins: bool, cache: &Cache, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        let known = self.rollouts.iter().position(|rollout| rollout.app == app);
        if known.is_none() && !begins {
            return;
        }
        let Some((template, reached, _)) = reached(app, cache, desk, ctx) else { return };
        match known {
            Some(place) if self.rollouts[place].template == template => {
                let rollout = &mut self.rollouts[place];
                let (was, is) = (rollout.reached, reached);
                if is.updated > was.updated || is.old < was.old || is.ready > was.ready {
                    rollout.since = ctx.now;
                }
                rollout.reached = is;
            }
            Some(place) => (self.rollouts[place].template, self.rollouts[place].since) = (template, ctx.now),
            None => {
                self.rollouts.push(Rollout { app, template, reached, since: ctx.now });
                let deadline = ctx.spec.apps[app].rollout.progress_deadline;
                ctx.after(
                    deadline,
                    Event::Controllers(ControllersEvent::ProgressDeadline { master: desk.master, app }),
                );
            }
        }
    }

    /// The deadline after a progress has passed; what to write, if there was none since.
    pub(super) fn deadline(&mut self, app: AppId, cache: &Cache, desk: &Desk<'_>, ctx: &mut Ctx<'_>) -> Option<Change> {
        let place = self.rollouts.iter().position(|rollout| rollout.app == app)?;
        let due = self.rollouts[place].since + ctx.spec.apps[app].rollout.progress_deadline;
        let (_, _, complete) = reached(app, cache, desk, ctx)?;
        if !complete && due > ctx.now {
            ctx.at(due, Event::Controllers(ControllersEvent::ProgressDeadline { master: desk.master, app }));
            return None;
        }
        self.rollouts.swap_remove(place);
        (!complete).then_some(Change::RolloutStalls { app, stalls: true })
    }
}

/// Writes the condition.
pub(super) fn write(
    app: AppId,
    change: Change,
    queue: &mut super::workqueue::Workqueue,
    desk: &Desk<'_>,
    ctx: &mut Ctx<'_>,
) {
    queue.sent(Key::Deployment(app));
    desk.write(Key::Deployment(app), change, ctx);
}

/// The template wanted, how far its rollout is, and whether it is complete.
fn reached(app: AppId, cache: &Cache, desk: &Desk<'_>, ctx: &Ctx<'_>) -> Option<(u32, Reached, bool)> {
    let heard = ctx.store.deployments().at(app, desk.cursor)?;
    let mut reached = Reached::default();
    for set in &heard.sets {
        let count = cache.set(*set);
        if ctx.store.sets().now(*set).template == heard.template {
            reached.updated = count.active;
        } else {
            reached.old += count.active;
        }
        reached.ready += count.ready;
    }
    let complete = reached.updated == heard.replicas && reached.old == 0 && reached.ready >= heard.replicas;
    Some((heard.template, reached, complete))
}
