//! The run as JUnit XML, for build servers.

use crate::{CheckSummary, Condition, Results};
use harness_history::{FaultPeriod, Proof, Verdict};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

/// One test suite: the linearizability check, every condition, and the proof of every fault.
///
/// A violation is a failure; a check that could not decide is an error.
#[must_use]
pub fn junit(results: &Results) -> String {
    let metadata = &results.metadata;
    let name = format!("{} {} on {}", metadata.system, metadata.workload, metadata.environment);
    let mut suite = TestSuite::new(name);
    for (name, value) in [("seed", metadata.seed.to_string()), ("rerun", results.rerun.clone())] {
        suite.add_property((name, value.as_str()));
    }
    suite.add_test_case(linearizability(results));
    suite.add_test_cases(results.conditions.iter().map(condition));
    suite.add_test_cases(results.faults.iter().map(fault));
    suite.set_time(duration(metadata.seconds));
    let mut report = Report::new("harness");
    report.set_time(duration(metadata.seconds));
    report.add_test_suite(suite);
    report.to_string().expect("writing XML into memory does not fail")
}

fn linearizability(results: &Results) -> TestCase {
    let mut status = match (results.verdict, &results.check.undecided) {
        (Verdict::Invalid, _) => violation(&results.check),
        (Verdict::Unknown, _) | (_, Some(_)) => undecided(&results.check),
        (Verdict::Valid | Verdict::Inconclusive | Verdict::Threshold, None) => {
            TestCaseStatus::success()
        }
    };
    status.set_message(&results.reason);
    let mut case = case("check", &format!("linearizability of {}", results.metadata.model), status);
    case.set_time(duration(results.check.seconds));
    case
}

fn violation(check: &CheckSummary) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type("violation");
    if let Some(found) = &check.counterexample {
        let key = found.key.iter().map(|key| format!("key {key}"));
        let sentences = [&found.sentence].into_iter().chain(&found.story).cloned();
        status.set_description(key.chain(sentences).collect::<Vec<_>>().join("\n"));
    }
    status
}

fn undecided(check: &CheckSummary) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type("undecided");
    status.set_description(check.undecided.as_deref().unwrap_or_default());
    status
}

fn condition(condition: &Condition) -> TestCase {
    let status = if condition.met {
        TestCaseStatus::success()
    } else {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_type("unmet").set_message(format!("seen: {}", condition.seen));
        status
    };
    case("condition", &condition.demand, status)
}

fn fault(fault: &FaultPeriod) -> TestCase {
    let (kind, message) = match fault.proof {
        Proof::Held => {
            return case("fault", &fault_name(fault), TestCaseStatus::success());
        }
        Proof::DidNotHold => ("did-not-hold", "nothing showed the fault's effect"),
        Proof::Lapsed => ("lapsed", "the fault's effect was gone before it was undone"),
        Proof::NotUndone => ("not-undone", "the fault's effect was still seen after it was undone"),
        Proof::Unfinished => ("unfinished", "the run ended before the fault was proved"),
    };
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type(kind).set_message(message).set_description(fault.evidence.join("\n"));
    case("fault", &fault_name(fault), status)
}

fn fault_name(fault: &FaultPeriod) -> String {
    format!("{} {}: {}", fault.fault, fault.name, fault.what)
}

fn case(class: &str, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(class);
    case
}

/// A time that is no time at all, as in a foreign file, counts as zero.
fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::specimen;

    #[test]
    fn a_valid_run_has_a_case_per_check_condition_and_fault() {
        insta::assert_snapshot!(junit(&specimen::valid()));
    }

    #[test]
    fn a_violation_fails_and_tells_its_story() {
        insta::assert_snapshot!(junit(&specimen::invalid()));
    }

    #[test]
    fn an_undecided_check_is_an_error_and_not_a_failure() {
        let mut results = specimen::valid();
        results.verdict = Verdict::Unknown;
        results.faults.clear();
        results.conditions.clear();
        results.check.undecided = Some("the budget of 1 GiB ran out".into());
        let xml = junit(&results);
        assert!(xml.contains(r#"<error message="#) && !xml.contains("<failure"), "{xml}");
    }

    #[test]
    fn foreign_text_is_escaped() {
        let mut results = specimen::valid();
        results.conditions[0].demand = specimen::HOSTILE.into();
        results.faults[0].name = "\u{1b}[2J\u{0}\"&'<".into();
        let xml = junit(&results);
        assert!(!xml.contains("<img") && !xml.contains('\u{1b}') && !xml.contains('\u{0}'));
        assert!(xml.contains("&lt;img src=x onerror=1&gt;"), "{xml}");
    }
}
