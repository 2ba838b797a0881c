//! Whole runs, from the command line to the report.

use crate::support::{Ended, Sandbox};
use harness_history::Verdict;
use std::fs;

const EMBEDDED: &str = "run increment --environment embedded --time 4s --quiet 1s --seed 5 \
     --faults cut,latency --fault-interval 600ms --output out";
/// The shortest run that meets every demand.
const SHORT: &str = "run cas-register --environment embedded --time 1500ms --quiet 500ms --seed 5 \
     --faults none --output out";

/// Everything from the first entry of the schedule on.
fn schedule(scenario: &str) -> &str {
    &scenario[scenario.find("[[schedule]]").unwrap()..]
}

#[test]
fn an_embedded_run_ends_valid_and_leaves_everything_behind() {
    let sandbox = Sandbox::new();
    let ended = sandbox.harness(EMBEDDED).exits(0);
    let (stdout, stderr) = (ended.stdout(), ended.stderr());
    assert!(stdout.starts_with("VALID: All "), "{stdout}");
    assert!(stderr.contains(" / 4 s · ") && !stdout.contains(" / 4 s · "), "{stderr}");
    assert!(stderr.contains("seed 5, 4 faults planned"), "{stderr}");

    let run = sandbox.latest();
    run.are_complete();
    assert_eq!(run.lines("faults.jsonl").len(), 4 * 6, "six steps of each of four faults");
    let name = fs::read_link(sandbox.path("out/latest")).unwrap();
    assert!(name.to_str().unwrap().ends_with("-gryadka-increment"), "{name:?}");
    assert_eq!(run.json("results.json")["verdict"], Verdict::Valid.name());
    assert_eq!(run.json("metadata.json")["interrupted"], false);
    assert!(sandbox.servers().is_empty());
}

#[test]
fn a_saved_scenario_runs_the_same_schedule_again() {
    let sandbox = Sandbox::new();
    sandbox.harness(EMBEDDED).exits(0);
    let saved = sandbox.latest().text("scenario.toml");
    sandbox.file("saved.toml", &saved);
    let again = sandbox.harness("run saved.toml --json").exits(0);
    let run = sandbox.latest();
    assert_eq!(run.text("scenario.toml"), saved);
    assert_eq!(schedule(&saved).matches("[[schedule]]").count(), 4);
    assert_eq!(again.json(), run.json("results.json"));
    assert_eq!(fs::read_dir(sandbox.path("out")).unwrap().count(), 3, "two runs and `latest`");
}

#[test]
fn what_a_run_leaves_can_be_read_by_whoever_the_umask_lets() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::new();
    sandbox.harness(SHORT).exits(0);
    let run = sandbox.latest();
    let mode = |name| fs::metadata(run.path(name)).unwrap().permissions().mode() & 0o777;
    for name in ["scenario.toml", "results.json", "junit.xml", "metadata.json", "report.html"] {
        assert_eq!(mode(name), mode("history.jsonl"), "{name}");
    }
}

#[test]
fn servers_live_as_long_as_their_run_under_every_fault_of_processes() {
    let sandbox = Sandbox::with_redis();
    let running = sandbox.start(
        "run cas-register --environment process --time 7s --quiet 1500ms --seed 5 \
         --faults kill,pause,restart,cut --fault-interval 1s --output out",
    );
    sandbox.wait_for_servers(3);
    let ended = running.end().exits(0);
    assert!(ended.stdout().starts_with("VALID: "), "{}", ended.stdout());
    assert_eq!(sandbox.servers(), [0; 0]);
    let run = sandbox.latest();
    run.are_complete();
    let struck: Vec<_> = run.json("results.json")["faults"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| (fault["name"].as_str().unwrap().to_owned(), fault["proof"].clone()))
        .collect();
    for fault in ["kill", "pause", "restart", "cut"] {
        assert!(struck.contains(&(fault.into(), "held".into())), "{fault} is not in {struck:?}");
    }
    for node in 1..=3 {
        assert!(run.text(&format!("logs/a{node}.log")).contains("Ready to accept connections"));
    }
    let left: Vec<_> = fs::read_dir(sandbox.path("tmp")).unwrap().collect();
    assert!(left.is_empty(), "data of servers that are gone: {left:?}");
}

