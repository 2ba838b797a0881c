//! What the world promises: the same run again, no false alarm, and every mutant seen.

use harness_checker::Answer;
use harness_sim::{
    BUILT_IN, Case, Coverage, Detail, Expected, Mutant, SimScenario, Situation, campaign, judge,
    run, run_case, shrink,
};

#[test]
fn the_same_seed_gives_the_same_run_to_the_last_byte() {
    let scenario = SimScenario::swarm();
    for seed in 1..=100 {
        let (one, two) =
            (run(seed, &scenario, Detail::Everything), run(seed, &scenario, Detail::Everything));
        assert!(!one.trace.is_empty());
        assert_eq!(one.trace, two.trace, "seed {seed}");
        assert_eq!(one.events, two.events, "seed {seed}");
        assert_eq!(one.ballots, two.ballots, "seed {seed}");
    }
}

/// Guards the streams of chance and the order of events over compilers, profiles and versions:
/// a recorded seed must mean the same tomorrow. A deliberate change of the world changes it.
#[test]
fn a_seed_means_the_same_in_every_build() {
    let scenario = SimScenario::swarm();
    let lines = (1..=100).flat_map(|seed| run(seed, &scenario, Detail::Everything).trace);
    let hash = lines.fold(0xcbf2_9ce4_8422_2325_u64, |hash, line| {
        line.bytes()
            .fold(hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    });
    insta::assert_snapshot!(format!("{hash:016x}"), @"5a9d095a165680f7");
}

#[test]
fn a_run_written_out_runs_as_it_did() {
    let scenario = SimScenario::swarm();
    for seed in 1..=200 {
        let drawn = run(seed, &scenario, Detail::Everything);
        let case = drawn.case.unwrap();
        let text = serde_json::to_string(&case).unwrap();
        let written = run_case(&Case::parse(&text).unwrap(), Detail::Everything);
        assert_eq!(drawn.events, written.events, "seed {seed}");
        assert_eq!(drawn.ballots, written.ballots, "seed {seed}");
    }
}

#[test]
fn the_protocol_is_valid_over_2000_seeds_and_every_situation_is_met() {
    let scenario = SimScenario::swarm();
    let mut coverage = Coverage::default();
    for seed in 1..=2000 {
        let run = run(seed, &scenario, Detail::Verdict);
        let check = judge(&run).unwrap();
        assert_eq!(check.answer, Answer::Valid, "seed {seed}");
        coverage.add(&run.coverage);
    }
    assert_eq!(coverage.missing().collect::<Vec<Situation>>(), []);
}

#[test]
fn every_mutant_is_seen_within_1000_seeds() {
    for mutant in Mutant::all() {
        let campaign = campaign(mutant, 1, 1000).unwrap();
        assert!(campaign.seed.is_some(), "{mutant:?} escaped: {campaign:?}");
    }
}

#[test]
fn the_published_scenarios_come_to_what_they_must() {
    for (name, _) in BUILT_IN {
        let scenario = SimScenario::named(name).unwrap();
        let violations = (1..=scenario.seeds).filter(|&seed| {
            let run = run(seed, &scenario, Detail::Verdict);
            let answer = judge(&run).unwrap().answer;
            assert!(!matches!(answer, Answer::Unknown(_)), "{name} seed {seed}: {answer:?}");
            answer != Answer::Valid
        });
        assert_eq!(violations.count() > 0, scenario.expected == Expected::Invalid, "{name}");
    }
}

#[test]
fn the_reused_ballot_shrinks_to_a_case_that_a_person_can_follow() {
    let mutant: Mutant = "reused-ballot".parse().unwrap();
    let seed = campaign(mutant, 59, 1000).unwrap().seed.unwrap();
    let run = run(seed, &SimScenario::swarm().with_mutant(mutant), Detail::Everything);
    let small = shrink(&run.case.unwrap(), 5000).unwrap();
    assert!(small.case.operations.len() <= 8, "{:#?}", small.case.operations);
    assert!(small.case.disturbed_links().len() <= 1, "{:#?}", small.case.disturbed);
    let again = run_case(&small.case, Detail::Verdict);
    assert!(matches!(judge(&again).unwrap().answer, Answer::Violation(_)));
    let befell = small.case.disturbed.iter().map(|one| format!("{}: {}", one.message, one.fate));
    let faults = small.case.faults().iter().map(|fault| fault.what.to_string());
    let told: Vec<String> = befell.chain(faults).chain(small.run.trace).collect();
    insta::assert_snapshot!(told.join("\n"));
}
