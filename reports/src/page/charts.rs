//! The two charts with their legend and captions.

use super::scrolling;
use crate::chart::{self, LatencyChart, ThroughputChart, Timeline};
use crate::wording::{count, counted, outcome_name, seconds};
use crate::{ReportError, Results};
use harness_history::{History, Operation, Proof};
use maud::{Markup, PreEscaped, html};

pub(super) fn section(
    results: &Results,
    history: &History,
    operations: &[Operation],
) -> Result<Markup, ReportError> {
    if operations.is_empty() {
        return Ok(html! {
            section #charts { h2 { "Over time" } p { "Nothing was called, so there is nothing to draw." } }
        });
    }
    let timeline = Timeline::of(history, operations, &results.faults);
    let latency = chart::latency(timeline, operations)?;
    let throughput = chart::throughput(timeline, operations)?;
    Ok(html! {
        section #latency aria-labelledby="latency-title" {
            h2 #latency-title { "Latency" }
            (legend(results))
            figure {
                (scrolling("Latency chart", &PreEscaped(latency.svg.clone())))
                figcaption { (latency_caption(&latency)) }
            }
        }
        section #throughput aria-labelledby="throughput-title" {
            h2 #throughput-title { "Throughput" }
            (legend(results))
            figure {
                (scrolling("Throughput chart", &PreEscaped(throughput.svg.clone())))
                figcaption { (throughput_caption(&throughput)) }
            }
        }
    })
}

fn legend(results: &Results) -> Markup {
    let proved = |fault: &harness_history::FaultPeriod| fault.proof == Proof::Held;
    html! {
        ul.legend {
            li { (sample(&html! { circle.f-ok cx="8" cy="8" r="4" {} })) "ok: it happened" }
            li {
                (sample(&html! { path.s-fail d="M4 4 12 12M4 12 12 4" {} })) "fail: it did not"
            }
            li { (sample(&html! { path.f-info d="M8 3 13 13H3Z" {} })) "info: nobody knows" }
            @if results.faults.iter().any(proved) {
                li {
                    (sample(&html! { rect.f-fault-tag x="1" y="2" width="14" height="12" {} }))
                    "fault, proved"
                }
            }
            @if !results.faults.iter().all(proved) {
                li {
                    (sample(&html! { rect.s-doubt-tag x="1" y="2" width="14" height="12" fill="none" {} }))
                    "fault, not proved"
                }
            }
        }
    }
}

fn sample(mark: &Markup) -> Markup {
    html! { svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" { (mark) } }
}

fn latency_caption(chart: &LatencyChart) -> Markup {
    html! {
        "One mark per operation, at the time of its invocation; the scale is logarithmic. "
        "Bands are faults, under their numbers in the list of faults. "
        @if !chart.thinned.is_empty() {
            "Too many to draw them all: "
            @for (number, (outcome, drawn, all)) in chart.thinned.iter().enumerate() {
                @if number > 0 { ", " }
                (count(*drawn)) " of " (count(*all)) " " (outcome_name(*outcome))
            }
            " are shown, the slowest and the fastest of every moment among them. "
        }
        @if chart.open > 0 {
            "At the upper edge: " (counted(chart.open, "operation")) " without any completion."
        }
    }
}

fn throughput_caption(chart: &ThroughputChart) -> Markup {
    html! {
        "Operations per second by how they ended, at the time of their completion, in bins of "
        (seconds(chart.bin)) " s; the last bin takes what is left."
    }
}
