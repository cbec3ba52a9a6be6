//! What the roll of a large fleet costs: 5,000 nodes, 150,000 pods, once.
//!
//! `cargo bench --bench fleet`. The most memory that the process had is what the operating system says (Linux only).

use std::path::PathBuf;
use std::time::Instant;

use rollproof::scenario;
use rollproof::sim::{self, Watch};

/// Pods of the fleet.
const PODS: u64 = 150_000;

#[expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a bench tells its figures, and takes the time")]
fn main() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios/perf/fleet-5000.toml");
    let scenario = match scenario::load(&path, &[], None) {
        Ok(scenario) => scenario,
        Err(refused) => panic!("the fleet does not load:\n{refused}"),
    };
    let start = Instant::now();
    let finished = match sim::run(&scenario, 1, Watch::default()) {
        Ok(finished) => finished,
        Err(error) => panic!("{error}"),
    };
    let seconds = start.elapsed().as_secs_f64();
    let outcome = finished.outcome;
    println!(
        "fleet-5000: {:?}, {} events, {:.1} simulated hours in {seconds:.1} s",
        outcome.verdict,
        outcome.events,
        outcome.sim_seconds / 3600.0
    );
    if let Some(bytes) = peak_bytes() {
        println!("memory at its peak: {} MB, {} bytes a pod", bytes / 1_000_000, bytes / PODS);
    }
}

/// The process's largest resident set.
fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}
