//! The page that replays a run: one file that asks for nothing, the same bytes again, names as text.
//!
//! What it does in a browser is tested by `tests/browser/page.mjs`, which `.ci/browser` runs.

mod common;

use common::{finished, load};
use rollproof::report::replay;
use serde_json::Value as Json;

const LOSES: [&str; 2] = ["app.web.pre_stop=\"0s\"", "app.web.on_sigterm=\"exit\""];

fn page(name: &str, overrides: &[&str], seed: u64) -> String {
    let finished = finished(&load(name, overrides), seed, true);
    let trace = finished.trace.expect("it was asked for");
    replay::render(&finished.outcome, &trace, "rollproof run it").expect("it can be drawn")
}

/// The data inside, read as the script reads them.
fn data(page: &str) -> Json {
    let (_, after) = page.split_once("<script type=\"application/json\" id=\"data\">").expect("they are there");
    let (data, _) = after.split_once("</script>").expect("they end");
    serde_json::from_str(data).expect("they are JSON")
}

#[test]
fn a_page_is_one_file_that_asks_for_nothing_and_is_the_same_again() {
    let first = page("book-ch18", &LOSES, 2);
    assert!(first == page("book-ch18", &LOSES, 2));
    let namespaces = ["http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"];
    let rest = namespaces.iter().fold(first.clone(), |text, namespace| text.replace(namespace, ""));
    for asks in ["http:", "https:", "src=", "@import", "url(", "fetch(", "XMLHttpRequest", "innerHTML ="] {
        assert!(!rest.contains(asks), "{asks}");
    }
    assert!(first.contains("default-src 'none'"));
}

#[test]
fn its_changes_are_in_order_and_its_events_have_causes_before_them() {
    let data = data(&page("book-ch18", &LOSES, 2));
    let times = |key: &str| -> Vec<f64> {
        data[key].as_array().expect("a list").iter().filter_map(|one| one[0].as_f64()).collect()
    };
    for key in ["changes", "events"] {
        let times = times(key);
        assert!(times.len() > 300 && times.is_sorted(), "{key}");
    }
    for (place, event) in data["events"].as_array().expect("a list").iter().enumerate() {
        assert!(event[3].as_i64().is_some_and(|cause| cause < place as i64), "{event}");
    }
    let lost = |event: &&Json| event[1] == "loss";
    let losses = data["events"].as_array().expect("a list").iter().filter(lost).count();
    let chains = data["chains"].as_object().expect("by event");
    assert!(losses > 0);
    let whole = |(end, chain): (&String, &Json)| {
        let chain: Vec<u64> = chain.as_array().expect("a list").iter().filter_map(Json::as_u64).collect();
        chain.is_sorted() && chain.last().map(u64::to_string).as_ref() == Some(end)
    };
    assert!(chains.len() >= losses && chains.iter().all(whole));
}

/// What its state comes to when all changes are made is what the run ended with.
#[test]
fn its_changes_end_where_the_run_has_ended() {
    let data = data(&page("book-ch18", &[], 1));
    let nodes = data["nodes"].as_array().expect("a list");
    let (mut power, mut version): (Vec<i64>, Vec<String>) =
        nodes.iter().map(|node| (if node["first"] == true { 3 } else { 0 }, node["version"].to_string())).unzip();
    for change in data["changes"].as_array().expect("a list") {
        let node = change[2].as_i64().unwrap_or_default() as usize;
        match change[1].as_str() {
            Some("power") => power[node] = change[3].as_i64().expect("a number"),
            Some("joined") => version[node] = change[3].to_string(),
            _ => {}
        }
    }
    let on = power.iter().zip(&version).zip(nodes).filter(|((power, _), _)| **power == 3);
    let upgraded = on.clone().filter(|((_, version), _)| *version == "\"1.15.7\"").count();
    assert_eq!((on.count(), upgraded), (8, 6), "three masters, three workers, two clients that stay as they are");
}

#[test]
fn a_crowd_of_pods_is_told_by_counts_and_few_of_its_events() {
    let page = page("perf/roll-500", &["limits.horizon=\"20m\""], 1);
    let data = data(&page);
    assert!(data["detail"] == false && data["pods"].as_array().is_some_and(Vec::is_empty));
    assert!(data["events"].as_array().is_some_and(|events| events.len() <= 20_000));
    assert!(page.len() < 10_000_000, "{}", page.len());
}

/// A managed control plane hides its etcd, from the page's list and data as from its figures.
#[test]
fn a_managed_control_planes_page_says_nothing_of_etcds_members() {
    let hidden = page("book-ch18", &["strategy.name=\"gke-surge\""], 1);
    let shown = page("book-ch18", &[], 1);
    for word in ["etcd on master-", "etcd voters are up", ",\"logs\",["] {
        assert_eq!((hidden.contains(word), shown.contains(word)), (false, true), "{word}");
    }
}
