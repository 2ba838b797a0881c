//! The run in plain text, for the terminal.

use crate::wording::{
    count, counted, counterexample_title, figure, figure_or_nothing, printable, proof_name,
};
use crate::{Measures, Results};
use harness_history::{Counterexample, FaultPeriod, Proof};

/// Everything a person needs before opening the page, without colours. The first line begins with
/// the verdict in capitals, and every line ends with a newline.
#[must_use]
pub fn summary(results: &Results) -> String {
    let mut parts = vec![headline(results), nodes(results)];
    let unproved: Vec<_> =
        results.faults.iter().filter(|fault| fault.proof != Proof::Held).map(unproved).collect();
    parts.push(block("Faults not verified", &unproved));
    let unmet = results.conditions.iter().filter(|condition| !condition.met);
    let unmet: Vec<_> = unmet.map(|unmet| format!("{}: {}", unmet.demand, unmet.seen)).collect();
    parts.push(block("Conditions not met", &unmet));
    parts.extend(results.check.counterexample.iter().map(story));
    parts.push(format!("Rerun: {}\n", printable(&results.rerun)));
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

fn headline(results: &Results) -> String {
    let Results { metadata, check, total, faults, .. } = results;
    let proved = faults.iter().filter(|fault| fault.proof == Proof::Held).count();
    let interrupted = if metadata.interrupted { ", interrupted" } else { "" };
    let mut lines = vec![
        verdict_line(results),
        format!(
            "{} · {} · {} · seed {} · {} s{interrupted}",
            metadata.subject(),
            metadata.workload,
            metadata.environment,
            metadata.seed,
            figure(metadata.seconds)
        ),
        format!(
            "{}: {} ok, {} fail, {} info",
            counted(total.operations, "operation"),
            count(total.ok),
            count(total.fail),
            count(total.info)
        ),
        if faults.is_empty() {
            "no faults".to_owned()
        } else {
            format!("{proved} of {} verified", counted(faults.len(), "fault"))
        },
        format!("checked {} in {} s", counted(check.keys, "key"), figure(check.seconds)),
    ];
    lines.extend(check.undecided.iter().map(|why| format!("undecided: {why}")));
    lines.extend(check.left_out.iter().map(|what| format!("left out: {what}")));
    lines.iter().map(|line| printable(line) + "\n").collect()
}

/// The verdict and the reason; of a mutant, whose verdict it is: it must not be taken for the store's.
fn verdict_line(results: &Results) -> String {
    let verdict = results.verdict.name().to_uppercase();
    let of = match &results.metadata.mutant {
        Some(_) => format!(" ({})", results.metadata.subject()),
        None => String::new(),
    };
    format!("{verdict}{of}: {}", results.reason)
}

fn nodes(results: &Results) -> String {
    let titles = [
        "node",
        "operations",
        "ok",
        "fail",
        "info",
        "ok/s",
        "p50 ms",
        "p99 ms",
        "max ms",
        "longest gap ms",
    ];
    let mut rows = vec![titles.map(str::to_owned)];
    rows.extend(results.nodes.iter().chain([&results.total]).map(row));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<_> = (0..titles.len()).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &[String; 10]| {
        let mut line = format!("{:<1$}", row[0], widths[0]);
        for (cell, width) in row.iter().zip(&widths).skip(1) {
            line += &format!("  {cell:>width$}");
        }
        line + "\n"
    };
    rows.iter().map(line).collect()
}

fn row(measures: &Measures) -> [String; 10] {
    [
        printable(&measures.node),
        count(measures.operations),
        count(measures.ok),
        count(measures.fail),
        count(measures.info),
        figure(measures.ok_per_second),
        figure_or_nothing(measures.p50_ms),
        figure_or_nothing(measures.p99_ms),
        figure_or_nothing(measures.max_ms),
        figure_or_nothing(measures.longest_gap_ms),
    ]
}

fn unproved(fault: &FaultPeriod) -> String {
    format!("{} {}, {}: {}", fault.fault, fault.name, fault.what, proof_name(fault.proof))
}

fn block(title: &str, lines: &[String]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let lines = lines.iter().map(|line| format!("  {}\n", printable(line)));
    format!("{title}\n") + &lines.collect::<String>()
}

fn story(counterexample: &Counterexample) -> String {
    let steps = counterexample.story.iter().enumerate();
    let mut lines = vec![counterexample.sentence.clone()];
    lines.extend(steps.map(|(number, step)| format!("{}. {step}", number + 1)));
    block(&printable(&counterexample_title(counterexample)), &lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{measures, specimen};

    #[test]
    fn a_valid_run_is_told_in_a_screen() {
        insta::assert_snapshot!(summary(&specimen::valid()));
    }

    #[test]
    fn a_violation_is_told_with_its_story() {
        insta::assert_snapshot!(summary(&specimen::invalid()));
    }

    #[test]
    fn a_run_in_which_nothing_happened_is_told_too() {
        let mut results = specimen::valid();
        (results.total, results.nodes) = measures(None, &[]);
        results.faults.clear();
        results.metadata.interrupted = true;
        insta::assert_snapshot!(summary(&results));
    }

    #[test]
    fn values_from_the_store_cannot_move_the_cursor() {
        let mut results = specimen::invalid();
        results.conditions[1].seen = "\u{1b}[1A\r".into();
        results.nodes[0].node = "\u{1b}[2J".into();
        let summary = summary(&results);
        assert!(!summary.contains(|c: char| c.is_control() && c != '\n'), "{summary}");
    }
}
