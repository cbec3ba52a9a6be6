//! Floor 2: the machinery of a discrete-event run. It knows nothing of Kubernetes.

pub mod dist;
pub mod draws;
pub mod queue;
pub mod timer;

pub use dist::Dist;
pub use draws::{Draw, Draws};
pub use queue::{Popped, Queue};
pub use timer::{Generation, Timer};
