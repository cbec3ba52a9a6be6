//! MachineHealthCheck of Cluster API: machines whose nodes are not Ready, or never came, are deleted and made anew.

use super::catalog::BesideEntry;
use super::node_repair::NodeRepair;
use super::setting;
use crate::base::Span;
use crate::config::{Entry, Kind, Setting};

/// See [`RECORD`].
pub(super) static MACHINE_HEALTH_CHECK: BesideEntry =
    BesideEntry { entry: &RECORD, build: |values| Box::new(NodeRepair::of_machines(values)) };

static RECORD: Entry = Entry {
    name: "machine-health-check",
    about: "Cluster API: a machine whose node is not Ready for 5 minutes, or never came, is deleted and made anew.",
    details: "The machine is drained first, without limit unless node_drain_timeout says one; its MachineSet makes \
              another. With a larger share of a group unhealthy than max_unhealthy nothing is remediated. A machine \
              that boots for longer than node_startup_timeout is deleted before it can join, and so is the next.",
    settings: &SETTINGS,
    sources: &[BOOK, "kubernetes-sigs/cluster-api internal/controllers/machinehealthcheck"],
};

const BOOK: &str = "The Cluster API Book, Configure a MachineHealthCheck";
const SPAN: Kind = Kind::Duration { min: Span::ZERO, max: Span::mins(24 * 60) };

static SETTINGS: [Setting; 5] = [
    setting(
        "unhealthy_after",
        SPAN,
        "\"300s\"",
        "timeout of unhealthyConditions: how long Ready must be False or Unknown.",
        BOOK,
    ),
    setting("node_startup_timeout", SPAN, "\"10m\"", "nodeStartupTimeout: a machine is a node by then.", BOOK),
    setting("max_unhealthy", Kind::Ratio, "1.0", "maxUnhealthy: with a larger share nothing is remediated.", BOOK),
    setting(
        "node_drain_timeout",
        SPAN,
        "\"0s\"",
        "nodeDrainTimeout: how long the drain may take; 0s for no limit.",
        BOOK,
    ),
    setting("masters", Kind::Bool, "false", "Whether it looks after the masters, too.", BOOK),
];
