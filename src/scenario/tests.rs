//! Tests of reading: mistakes with their places, overrides, faults, checks.

use super::*;
use crate::base::{Span, Time};
use crate::fault::{PlanUnit, Target, Trigger};
use crate::observe::laws::Completion;
use crate::world::fact::StepPhase;
use crate::world::ids::{AppId, MasterId, PoolId};
use crate::world::spec::{BudgetRule, Connections, Place, Spread};

/// The least that a scenario needs, with room for more.
const LEAST: &str = "\
schema = 1
[cluster]
version = { from = \"1.27.1\", to = \"1.28.2\" }
[strategy]
name = \"kops\"
[[node_pool]]
name = \"workers\"
count = 3
[app.web]
replicas = 2
";

fn with(more: &str) -> Result<Scenario, Refused> {
    parse("plan.toml", &format!("{LEAST}{more}"), &[], None)
}

fn sound(more: &str) -> Scenario {
    with(more).unwrap_or_else(|refused| panic!("{refused}"))
}

fn refused(more: &str) -> String {
    with(more).map(|_| ()).expect_err(more).to_string()
}

fn set(arguments: &[&str]) -> Result<Scenario, Refused> {
    let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
    parse("plan.toml", LEAST, &arguments, None)
}

#[test]
fn every_record_of_a_table_is_sound() {
    use super::section::Section;
    let sections: Vec<&Section> = [
        &plane_records::CONTROL_PLANE,
        &plane_records::API_SERVER,
        &plane_records::CONTROLLERS,
        &plane_records::ETCD_SECTION,
        &plane_records::TIMINGS,
        &pool_records::POOL,
        &app_records::APP,
        &app_records::PROBE,
        &rollout_records::ROLLOUT,
        &rollout_records::STATEFUL_ROLLOUT,
        &rollout_records::DAEMON_ROLLOUT,
        &app_records::BUDGET,
        &app_records::VOLUME,
        &app_records::GROUP,
        &app_records::WAVE,
        &objective::OBJECTIVE,
        &objective::LIMITS,
        &probe::PROBE_CLIENT,
    ]
    .into_iter()
    .chain(balancer_records::API_BALANCERS.all.iter().copied())
    .chain(balancer_records::SERVICE_BALANCERS.all.iter().copied())
    .chain(pool_records::MACHINES.all.iter().copied())
    .collect();
    for section in sections {
        assert_eq!(section.entry.mistakes(), Vec::<String>::new());
        for optional in section.optionals {
            assert_eq!(optional.entry.mistakes(), Vec::<String>::new());
            assert_eq!(optional.entry.settings.len(), 1, "{}", optional.entry.name);
        }
    }
}

#[test]
fn ten_mistakes_in_one_file_are_all_shown_where_they_are() {
    let text = "\
schema = 1
[cluster]
version = { from = \"1.14.10\", to = \"1.16.0\" }
[cluster.control_plane]
replicas = 0
load_balancer = \"haproxi\"
[[node_pool]]
name = \"workers\"
cuont = 3
[app.web]
replicas = \"four\"
readiness = { period = \"0s\" }
pdb = { min_available = 1, max_unavailable = 1 }
pool = \"worker\"
grase = \"30s\"
[app.web.traffic.new]
from = \"pool:client\"
rps = -5
[strategy]
name = \"kosp\"
[objective]
max_losses = 3
laws = [\"no-los\"]
";
    let said = parse("plan.toml", text, &[], None).expect_err("mistakes").to_string();
    for (line, column, what) in [
        (3, 36, "the control plane would go from 1.14.10 to 1.16.0"),
        (5, 12, "`cluster.control_plane.replicas` must be a whole number from 1 to 9, found the integer 0"),
        (6, 17, "did you mean \"haproxy\"?"),
        (9, 1, "did you mean `count`?"),
        (11, 12, "`app.web.replicas` must be a whole number"),
        (12, 24, "`app.web.readiness.period` must be a duration of at least 1s"),
        (13, 46, "`min_available` and `max_unavailable` exclude each other in `app.web.pdb`"),
        (14, 8, "`app.web.pool`: there is no node pool `worker`"),
        (15, 1, "did you mean `grace`?"),
        (17, 8, "`app.web.traffic.new.from`: there is no node pool `client`"),
        (18, 7, "`app.web.traffic.new.rps`"),
        (20, 8, "no strategy is called `kosp`"),
        (22, 1, "unknown key `max_losses` in `objective`"),
        (23, 9, "`objective.laws[0]`: there is no law `no-los`"),
    ] {
        let place = format!("plan.toml:{line}:{column}: error[");
        let block = said.split("\n\n").find(|block| block.starts_with(&place));
        assert!(block.is_some_and(|block| block.contains(what) && block.contains('^')), "{place} {what} in:\n{said}");
    }
    assert_eq!(said.matches(": error[").count(), 14, "{said}");
}

#[test]
fn the_hash_goes_by_meaning_not_by_spelling() {
    let plain = sound("").hash;
    assert_eq!(plain.len(), 32);
    let windows = parse("plan.toml", &LEAST.replace('\n', "\r\n"), &[], None).expect("sound");
    let comments =
        parse("plan.toml", &LEAST.replace("[strategy]", "# why\n[strategy] # what"), &[], None).expect("sound");
    let order = LEAST.replace("replicas = 2\n", "").replace("schema = 1\n", "schema = 1\napp.web.replicas = 2\n");
    let order = parse("other.toml", &order.replace("[app.web]\n", ""), &[], None).expect("sound");
    assert_eq!((&windows.hash, &comments.hash, &order.hash), (&plain, &plain, &plain));
    assert_eq!(set(&["app.web.replicas=2"]).expect("sound").hash, plain, "an override that changes nothing");
    assert_ne!(set(&["app.web.replicas=3"]).expect("sound").hash, plain);
    let word = sound("[cluster.control_plane]\nload_balancer = \"nlb\"\n").hash;
    assert_eq!(sound("[cluster.control_plane.load_balancer]\npreset = \"nlb\"\n").hash, word);
}

#[test]
fn caps_name_themselves_and_cost_nothing() {
    let said = set(&["node_pool.workers.count=1000000"]).expect_err("too many").to_string();
    assert!(said.contains("1000003 machines exceed the cap `MAX_NODES` of 100000"), "{said}");
    assert!(said.starts_with("--set #1:1:25: error"), "{said}");
    let said = set(&["app.web.replicas=4000000000"]).expect_err("too many").to_string();
    assert!(said.contains("4000000000 pods exceed the cap `MAX_PODS` of 3000000"), "{said}");
    assert_eq!(set(&["node_pool.workers.count=99997"]).map(|_| ()).map_err(|refused| refused.to_string()), Ok(()));
}

#[test]
fn what_does_not_go_together_is_refused() {
    for (more, said) in [
        ("cpu = 5000\n", "a pod of `web` asks for 5000 millicores, and no machine it may run on has more than 2000"),
        ("memory = 5000\n", "asks for 5000 MiB"),
        ("[cluster.etcd]\nelection = \"400ms\"\n", "election time-out of 400ms is below 5 heartbeats of 100ms"),
        ("[cluster.control_plane.controllers]\nlease_duration = \"10s\"\n", "must outlast the renew deadline"),
        ("[cluster.control_plane.controllers]\nretry_period = \"9s\"\n", "must outlast 1.2 retry periods"),
        ("rollout = { max_surge = 0, max_unavailable = \"0%\" }\n", "cannot both be 0"),
        ("pdb = \"nope\"\n", "`app.web.pdb` must be a table or \"none\", found the string \"nope\""),
        ("readiness = true\n", "`app.web.readiness` must be a table or \"none\""),
        ("load_balancer = \"nlb\"\n", "has no effect: the service is of type ClusterIP"),
        ("pdb = {}\n", "`app.web.pdb` needs one of `min_available`, `max_unavailable`"),
        ("[app.web.traffic.x]\nfrom = \"outside\"\n", "clients outside need a service of type LoadBalancer"),
        ("[app.web.traffic.x]\nfrom = \"app:wib\"\n", "did you mean `web`?"),
        ("[app.web.traffic.x]\nfrom = \"moon\"\n", "cannot be \"moon\""),
        ("[app.Web]\n", "an app cannot be called \"Web\""),
        ("[[node_pool]]\nname = \"workers\"\n", "two pools are called `workers`"),
        ("[[node_pool]]\nname = \"master\"\n", "a pool cannot be called `master`"),
        ("[[budget]]\nname = \"b\"\napps = [\"wab\"]\nmin_available = 1\n", "did you mean `web`?"),
        ("[[budget]]\nname = \"b\"\napps = []\nmin_available = 1\n", "needs at least one app"),
        ("[limits]\nhorizon = \"0s\"\n", "`limits.horizon` must be a duration of at least 1ms"),
        (
            "[app.web.traffic.x]\nfrom = \"app:web\"\nsteps = [{ at = \"2s\", rps = 1 }, { at = \"1s\", rps = 2 }]\n",
            "must come after the one before",
        ),
    ] {
        let found = refused(more);
        assert!(found.contains(said), "{more}: {found}");
        assert_eq!(found.matches(": error[").count(), 1, "{more}: {found}");
    }
}

#[test]
fn what_may_not_be_meant_is_a_warning() {
    for (more, said) in [
        ("pre_stop = \"30s\"\n", "the preStop hook of `web` waits 30s, the grace period is 30s"),
        ("max_skew = 2\n", "`max_skew` has no effect"),
        ("[cluster.control_plane]\nreplicas = 4\n", "4 masters tolerate the loss of 1, as 3 would"),
        (
            "[app.web.traffic.x]\nfrom = \"pool:workers\"\n",
            "the clients stand in the pool `workers`, which the plan rolls",
        ),
    ] {
        let warnings = sound(more).warnings.to_string();
        assert!(warnings.contains(said) && warnings.contains("plan.toml:"), "{more}: {warnings}");
    }
    let same = set(&["cluster.version.to=\"1.27.1\""]).expect("allowed").warnings.to_string();
    assert!(same.starts_with("--set #1:1:20: warning[E0202]: the cluster is at 1.27.1 already"), "{same}");
    assert!(sound("").warnings.is_empty());
}

#[test]
fn users_who_could_reach_nothing_from_the_start_are_pointed_out() {
    let nowhere = ["app.web.service=\"LoadBalancer\"", "node_pool.workers.in_load_balancer=false"];
    let said = set(&nowhere).expect_err("no target").to_string();
    assert!(said.contains("the load balancer of `web` has no machine to send to"), "{said}");
    assert!(set(&[nowhere[0], nowhere[1], "app.web.load_balancer=\"nlb-ip\""]).is_ok(), "it sends to pods");
    let empty = ["app.web.replicas=0", "app.web.traffic.x={ from = \"pool:workers\" }"];
    let warnings = set(&empty).expect("it may be meant").warnings.to_string();
    assert!(warnings.contains("`web` has no replicas: every request to it is lost"), "{warnings}");
}

#[test]
fn an_empty_file_says_what_is_missing() {
    let said = parse("plan.toml", "", &[], None).expect_err("empty").to_string();
    for key in ["`schema` is missing", "`cluster` is missing", "`strategy` is missing"] {
        assert!(said.contains(key), "{said}");
    }
    let said =
        parse("plan.toml", &LEAST.replace("schema = 1", "schema = 2"), &[], None).expect_err("newer").to_string();
    assert!(said.starts_with("plan.toml:1:10: error[E0202]: `schema` must be"), "{said}");
}

#[test]
fn etcd_and_its_pre_vote_follow_the_version() {
    let spec = sound("").spec;
    assert_eq!(spec.control_plane.etcd.from.to_string(), "3.5.7");
    assert_eq!(spec.control_plane.etcd.to.to_string(), "3.5.9");
    assert_eq!(spec.control_plane.etcd.pre_vote, None);
    let given = sound("[cluster.etcd]\nversion = { from = \"3.4.13\" }\npre_vote = false\n").spec;
    assert_eq!((given.control_plane.etcd.from.minor, given.control_plane.etcd.to.minor), (4, 5));
    assert_eq!(given.control_plane.etcd.pre_vote, Some(false));
    let odd = set(&["cluster.version.from=\"1.99.0\"", "cluster.version.to=\"1.99.0\""]).expect("allowed").spec;
    assert_eq!(odd.control_plane.etcd.from.to_string(), "3.6.5", "the newest known");
}

#[test]
fn groups_budgets_and_options_are_read_as_they_are_written() {
    let spec = sound(
        "spread = \"zones\"\nmax_skew = 2\nservice = \"LoadBalancer\"\nload_balancer = \"nlb-ip\"\npool = \"workers\"\n\
         concurrency = 8\nrestart_at = \"2m\"\n\
         [app.api]\n[app.api.traffic.streams]\nfrom = \"app:web\"\nconnections = \"stream\"\nstreams = 7\n\
         steps = [{ at = \"1m\", rps = 0 }]\nwave = { period = \"1h\", amplitude = \"30%\" }\nretry_budget = \"10%\"\n\
         [app.api.traffic.out]\nfrom = \"app:api\"\nconnections = \"kept-alive\"\npool_size = 3\n\
         [app.api.traffic.go]\nfrom = \"app:api\"\nconnections = \"kept-alive\"\npool = \"last-used\"\n\
         [[budget]]\nname = \"both\"\napps = [\"web\", \"api\"]\nmax_unavailable = \"25%\"\n",
    );
    let (spec, text) = (spec.spec.clone(), resolved(&spec).to_owned());
    let web = &spec.apps[AppId(0)];
    assert_eq!((web.spread, web.pool, web.concurrency), (Spread::Zones(2), Some(PoolId(0)), Some(8)));
    assert!(web.balancer.as_ref().is_some_and(|balancer| balancer.to_pods) && web.restart_at == Some(Span::mins(2)));
    let groups: Vec<_> = spec.groups.iter().collect();
    assert_eq!((groups[0].connections, groups[0].place), (Connections::Stream { count: 7 }, Place::App(AppId(0))));
    assert_eq!((groups[0].steps.len(), groups[0].wave.map(|wave| wave.period)), (1, Some(Span::mins(60))));
    assert_eq!(groups[1].connections, Connections::KeptAlive { pool: 3 });
    assert_eq!(groups[2].connections, Connections::LastUsed);
    assert_eq!(spec.budgets[0].apps, [AppId(0), AppId(1)]);
    assert!(matches!(spec.budgets[0].rule, BudgetRule::MaxUnavailable(_)));
    let again = parse("again.toml", &text, &[], None).unwrap_or_else(|refused| panic!("{refused}\n{text}"));
    assert_eq!(again.spec, spec);
}

#[test]
fn a_bound_on_losses_alone_leaves_exposure_free_and_the_other_way_round() {
    let zero = sound("").objective;
    assert_eq!((zero.max_lost, zero.max_exposed, zero.quorum_breaks), (Some(0), Some(Span::ZERO), Some(0)));
    assert!(
        zero.laws.contains(&"version-skew")
            && zero.laws.contains(&"budget")
            && zero.completion == Completion::MustComplete
    );
    let lost = sound("[objective]\nmax_lost = 5\n").objective;
    assert_eq!((lost.max_lost, lost.max_exposed), (Some(5), None));
    let exposed =
        sound("[objective]\nmax_exposed = \"3s\"\ncompletion = \"may-stop-safely\"\nlaws = [\"no-exposure\"]\n");
    assert_eq!((exposed.objective.max_lost, exposed.objective.max_exposed), (None, Some(Span::secs(3))));
    assert!(exposed.objective.laws.contains(&"no-exposure") && !exposed.objective.laws.contains(&"budget"));
    let again = parse("again.toml", resolved(&exposed), &[], None).expect("sound");
    assert_eq!(again.objective, exposed.objective);
}

/// One fault, as TOML lines.
fn fault(lines: &str) -> String {
    format!("[[fault]]\n{lines}")
}

#[test]
fn faults_aim_at_labels_and_roles_at_times_and_phases() {
    let scenario = sound(
        &[
            fault("kind = \"node-power-off\"\ntarget = \"workers-3\"\nat = \"5m\"\nlasting = \"never\"\n"),
            fault("kind = \"etcd-member-stop\"\ntarget = \"etcd-leader\"\nat = \"master-2:transition\"\noffset = \"3s\"\nsignal = \"term\"\n"),
            fault("kind = \"pod-delete\"\ntarget = \"web-1\"\nat = \"workers:gate\"\n"),
            fault("kind = \"api-cut\"\nfrom_etcd = true\nat = \"90s\"\noffset = \"1s\"\n"),
            fault("kind = \"kubelet-restart\"\ntarget = \"master-1\"\nat = \"0s\"\n"),
        ]
        .concat(),
    );
    let faults = &scenario.faults;
    assert_eq!((faults[0].target, faults[0].lasting), (Target::Machine { pool: PoolId(0), slot: 2 }, None));
    assert_eq!(faults[0].trigger, Trigger::At(Time::ZERO + Span::mins(5)));
    let phase =
        Trigger::Phase { unit: PlanUnit::Master(MasterId(1)), phase: StepPhase::Transition, offset: Span::secs(3) };
    assert_eq!((faults[1].target, faults[1].trigger), (Target::EtcdLeader, phase));
    assert_eq!((faults[1].values.choice("signal"), faults[1].lasting), ("term", Some(Span::secs(30))));
    assert_eq!(faults[2].target, Target::Pod { app: AppId(0), ordinal: 1 });
    assert_eq!(faults[3].trigger, Trigger::At(Time::ZERO + Span::secs(91)));
    assert_eq!(faults[4].target, Target::Master(MasterId(0)));
    let again = parse("again.toml", resolved(&scenario), &[], None).unwrap_or_else(|refused| panic!("{refused}"));
    let shape = |scenario: &Scenario| {
        let all = scenario.faults.iter();
        all.map(|fault| (fault.kind.entry.name, fault.target, fault.trigger, fault.lasting)).collect::<Vec<_>>()
    };
    assert_eq!(shape(&again), shape(&scenario));
}

#[test]
fn a_fault_that_hits_nothing_is_refused_with_what_was_meant() {
    for (lines, said) in [
        ("kind = \"node-poweroff\"\ntarget = \"workers-1\"\nat = \"1m\"\n", "did you mean `node-power-off`?"),
        ("kind = \"node-power-off\"\ntarget = \"worker-1\"\nat = \"1m\"\n", "did you mean `workers-1`?"),
        ("kind = \"node-power-off\"\ntarget = \"workers-4\"\nat = \"1m\"\n", "from `workers-1` to `workers-3`"),
        ("kind = \"node-power-off\"\ntarget = \"workers-0\"\nat = \"1m\"\n", "from `workers-1` to `workers-3`"),
        ("kind = \"pod-crash\"\ntarget = \"web-2\"\nat = \"1m\"\n", "from `web-0` to `web-1`"),
        ("kind = \"pod-crash\"\ntarget = \"wep-0\"\nat = \"1m\"\n", "did you mean `web-0`?"),
        ("kind = \"api-server-crash\"\ntarget = \"workers-1\"\nat = \"1m\"\n", "which hits a master"),
        ("kind = \"api-server-crash\"\ntarget = \"ectd-leader\"\nat = \"1m\"\n", "did you mean `etcd-leader`?"),
        ("kind = \"pod-crash\"\ntarget = \"web-0\"\nat = \"master-2:transitoin\"\n", "did you mean `transition`?"),
        ("kind = \"pod-crash\"\ntarget = \"web-0\"\nat = \"mastr-2:gate\"\n", "the plan has no unit `mastr-2`"),
        ("kind = \"pod-crash\"\ntarget = \"web-0\"\nat = \"soon\"\n", "neither a time nor a phase"),
        ("kind = \"pod-crash\"\ntarget = \"web-0\"\nat = \"-5s\"\n", "negative"),
        ("kind = \"pod-crash\"\ntarget = \"web-0\"\nat = \"1m\"\nlasting = \"5s\"\n", "unknown key `lasting`"),
        ("kind = \"api-cut\"\nat = \"1m\"\ntarget = \"web-0\"\n", "unknown key `target`"),
        ("kind = \"pod-crash\"\ntarget = \"web-0\"\n", "`fault[0].at` is missing"),
    ] {
        let found = refused(&fault(lines));
        assert!(found.contains(said), "{lines}: {found}");
        assert_eq!(found.matches(": error[").count(), 1, "{lines}: {found}");
    }
}

#[test]
fn overrides_reach_faults_pools_and_presets() {
    let scenario = set(&[
        "cluster.control_plane.machine.closes_sockets=false",
        "node_pool.workers.machine.boot={ fixed = \"1m\" }",
        "node_pool.workers.machine.boot.uniform=[\"1s\", \"2s\"]",
        "fault=[{ kind = \"pod-delete\", target = \"web-0\", at = \"1m\" }]",
        "app.web.liveness.period=\"20s\"",
        "limits.events=5",
    ])
    .unwrap_or_else(|refused| panic!("{refused}"));
    assert!(!scenario.spec.control_plane.machine.closes_sockets);
    assert_eq!(scenario.spec.pools[PoolId(0)].machine.boot.to_string(), "{ uniform = [\"1s\", \"2s\"] }");
    assert_eq!((scenario.faults.len(), scenario.limits.events), (1, 5));
    assert_eq!(scenario.spec.apps[AppId(0)].liveness.map(|probe| probe.period), Some(Span::secs(20)));
}
