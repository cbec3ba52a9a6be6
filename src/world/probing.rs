//! The way of a measuring client's request: to an etcd member, or through the API to one, and back.

use crate::base::Span;
use crate::world::cluster::{World, ctx};
use crate::world::components::probe::{Flight, ProbeEvent, Probes};
use crate::world::effects::Outcome;
use crate::world::event::Event;
use crate::world::ids::{MasterId, RequestId};
use crate::world::spec::ProbeKind;
use crate::world::store::ApiError;

impl World {
    pub(super) fn probe_event(&mut self, event: ProbeEvent) {
        match event {
            ProbeEvent::Sends(probe) => {
                for request in self.probes.sends(probe, &mut ctx!(self)) {
                    self.probe_departs(request);
                }
            }
            ProbeEvent::Arrives(request) => self.probe_arrives(request),
            ProbeEvent::Fails { request, error } => self.probe_ends(request, Err(error), Span::ZERO),
            ProbeEvent::TimesOut(probe) => {
                for request in self.probes.overdue(probe, &mut ctx!(self)) {
                    self.probe_ends(request, Err(ApiError::Timeout), Span::ZERO);
                }
            }
        }
    }

    fn probe_kind(&self, flight: &Flight) -> ProbeKind {
        self.spec.probes[flight.probe].kind
    }

    /// A request leaves its client. One that nobody answers waits for its time-out.
    fn probe_departs(&mut self, request: RequestId) {
        let Some(flight) = self.probes.flight(request) else { return };
        let mut ctx = ctx!(self);
        let there = Probes::wire(&flight, 0, &ctx);
        let server = match (self.spec.probes[flight.probe].kind, flight.target) {
            (ProbeKind::EtcdPut, target) => target.ok_or((ApiError::Refused, Span::ZERO)),
            (ProbeKind::ApiWrite, target) => self.api.knock(target, flight.key, there * 2, &ctx),
        };
        match server {
            Ok(server) => {
                self.probes.goes_to(request, server, false);
                ctx.after(there, Event::Probe(ProbeEvent::Arrives(request)));
            }
            Err((ApiError::Timeout, _)) => {}
            Err((error, wasted)) => ctx.after(wasted, Event::Probe(ProbeEvent::Fails { request, error })),
        }
    }

    fn probe_arrives(&mut self, request: RequestId) {
        let Some(flight) = self.probes.flight(request) else { return };
        let Some(server) = flight.server.filter(|server| self.is_heard(*server)) else { return };
        match self.probe_kind(&flight) {
            ProbeKind::EtcdPut => self.etcd.propose(server, request, &mut ctx!(self)),
            ProbeKind::ApiWrite => {
                if let Err(error) = self.api.takes_probe(server) {
                    let back = Probes::wire(&flight, 1, &ctx!(self));
                    return self.probe_ends(request, Err(error), back);
                }
                self.probes.goes_to(request, server, true);
                // A server that is cut from its etcd keeps the request until its client gives up.
                if !self.net.etcd_cut {
                    self.etcd.propose(server, request, &mut ctx!(self));
                }
            }
        }
    }

    /// Whether a master's machine can be reached, and its answers come back.
    fn is_heard(&self, server: MasterId) -> bool {
        self.net.reaches(self.masters[server].node)
    }

    /// etcd is done with a request.
    pub(super) fn probe_stored(&mut self, request: RequestId, result: Outcome) {
        let Some(flight) = self.probes.flight(request) else { return };
        if !flight.server.is_some_and(|server| self.is_heard(server)) {
            return;
        }
        match (self.probe_kind(&flight), result) {
            // The server's etcd client waits for a member that takes requests (WaitForReady), as for any write.
            (ProbeKind::ApiWrite, Err(ApiError::Refused)) => {}
            (ProbeKind::ApiWrite | ProbeKind::EtcdPut, _) => {
                let back = Probes::wire(&flight, 1, &ctx!(self));
                self.probe_ends(request, result, back);
            }
        }
    }

    fn probe_ends(&mut self, request: RequestId, result: Outcome, back: Span) {
        let Some(flight) = self.probes.ends(request, result, back, &mut ctx!(self)) else { return };
        if let Some(server) = flight.server.filter(|_| flight.taken) {
            self.api.lets_probe_go(server, &mut ctx!(self));
        }
    }

    /// An API server's process has come or gone: its watches keep a leaving etcd member up, and its connections end
    /// with it.
    pub(super) fn server_changed(&mut self, server: MasterId) {
        let runs = self.api.is_running(server);
        self.etcd.watched(server, runs, &mut ctx!(self));
        if !runs && self.is_heard(server) {
            self.probe_resets(server, |_| true);
        }
    }

    /// The load balancer has cut its connections to a server.
    pub(super) fn balancer_cuts(&mut self, server: MasterId) {
        self.probe_resets(server, |flight| flight.target.is_none());
    }

    fn probe_resets(&mut self, server: MasterId, concerns: impl Fn(&Flight) -> bool) {
        let spec = &self.spec;
        let at = |flight: &Flight| {
            flight.server == Some(server) && spec.probes[flight.probe].kind == ProbeKind::ApiWrite && concerns(flight)
        };
        for request in self.probes.matching(at) {
            self.probe_ends(request, Err(ApiError::Reset), Span::ZERO);
        }
    }
}
