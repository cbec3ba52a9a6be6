//! What befalls the API path short of a crash: an etcd that is full, an overload, checks that flap, a slow balancer.

use super::{Api, ApiEvent};
use crate::base::Span;
use crate::world::effects::Ctx;
use crate::world::event::Event;
use crate::world::ids::MasterId;
use crate::world::store::Change;

/// Whether etcd takes this write without space: deletions cost none. Source: etcd `server/etcdserver/apply`, the
/// applier of the alarm NOSPACE and `quota.Cost`.
pub(super) fn needs_no_space(change: &Change) -> bool {
    matches!(change, Change::RemovePod { .. } | Change::DeleteNode { .. })
}

impl Api {
    /// etcd has no space, or has again: writes but deletions are refused (500), reads and health go on. Leases and
    /// heartbeats are writes.
    pub fn set_etcd_full(&mut self, full: bool, ctx: &mut Ctx<'_>) {
        self.etcd_full = full;
        for master in self.servers.ids() {
            if full {
                self.mark_unserved(master, ctx.now);
            }
            self.tell_clients_of(master, ctx);
        }
    }

    /// What the load balancer has found, and what it was told, it acts on so much later than it would.
    pub fn balancer_lags(&mut self, by: Span) {
        self.rotation.lag = by;
    }

    /// A write waits so long at this server before it is taken up.
    pub fn set_queue(&mut self, master: MasterId, wait: Span) {
        self.servers[master].queue = wait;
    }

    /// Checks of this server fail and pass in turn, or are as they should be again.
    pub fn balancer_flaps(&mut self, master: MasterId, turns: Option<(Span, Span)>, ctx: &mut Ctx<'_>) {
        let server = &mut self.servers[master];
        server.turns = turns;
        server.flap += 1;
        // The first turn is a failing one.
        server.unseen = false;
        match turns {
            Some(_) => self.flap_turns(master, self.servers[master].flap, ctx),
            None => self.check_health(master, ctx),
        }
    }

    pub(super) fn flap_turns(&mut self, master: MasterId, generation: u32, ctx: &mut Ctx<'_>) {
        let server = &mut self.servers[master];
        let Some((fail, pass)) = server.turns.filter(|_| server.flap == generation) else { return };
        server.unseen = !server.unseen;
        let lasting = if server.unseen { fail } else { pass };
        ctx.after(lasting, Event::Api(ApiEvent::Flaps { master, generation }));
        self.check_health(master, ctx);
    }
}
