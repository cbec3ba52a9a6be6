//! The usual mode against eager mode, in which every tick, heartbeat, append and acknowledgement is an event.

use proptest::prelude::*;

use super::script::{Script, changing_script, script, setup};
use super::*;

/// All that others can see, in order of time and, within an instant, in a fixed order.
fn seen(setup: Setup, seed: u64, script: &Script) -> (Vec<(Time, String)>, u64) {
    let mut lab = setup.lab(seed);
    lab.play(script);
    let notices = lab.notices.iter().map(|(at, notice)| (*at, format!("{notice:?}")));
    let facts = lab.facts.iter().map(|(at, fact)| (*at, format!("{fact:?}")));
    let mut seen: Vec<_> = notices.chain(facts).collect();
    seen.sort();
    (seen, lab.events)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(300), failure_persistence: None, ..ProptestConfig::default() })]

    // Exactly equal, to the nanosecond: leaders and terms, losses and returns of service, which requests were stored,
    // late or not, and how and when each of the others failed.
    #[test]
    fn what_is_not_an_event_happens_all_the_same((setup, seed) in setup(), script in script(40)) {
        agree(setup, seed, &script)?;
    }

    #[test]
    fn and_so_does_what_changes_the_group((setup, seed) in setup(), script in changing_script(40)) {
        agree(setup, seed, &script)?;
    }
}

fn agree(setup: Setup, seed: u64, script: &Script) -> Result<(), TestCaseError> {
    let (usual, events) = seen(setup, seed, script);
    let (eager, eager_events) = seen(Setup { eager: true, ..setup }, seed, script);
    let apart = usual.iter().zip(&eager).position(|(a, b)| a != b);
    if let Some(at) = apart {
        let (before, end) = (at.saturating_sub(8), |len: usize| len.min(at + 3));
        let (first, second) = (&usual[before..end(usual.len())], &eager[at..end(eager.len())]);
        prop_assert!(false, "usual: {first:?}, eager from {}: {second:?}", first.len().min(at - before));
    }
    prop_assert_eq!(usual.len(), eager.len());
    prop_assert!(events < eager_events);
    Ok(())
}
