//! The tables: nodes, faults, conditions.

use super::scrolling;
use crate::wording::{
    NOTHING, count, counted, figure, figure_or_nothing, proof_name, seconds, set_apart,
};
use crate::{Condition, CoveredCell, CoveredPhase, Measures, Results};
use harness_history::{FaultPeriod, Proof};
use maud::{Markup, html};

pub(super) fn nodes(results: &Results) -> Markup {
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "node" }
                th.number scope="col" { "operations" }
                th.number scope="col" { "ok" }
                th.number scope="col" { "fail" }
                th.number scope="col" { "info" }
                th.number scope="col" { "ok/s" }
                th.number scope="col" { "p50, ms" }
                th.number scope="col" { "p99, ms" }
                th.number scope="col" { "max, ms" }
                th.number scope="col" { "longest gap, ms" }
            } }
            tbody { @for node in &results.nodes { (node_row(node)) } }
            tfoot { (node_row(&results.total)) }
        }
    };
    html! {
        section #nodes aria-labelledby="nodes-title" {
            h2 #nodes-title { "Nodes" }
            (scrolling("Nodes", &table))
            p.caption {
                "Latencies are those of ok operations, exact. The longest gap is the longest time "
                "without an ok, from the first invocation of the run to its last event."
            }
        }
    }
}

fn node_row(measures: &Measures) -> Markup {
    html! {
        tr {
            th scope="row" { (measures.node) }
            td.number { (count(measures.operations)) }
            td.number { (count(measures.ok)) }
            td.number { (count(measures.fail)) }
            td.number { (count(measures.info)) }
            td.number { (figure(measures.ok_per_second)) }
            td.number { (figure_or_nothing(measures.p50_ms)) }
            td.number { (figure_or_nothing(measures.p99_ms)) }
            td.number { (figure_or_nothing(measures.max_ms)) }
            td.number { (figure_or_nothing(measures.longest_gap_ms)) }
        }
    }
}

pub(super) fn faults(faults: &[FaultPeriod]) -> Markup {
    let table = html! {
        table {
            thead { tr {
                th.number scope="col" { "no." }
                th scope="col" { "fault" }
                th scope="col" { "what it did" }
                th.number scope="col" { "from, s" }
                th.number scope="col" { "to, s" }
                th.number scope="col" { "lasted, s" }
                th scope="col" { "proof" }
            } }
            tbody { @for fault in faults { (fault_row(fault)) } }
        }
    };
    html! {
        section #faults aria-labelledby="faults-title" {
            h2 #faults-title { "Faults" }
            @if faults.is_empty() { p { "No fault was injected." } }
            @else { (scrolling("Faults", &table)) }
        }
    }
}

fn fault_row(fault: &FaultPeriod) -> Markup {
    let lasted = fault.ended.map(|ended| ended.saturating_sub(fault.began));
    html! {
        tr {
            td.number { (fault.fault) }
            th scope="row" { (fault.name) }
            td.words { (fault.what) }
            td.number { (clock(fault.began)) }
            td.number { (fault.ended.map_or_else(|| NOTHING.to_owned(), clock)) }
            td.number { (lasted.map_or_else(|| NOTHING.to_owned(), clock)) }
            td.words {
                (judgement(fault.proof == Proof::Held, proof_name(fault.proof)))
                @if !fault.evidence.is_empty() {
                    details {
                        summary { (counted(fault.evidence.len(), "observation")) }
                        ul { @for sentence in &fault.evidence { li { (sentence) } } }
                    }
                }
            }
        }
    }
}

/// What was answered in each phase, by node and function.
pub(super) fn coverage(phases: &[CoveredPhase]) -> Markup {
    let Some(first) = phases.first() else { return html! {} };
    let nodes = first.cells.chunk_by(|one, next| one.node == next.node);
    let table = html! {
        table {
            thead {
                tr {
                    th scope="col" rowspan="2" { "phase" }
                    @for cells in nodes {
                        th scope="colgroup" colspan=(cells.len()) { (cells[0].node) }
                    }
                }
                tr { @for cell in &first.cells { th.number scope="col" { (cell.function) } } }
            }
            tbody { @for phase in phases { (phase_row(phase)) } }
        }
    };
    html! {
        section #coverage aria-labelledby="coverage-title" {
            h2 #coverage-title { "Coverage" }
            (scrolling("Coverage", &table))
            p.caption {
                "Calls that were answered while the node kept a quorum, refused compare-and-sets "
                "included; in percent, their rate beside that before the first fault. A dash says "
                "that the node had no quorum."
            }
        }
    }
}

fn phase_row(phase: &CoveredPhase) -> Markup {
    html! {
        tr {
            th.words scope="row" {
                @if let Some(number) = phase.fault { (number) ": " }
                (phase.name)
            }
            @for cell in &phase.cells { td.number { (covered(cell)) } }
        }
    }
}

fn covered(cell: &CoveredCell) -> String {
    if cell.seconds <= 0.0 {
        return NOTHING.to_owned();
    }
    let answered = count(cell.answered());
    match cell.share {
        Some(share) => format!("{answered} ({:.0} %)", share * 100.0),
        None => answered,
    }
}

pub(super) fn conditions(conditions: &[Condition]) -> Markup {
    let table = html! {
        table {
            thead { tr {
                th scope="col" { "demanded" }
                th scope="col" { "seen" }
                th scope="col" { "met" }
            } }
            tbody {
                @for condition in conditions {
                    tr {
                        td.words { (condition.demand) }
                        td.words { (condition.seen) }
                        td { (judgement(condition.met, if condition.met { "met" } else { "not met" })) }
                    }
                }
            }
        }
    };
    html! {
        section #conditions aria-labelledby="conditions-title" {
            h2 #conditions-title { "Conditions" }
            @if conditions.is_empty() { p { "Nothing was demanded of the run." } }
            @else { (scrolling("Conditions", &table)) }
        }
    }
}

/// A word with a sign before it, so that it does not depend on colour.
fn judgement(good: bool, word: &str) -> Markup {
    let (class, sign) = if good { ("good", "✓") } else { ("bad", "✗") };
    html! { span.judgement.(class) { span aria-hidden="true" { (sign) " " } (word) } }
}

/// Seconds since the start, to the millisecond.
fn clock(nanoseconds: u64) -> String {
    set_apart(&format!("{:.3}", seconds(nanoseconds)))
}
