//! The seeded world from the command line.

use crate::support::Sandbox;

#[test]
fn the_protocol_as_it_is_violates_nothing_and_says_what_was_covered() {
    let sandbox = Sandbox::new();
    let results = sandbox.harness("sim --seeds 1..150 --json --output out").exits(0).json();
    assert_eq!(results["verdict"], "valid");
    assert_eq!(results["seeds"], 150);
    for situation in ["conflict after partial accept", "cached accept after a foreign write"] {
        assert!(results["coverage"][situation].as_u64().unwrap() > 0, "{situation}: {results}");
    }
    assert!(!sandbox.path("out").exists(), "a run without a violation leaves nothing");
}

#[test]
fn the_published_scenarios_come_to_what_they_must() {
    let table = Sandbox::new().harness("sim published").exits(0).stdout();
    assert_eq!(table.matches(" yes\n").count(), 12, "{table}");
    assert!(table.contains("invalid  yes"), "{table}");
}

#[test]
fn a_violation_is_shrunk_kept_and_repeated_to_the_last_line() {
    let sandbox = Sandbox::new();
    let found = sandbox.harness("sim --mutant promise-not-stored --output out").exits(1).stdout();
    assert!(found.starts_with("INVALID: seed "), "{found}");
    assert!(found.contains("\nshrunk to ") && found.contains("\nReplay: "), "{found}");
    let again = sandbox.harness("replay out/latest").exits(1).stdout();
    assert!(again.contains("repeated exactly"), "{again}");
    let page = std::fs::read_to_string(sandbox.path("out/latest/report.html")).unwrap();
    assert!(page.contains("What happened, step by step"), "the page has no lanes");

    let trace = sandbox.path("out/latest/trace.txt");
    let kept = std::fs::read_to_string(&trace).unwrap();
    std::fs::write(&trace, kept.replacen("accept", "aXcept", 1)).unwrap();
    let other = sandbox.harness("replay out/latest").exits(70).stderr();
    assert!(other.contains("trace.txt came out otherwise"), "{other}");
}

#[test]
fn the_scenario_of_a_real_run_is_played_with_its_faults() {
    let sandbox = Sandbox::new();
    sandbox.file("real.toml", "workload = \"append\"\ntime = \"10s\"\nrate = 60.0\nseed = 4\noverlap = 1\nfault-interval = \"2500ms\"\nfaults = [\"cut\", \"kill\"]\n");
    let results = sandbox.harness("sim real.toml --seeds 1..3 --json").exits(0).json();
    assert_eq!(results["verdict"], "valid");
    let faults = &results["faults"];
    assert_eq!((&faults["cut"], &faults["kill"]), (&3.into(), &3.into()), "{faults}");
}

/// A schedule in which these faults follow each other.
fn schedule(faults: &[&str]) -> String {
    let head = "workload = \"append\"\ntime = \"20s\"\nrate = 60.0\ncold = 1\nseed = 4\n";
    (2..).step_by(2).zip(faults).fold(head.to_owned(), |text, (at, fault)| {
        text + &format!("[[schedule]]\nat = \"{at}s\"\nlasts = \"1s\"\nwhom = \"some\"\n{fault}\n")
    })
}

#[test]
fn faults_of_a_real_run_that_the_world_cannot_do_are_named_and_not_claimed() {
    let sandbox = Sandbox::new();
    const CUT: &str = "fault = \"cut\"\nlinks = [\"p1→a2\"]";
    const WIPE: &str = "fault = \"wipe\"\nnode = 1";
    const FULL: &str = "fault = \"disk-full\"\nnode = 2";
    const BUSIEST: &str = "fault = \"kill\"\ntarget = \"busiest\"";
    for (faults, without) in [
        (&[CUT][..], ""),
        (&[CUT, WIPE], "1 wipe"),
        (&[WIPE, CUT, WIPE, FULL], "2 wipe, 1 disk-full"),
        (&[CUT, BUSIEST], "1 kill"),
    ] {
        sandbox.file("real.toml", &schedule(faults));
        let ended = sandbox.harness("sim real.toml --seeds 1..2").exits(0);
        let (stdout, stderr) = (ended.stdout(), ended.stderr());
        let verdict = stdout.lines().next().unwrap();
        assert_eq!(verdict.contains("left out, and not judged"), !without.is_empty(), "{verdict}");
        assert!(verdict.ends_with(without), "{verdict}");
        assert!(stderr.trim_end().ends_with(without), "{stderr}");
        let json = sandbox.harness("sim real.toml --seeds 1 --json").exits(0).json();
        let counted = json["left_out"].as_object().unwrap().values().map(|n| n.as_u64().unwrap());
        assert_eq!(usize::try_from(counted.sum::<u64>()).unwrap(), faults.len() - 1, "{json}");
    }
    for (faults, without) in [(&[WIPE][..], "1 wipe"), (&[FULL, WIPE], "1 wipe, 1 disk-full")] {
        sandbox.file("real.toml", &schedule(faults));
        let said = sandbox.harness("sim real.toml --seeds 1..2").exits(64).stderr();
        assert!(said.contains(&format!("can do none of its faults ({without})")), "{said}");
    }
}

