//! The team's tests.

use outside::{CABLE, ROLL, keeps, shop};
use proptest::prelude::Strategy;
use rollproof::api::Fault;
use rollproof::api::cases::cases_of;
use rollproof::sim::outcome::Verdict;

#[test]
fn the_shop_keeps_one_pod_and_not_two_of_two() {
    let plan = shop(3, 2).build().expect("it is valid");
    let holds = plan.clone().with_law(keeps(1)).run(1).expect("it runs");
    assert_eq!(holds.verdict, Verdict::Holds, "{:?}", holds.reasons);
    let refuted = plan.with_law(keeps(2)).run(1).expect("it runs");
    assert_eq!(refuted.verdict, Verdict::Refuted);
    assert_eq!(refuted.reasons[0].law, "the shop keeps its pods");
}

#[test]
fn the_teams_own_roll_keeps_two_of_three_pods_one_by_one_and_not_two_by_two() {
    let roll = |at_once: u32| {
        let plan = shop(4, 3).own_strategy(&ROLL).set(&format!("strategy.workers_at_once={at_once}"));
        plan.set("app.shop.pdb.max_unavailable=2").law(keeps(2)).build().expect("it is valid")
    };
    assert_eq!(roll(1).run(1).expect("it runs").verdict, Verdict::Holds);
    assert_eq!(roll(2).run(1).expect("it runs").verdict, Verdict::Refuted);
}

#[test]
fn a_pulled_cable_loses_requests() {
    let pulled = Fault::new("pulled-cable").target("host-of:shop-0").at("2m");
    let outcome = shop(3, 2).own_fault(&CABLE).fault(pulled).build().expect("it is valid").run(1).expect("it runs");
    assert!(outcome.requests.lost > 0, "{:?}", outcome.requests);
}

rollproof::check! {
    fn the_shop_loses_nothing_on_any_number_of_workers(case in cases_of((3..6_u32, 2..4_u32).prop_map(|(w, r)| shop(w, r)))) {
        let outcome = case.run()?;
        proptest::prop_assert_eq!(outcome.requests.lost, 0, "{:?}", outcome.reasons);
    }
}

rollproof::check! {
    #[should_panic(expected = "replay: rollproof run")]
    fn a_shop_of_one_pod_is_found_out(case in cases_of((1..4_u32).prop_map(|pods| shop(3, pods)))) {
        let outcome = case.run()?;
        proptest::prop_assert_eq!(outcome.verdict, Verdict::Holds);
    }
}
