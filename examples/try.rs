fn main() {
    let args: Vec<String> = std::env::args().collect();
    let seeds: Vec<u64> = args[2].split("..").map(|s| s.parse().unwrap()).collect();
    let scenario = match rollproof::scenario::load(std::path::Path::new(&args[1]), &args[3..], None) { Ok(s) => s, Err(e) => { println!("{e}"); return; } };
    let many = seeds.len() > 1;
    for seed in seeds[0]..=*seeds.last().unwrap() {
        match rollproof::sim::run(&scenario, seed, rollproof::sim::Watch { trace: !many, progress: None }) {
            Ok(f) => {
                if !many {
                    let t = f.trace.unwrap();
                    for r in &t.records { println!("{} [{}] {}", r.at, r.event, rollproof::observe::tell::fact(&r.fact, &t.names)); }
                    println!("{}", serde_json::to_string_pretty(&f.outcome).unwrap());
                } else {
                    let o = &f.outcome;
                    println!("{seed} {:?} {:?} {:.0}s events={} lost={} exp={} {:?} q={:?} api={:?} {}", o.verdict, o.upgrade.result, o.upgrade.seconds, o.events, o.requests.lost, o.requests.exposed_s, o.requests.by_cause, o.etcd.as_ref().map(|e| (e.min_margin, e.leader_changes)), o.api.unavailable_s, o.reasons.iter().map(|r| r.law.clone()+":"+&r.message).collect::<Vec<_>>().join("|"));
                }
            }
            Err(e) => println!("{seed} ERROR {e}"),
        }
    }
}
