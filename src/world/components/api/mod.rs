//! The API path: clients' connections, the load balancer, API servers.

use crate::world::ids::{ClientId, MasterId, RequestId};
use crate::world::store::Revision;

/// Inside the API path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiEvent {
    /// A request reaches its server.
    Arrives(RequestId),
    /// A watch delivers everything up to a revision.
    Delivers {
        /// To whom.
        client: ClientId,
        /// Up to here.
        revision: Revision,
    },
    /// Placeholder of the server's own life.
    Server(MasterId),
}
