//! Measuring clients at the door: each request over a connection of its own.

use super::Api;
use super::client::DIAL_TIMEOUT;
use super::server::IN_FLIGHT_MAX;
use crate::base::{Name, Span};
use crate::world::effects::Ctx;
use crate::world::ids::MasterId;
use crate::world::purpose::Purpose;
use crate::world::store::ApiError;

impl Api {
    /// Which server a new connection from outside the cluster reaches: this one, or the load balancer's pick.
    /// `key` names its draws.
    ///
    /// # Errors
    /// How the connection fails, and after how long; a refusal takes a `round_trip` and the load balancer's retries.
    pub fn knock(
        &mut self,
        target: Option<MasterId>,
        (name, ordinal): (Name, u64),
        round_trip: Span,
        ctx: &Ctx<'_>,
    ) -> Result<MasterId, (ApiError, Span)> {
        let balancer = &ctx.spec.control_plane.load_balancer;
        if ctx.net.api_cut {
            return Err((ApiError::Timeout, DIAL_TIMEOUT));
        }
        let (master, retries) = match target {
            Some(master) => (Some(master), Span::ZERO),
            None => {
                let draw = || ctx.draw(Purpose::ServerPick, name, ordinal);
                (self.rotation.pick(balancer, draw), balancer.connect_retry)
            }
        };
        // Without a target the load balancer refuses at once.
        let Some(master) = master else { return Err((ApiError::Refused, round_trip)) };
        let server = &self.servers[master];
        match (ctx.net.reaches(server.node), server.accepts()) {
            (false, _) => Err((ApiError::Timeout, DIAL_TIMEOUT)),
            (true, true) => Ok(master),
            (true, false) => Err((ApiError::Refused, retries + round_trip)),
        }
    }

    /// A measuring client's write reaches a server, which counts it among its requests in flight.
    ///
    /// # Errors
    /// When its process has ended, or has too much to do, or its etcd has no space.
    pub fn takes_probe(&mut self, master: MasterId) -> Result<(), ApiError> {
        let server = &mut self.servers[master];
        if !server.runs() {
            return Err(ApiError::Reset);
        }
        if server.in_flight >= IN_FLIGHT_MAX {
            return Err(ApiError::TooManyRequests);
        }
        if self.etcd_full {
            return Err(ApiError::Unavailable);
        }
        server.in_flight += 1;
        Ok(())
    }

    /// A measuring client's write is done with, or its client has gone.
    pub fn lets_probe_go(&mut self, master: MasterId, ctx: &mut Ctx<'_>) {
        self.release(master, ctx);
    }
}