#[test]
fn the_mutant_of_a_real_run_is_put_in_or_refused() {
    let sandbox = Sandbox::new();
    let with = |mutant: &str| {
        let text = format!(
            "mutant = \"{mutant}\"\nworkload = \"append\"\nrate = 200.0\nseed = 4\nfaults = [\"loss\"]\n"
        );
        sandbox.file("real.toml", &text);
    };
    with("reused-ballot");
    sandbox.harness("sim real.toml --seeds 1..20 --output out").exits(1);
    with("misaimed");
    let said = sandbox.harness("sim real.toml --seeds 1").exits(64).stderr();
    assert!(said.contains("the seeded world cannot break misaimed"), "{said}");
}

#[test]
fn the_faults_of_a_seed_can_be_done_to_real_servers() {
    let sandbox = Sandbox::with_redis();
    // Of this seed's faults some can be done and some cannot.
    let told = sandbox.harness("sim --seeds 12 --schedule real.toml --stretch 20").exits(0);
    assert!(told.stdout().contains(" faults of seed 12 in real.toml"), "{}", told.stdout());
    let text = std::fs::read_to_string(sandbox.path("real.toml")).unwrap();
    let planned = text.matches("[[schedule]]").count();
    assert!(planned > 0, "{text}");
    sandbox.harness("run real.toml --output out").exits_with_a_verdict();
    let faults = sandbox.latest().json("results.json")["faults"].clone();
    assert_eq!(faults.as_array().unwrap().len(), planned);
    assert!(faults.as_array().unwrap().iter().all(|fault| fault["proof"] == "held"), "{faults}");
}

#[test]
fn a_trace_is_about_one_seed_and_the_same_every_time() {
    let sandbox = Sandbox::new();
    let once = sandbox.harness("sim --seeds 7 --trace").exits(0).stdout();
    assert!(once.lines().count() > 100, "{once}");
    assert_eq!(sandbox.harness("sim --seeds 7 --trace").exits(0).stdout(), once);
    let error = sandbox.harness("sim --seeds 1..9 --trace").exits(64).stderr();
    assert!(error.contains("--trace is about one seed"), "{error}");
}

#[test]
fn what_cannot_be_simulated_is_refused_by_name() {
    let sandbox = Sandbox::new();
    for (arguments, answer) in [
        ("sim losing/c2p2k", "did you mean \"losing/c2p2k2\"?"),
        ("sim --mutant reused-balot", "did you mean \"reused-ballot\"?"),
        ("sim --seeds 9..1", "such as 1..1000"),
        ("sim --jobs 0", "1..=1024"),
        ("replay nowhere", "world.json"),
        ("mutants nonesuch", "there is no mutant"),
    ] {
        let error = sandbox.harness(arguments).exits(64).stderr();
        assert!(error.contains(answer), "{arguments}: {error}");
    }
}

#[test]
fn the_gallery_is_caught_and_said_in_a_table() {
    let chosen = "mutants --campaigns 1 prepare-ignores-promise wiped-voter accept-retried";
    let table = Sandbox::new().harness(chosen).exits(0).stdout();
    assert_eq!(table.lines().count(), 5, "{table}");
    let escaped = "mutants --campaigns 1 --most 1 counter-set-back";
    let table = Sandbox::new().harness(escaped).exits(1).stdout();
    assert!(table.contains("1 ESCAPED"), "{table}");
}
