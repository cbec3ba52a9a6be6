//! Floor 2: the machinery of a discrete-event run. It knows nothing of Kubernetes.

mod counts;
pub mod dist;
pub mod draws;
mod fingerprint;
mod mass;
mod normal;
mod philox;
pub mod queue;
pub mod timer;

pub use dist::Dist;
pub use draws::{Draw, Draws};
pub use fingerprint::fingerprint;
pub use mass::ln_binomial as ln_binomial_mass;
pub use normal::quantile as normal_quantile;
pub use queue::{Popped, Queue};
pub use timer::{Generation, Timer};
