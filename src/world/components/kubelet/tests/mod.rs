//! The kubelet on the bench, against what real ones do.

mod leaving;
mod machines;
mod probes;
mod restarts;

use super::KubeletEvent;
use super::bench::Bench;
use crate::base::Version;
use crate::world::effects::Notice;

const V1_20: Version = Version::new(1, 20, 2);
const V1_32: Version = Version::new(1, 32, 0);

fn count(bench: &Bench, what: impl Fn(&Notice) -> bool) -> usize {
    bench.notices.iter().filter(|(_, notice)| what(notice)).count()
}

#[test]
fn an_event_takes_twelve_bytes_at_most() {
    assert!(size_of::<KubeletEvent>() <= 12, "{}", size_of::<KubeletEvent>());
}
