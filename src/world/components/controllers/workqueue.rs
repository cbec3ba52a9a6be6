//! Queues of objects to reconcile: each object once, none while its writes are under way, failures with back-off.

use super::desk::Desk;
use super::{ControllersEvent, Key};
use crate::base::{Id, IdVec, Name, Span, Time};
use crate::world::effects::Ctx;
use crate::world::event::Event;
use crate::world::ids::{AppId, BudgetId};
use crate::world::purpose::Purpose;
use crate::world::spec::Spec;

/// First delay of an object whose writes failed; doubled each time.
/// Source: client-go `util/workqueue/default_rate_limiters.go`.
const RETRY_FIRST: Span = Span::millis(5);
/// Longest such delay. Source: as above.
const RETRY_MAX: Span = Span::secs(1000);

/// One object's place in its queue.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// When it is reconciled; `Time::NEVER` when not queued. An event of another moment is out of date.
    due: Time,
    /// Waits out a back-off.
    backing_off: bool,
    /// Writes without an answer yet.
    busy: u32,
    /// Something was heard meanwhile.
    dirty: bool,
    /// One of the writes failed.
    failed: bool,
    failures: u32,
}

const IDLE: Slot = Slot { due: Time::NEVER, backing_off: false, busy: 0, dirty: false, failed: false, failures: 0 };

/// How an object's writes went, all of them answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settled {
    /// At least one failed.
    pub(super) failed: bool,
    /// Something was heard meanwhile.
    pub(super) dirty: bool,
}

/// The queues of all controllers of one process.
#[derive(Clone, Debug)]
pub(super) struct Workqueue {
    slots: [Vec<Slot>; 5],
    apps: IdVec<AppId, Name>,
    budgets: IdVec<BudgetId, Name>,
}

impl Workqueue {
    /// Empty queues.
    pub(super) fn new(spec: &Spec) -> Workqueue {
        Workqueue {
            slots: std::array::from_fn(|_| Vec::new()),
            apps: spec.apps.iter().map(|app| Name::new(&app.name)).collect(),
            budgets: spec.budgets.iter().map(|budget| Name::new(&budget.name)).collect(),
        }
    }

    /// Queues an object; it is reconciled after the controller's processing time.
    pub(super) fn add(&mut self, key: Key, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        let slot = self.slot(key);
        if slot.busy > 0 {
            slot.dirty = true;
        } else if slot.due == Time::NEVER || slot.backing_off {
            let name = self.name(key, desk, ctx);
            let mut draw = ctx.draw(Purpose::Reconcile, name, desk.cursor.0);
            let due = ctx.now + ctx.spec.timings.reconcile.sample(&mut draw);
            self.put(key, due, false, desk, ctx);
        }
    }
    /// Whether this object's turn is now; it leaves the queue.
    pub(super) fn take(&mut self, key: Key, now: Time) -> bool {
        let slot = self.slot(key);
        let due = slot.due == now && slot.busy == 0;
        if due {
            slot.due = Time::NEVER;
        }
        due
    }
    /// A write for this object is on its way.
    pub(super) fn sent(&mut self, key: Key) {
        self.slot(key).busy += 1;
    }
    /// A write for this object was answered; the last answer tells how they all went.
    pub(super) fn answered(&mut self, key: Key, done: bool) -> Option<Settled> {
        let slot = self.slot(key);
        slot.failed |= !done;
        slot.busy = slot.busy.checked_sub(1)?;
        if slot.busy > 0 {
            return None;
        }
        let settled = Settled { failed: slot.failed, dirty: slot.dirty };
        (slot.failed, slot.dirty) = (false, false);
        Some(settled)
    }
    /// After all answers: again with back-off, again at once, or done.
    pub(super) fn settle(&mut self, key: Key, settled: Settled, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        if settled.failed {
            self.retry(key, desk, ctx);
        } else {
            self.slot(key).failures = 0;
            if settled.dirty {
                self.add(key, desk, ctx);
            }
        }
    }

    fn retry(&mut self, key: Key, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        let slot = self.slot(key);
        let delay = (RETRY_FIRST * (1 << slot.failures.min(20))).min(RETRY_MAX);
        slot.failures += 1;
        self.put(key, ctx.now + delay, true, desk, ctx);
    }
    fn put(&mut self, key: Key, due: Time, backing_off: bool, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        let slot = self.slot(key);
        if due < slot.due {
            (slot.due, slot.backing_off) = (due, backing_off);
            ctx.at(due, Event::Controllers(ControllersEvent::Reconcile { master: desk.master, key }));
        }
    }
    fn slot(&mut self, key: Key) -> &mut Slot {
        let (queue, index) = match key {
            Key::Deployment(app) => (0, app.index()),
            Key::Endpoints(app) => (1, app.index()),
            Key::Set(set) => (2, set.index()),
            Key::Budget(budget) => (3, budget.index()),
            Key::Taints(node) => (4, node.index()),
        };
        let slots = &mut self.slots[queue];
        if slots.len() <= index {
            slots.resize(index + 1, IDLE);
        }
        &mut slots[index]
    }
    fn name(&self, key: Key, desk: &Desk<'_>, ctx: &Ctx<'_>) -> Name {
        match key {
            Key::Deployment(app) => self.apps[app].part(1),
            Key::Endpoints(app) => self.apps[app].part(2),
            Key::Set(set) => {
                let set = ctx.store.sets().now(set);
                self.apps[set.app].part(3).part(u64::from(set.template))
            }
            Key::Budget(budget) => self.budgets[budget],
            Key::Taints(node) => desk.machines[node].name,
        }
    }
}