#[test]
fn a_limit_that_is_passed_has_an_exit_code_of_its_own() {
    let sandbox = Sandbox::new();
    // Faults would be beside the point, and nothing answers within a microsecond.
    let slow = sandbox.harness(&format!("{SHORT} --threshold max<1ms --threshold rate>1000000"));
    let slow = slow.exits(4).stdout();
    assert!(slow.starts_with("THRESHOLD: "), "{slow}");
    assert!(slow.contains("rate>1000000 ("), "{slow}");
    sandbox.harness(&format!("{SHORT} --threshold rate>1 --threshold p99<1m")).exits(0);
    let conditions = sandbox.latest().json("results.json")["conditions"].clone();
    let demands: Vec<_> = conditions.as_array().unwrap().iter().map(|c| &c["demand"]).collect();
    assert!(demands.contains(&&"rate>1".into()), "{demands:?}");
}

#[test]
fn a_run_in_which_nothing_succeeds_says_so_and_is_not_green() {
    let sandbox = Sandbox::new();
    let every_link: Vec<_> =
        (1..=3).flat_map(|p| (1..=3).map(move |a| format!("\"p{p}→a{a}\""))).collect();
    sandbox.file(
        "nothing.toml",
        &format!(
            "workload = \"increment\"\nenvironment = \"embedded\"\ntime = \"2s\"\nquiet = \"100ms\"\n\
             rate = 60.0\ndeadline = \"50ms\"\noutput = \"out\"\n\
             [[schedule]]\nat = \"0ms\"\nlasts = \"1900ms\"\nfault = \"cut\"\nwhom = \"all\"\nlinks = [{}]\n",
            every_link.join(", ")
        ),
    );
    let ended = sandbox.harness("run nothing.toml").exits(3).stdout();
    assert!(ended.starts_with("INCONCLUSIVE: No violation, but too little happened."), "{ended}");
    // A call may slip through before the first cut, so which demands are missed is not certain.
    assert!(ended.contains("(0 succeeded)"), "{ended}");
}

#[test]
fn without_docker_and_redis_the_harness_says_that_it_runs_embedded() {
    let sandbox = Sandbox::new();
    let mut command = sandbox
        .command("run append --time 1500ms --quiet 500ms --seed 5 --faults none --output out");
    // Nor a daemon to start containers.
    let nowhere = format!("unix://{}", sandbox.path("docker.sock").display());
    command.env("PATH", sandbox.path("tmp")).env("DOCKER_HOST", nowhere);
    let stderr = Ended(command.output().unwrap()).exits(0).stderr();
    for why in [
        "not docker: Docker does not answer",
        "not process: there is no redis-server on the PATH\n",
        "environment embedded: it needs nothing\n",
    ] {
        assert!(stderr.contains(why), "{stderr}");
    }
    assert_eq!(sandbox.latest().json("metadata.json")["environment"], "embedded");
}

#[test]
fn a_run_directory_stands_for_its_scenario() {
    let sandbox = Sandbox::new();
    let args = "run append --environment embedded --time 2s --quiet 500ms --faults none --seed 9";
    sandbox.harness(&format!("{args} --output out")).exits_with_a_verdict();
    let first = sandbox.latest().text("scenario.toml");
    for run in ["out/latest", "out/latest/"] {
        sandbox.harness(&format!("run {run}")).exits_with_a_verdict();
        assert_eq!(sandbox.latest().text("scenario.toml"), first, "{run}");
    }
    for (run, said) in [("out", "it has no scenario.toml"), ("nowhere", "there is no")] {
        let told = sandbox.harness(&format!("run {run}")).exits(64).stderr();
        assert!(told.contains(said), "{told}");
    }
}
