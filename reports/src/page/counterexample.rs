//! What cannot be: the sentence, the argument, the drawing, and the operations one by one.

use super::{diagram, scrolling};
use crate::wording::{NOTHING, counterexample_title, milliseconds, outcome_name, shortened};
use harness_history::{Counterexample, Witness};
use maud::{Markup, html};

const LONGEST_TEXT: usize = 80;

pub(super) fn section(found: &Counterexample) -> Markup {
    html! {
        section #counterexample aria-labelledby="counterexample-title" {
            h2 #counterexample-title { (counterexample_title(found)) }
            p.sentence { (found.sentence) }
            @if !found.story.is_empty() {
                ol.story { @for step in &found.story { li { (step) } } }
            }
            figure {
                (scrolling("Drawing of the counterexample", &diagram::drawing(found)))
                figcaption {
                    "A row for every process, a bar from invocation to completion. Events stand in the "
                    "order in which they happened, evenly spaced; time is not to scale. A bar that fades "
                    "out has no answer, and may take effect at any later point."
                }
            }
            p {
                "Possible just before that return: "
                @if found.states.is_empty() { "not computed." }
                @for (number, state) in found.states.iter().enumerate() {
                    @if number > 0 { ", " }
                    (code(state))
                }
            }
            (scrolling("Operations of the counterexample", &table(found)))
        }
    }
}

fn table(found: &Counterexample) -> Markup {
    html! {
        table {
            thead { tr {
                th.number scope="col" { "process" }
                th scope="col" { "call" }
                th scope="col" { "answer" }
                th scope="col" { "counts as" }
                th.number scope="col" { "invoked, ms" }
                th.number scope="col" { "completed, ms" }
            } }
            tbody {
                @for (number, witness) in found.operations.iter().enumerate() {
                    (row(witness, number == found.failing))
                }
            }
        }
    }
}

fn row(witness: &Witness, failing: bool) -> Markup {
    let completed = witness.completed_time.map_or_else(|| NOTHING.to_owned(), milliseconds);
    html! {
        tr.failing[failing] {
            td.number { (witness.process) }
            td { (code(&witness.call)) }
            td {
                (code(&witness.answer))
                @if failing { " " strong { "← cannot be" } }
            }
            td { (outcome_name(witness.outcome)) }
            td.number { (milliseconds(witness.invoked_time)) }
            td.number { (completed) }
        }
    }
}

/// A value, shortened, with the whole of it to be seen when pointed at.
fn code(text: &str) -> Markup {
    let short = shortened(text, LONGEST_TEXT);
    html! { code title=[(short != text).then_some(text)] { (short) } }
}
