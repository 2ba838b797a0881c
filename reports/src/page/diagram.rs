//! The drawing of a counterexample: a row per process, a bar per operation, in order of events.

use crate::wording::shortened;
use harness_history::{Counterexample, Outcome, Witness};
use maud::{Markup, html};
use std::collections::BTreeMap;

const ROW: usize = 44;
const BAR: usize = 28;
/// Room above the rows for the mark of the failing return.
const TOP: usize = 30;
/// Room on the left for the names of the processes.
const LEFT: usize = 110;
/// Between one event and the next, at least.
const STEP: usize = 34;
/// Estimated width of a character of the labels, which are set in a fixed-width font.
const CHARACTER: usize = 8;
const PADDING: usize = 20;
const LONGEST_LABEL: usize = 40;

/// Where one operation is drawn, in pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bar {
    row: usize,
    left: usize,
    /// The right end of the drawing, when there is no completion.
    right: usize,
    label: String,
}

pub(super) fn drawing(found: &Counterexample) -> Markup {
    let (bars, width) = bars(&found.operations);
    let rows = bars.iter().map(|bar| bar.row + 1).max().unwrap_or(0);
    let height = TOP + rows * ROW;
    let mut named = BTreeMap::new();
    for (bar, witness) in bars.iter().zip(&found.operations) {
        named.insert(bar.row, witness.process);
    }
    html! {
        svg.diagram viewBox=(format!("0 0 {width} {height}")) width=(width) height=(height)
            role="img" aria-label="The operations of the counterexample in order of their events" {
            (fading("fading", "open"))
            @for (row, process) in &named {
                text.process x="0" y=(middle(*row)) { "process " (process) }
                line.lane x1=(LEFT) x2=(width) y1=(middle(*row)) y2=(middle(*row)) {}
            }
            @if let Some(bar) = bars.get(found.failing) { (mark(bar, width, height)) }
            @for (number, (bar, witness)) in bars.iter().zip(&found.operations).enumerate() {
                (operation(bar, witness, number == found.failing))
            }
        }
    }
}

/// A mask under which a bar without an end fades out, and the gradient that it is made of. Their
/// names must be those of nothing else on the page.
pub(super) fn fading(gradient: &str, mask: &str) -> Markup {
    html! {
        defs {
            linearGradient id=(gradient) {
                stop.opaque offset="55%" {}
                stop.clear offset="100%" {}
            }
            mask id=(mask) maskContentUnits="objectBoundingBox" {
                rect width="1" height="1" fill=(format!("url(#{gradient})")) {}
            }
        }
    }
}

fn operation(bar: &Bar, witness: &Witness, failing: bool) -> Markup {
    let class = match witness.outcome {
        _ if failing => "failing",
        Outcome::Ok => "ok",
        Outcome::Fail => "fail",
        Outcome::Info => "info",
    };
    let open = witness.completed.is_none().then_some("url(#open)");
    html! {
        g.bar.(class) {
            title { "process " (witness.process) ": " (witness.call) " → " (witness.answer) }
            rect x=(bar.left) y=(middle(bar.row) - BAR / 2) width=(bar.right - bar.left)
                height=(BAR) rx="4" mask=[open] {}
            text x=(bar.left + PADDING / 2) y=(middle(bar.row)) { (bar.label) }
        }
    }
}

/// The return after which nothing is possible any more.
fn mark(bar: &Bar, width: usize, height: usize) -> Markup {
    // The words would leave the drawing on the left or on the right if they stood on one side only.
    let (anchor, x) = if bar.right > width / 2 { ("end", bar.right) } else { ("start", bar.right) };
    html! {
        g.mark {
            line x1=(bar.right) x2=(bar.right) y1=(TOP - 8) y2=(height) {}
            text x=(x) y=(TOP - 16) text-anchor=(anchor) { "no order allows this return" }
        }
    }
}

fn middle(row: usize) -> usize {
    TOP + row * ROW + ROW / 2
}

/// Places the bars, and says how wide the drawing is.
///
/// Events keep their order. Each stands a step to the right of the one before, and a completion at
/// least so far from its invocation that the label fits into the bar.
fn bars(operations: &[Witness]) -> (Vec<Bar>, usize) {
    let labels: Vec<_> = operations.iter().map(label).collect();
    let room = |number: usize| labels[number].chars().count() * CHARACTER + PADDING;
    let mut events: Vec<(usize, bool, usize)> = Vec::new();
    for (number, operation) in operations.iter().enumerate() {
        events.push((operation.invoked, false, number));
        events.extend(operation.completed.map(|completed| (completed, true, number)));
    }
    events.sort_unstable();
    let mut left = vec![LEFT; operations.len()];
    let mut right: Vec<Option<usize>> = vec![None; operations.len()];
    let mut x = LEFT;
    for (_, completion, number) in events {
        x += STEP;
        if completion {
            x = x.max(left[number] + room(number));
            right[number] = Some(x);
        } else {
            left[number] = x;
        }
    }
    let longest = (0..labels.len()).map(|number| left[number] + room(number)).max();
    let width = longest.unwrap_or(LEFT).max(x + STEP) + PADDING;
    let rows = rows(operations);
    let bar = |(number, label): (usize, String)| {
        let right = right[number].unwrap_or(width).max(left[number]);
        Bar { row: rows[number], left: left[number], right, label }
    };
    (labels.into_iter().enumerate().map(bar).collect(), width)
}

/// A row per process, in order of appearance; another one where a process calls again although its
/// earlier call is open for ever.
fn rows(operations: &[Witness]) -> Vec<usize> {
    let mut rows: Vec<(u64, Option<usize>)> = Vec::new();
    let row_of = |operation: &Witness| {
        let end = operation.completed;
        let free = |(process, end): &(u64, Option<usize>)| {
            *process == operation.process && end.is_some_and(|end| end < operation.invoked)
        };
        let row = rows.iter().position(free).unwrap_or(rows.len());
        if row == rows.len() {
            rows.push((operation.process, end));
        } else {
            rows[row].1 = end;
        }
        row
    };
    operations.iter().map(row_of).collect()
}

fn label(witness: &Witness) -> String {
    shortened(&format!("{} → {}", witness.call, witness.answer), LONGEST_LABEL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::specimen::{stale_read, witness};

    #[test]
    fn bars_keep_the_order_of_events_and_hold_their_labels() {
        let (bars, width) = bars(&stale_read().operations);
        let [first, second, third] = &bars[..] else { panic!("{bars:?}") };
        assert!(first.left < second.left && second.left < first.right && first.right < third.left);
        assert_eq!(second.right, width);
        for bar in &bars {
            assert!(bar.right - bar.left >= bar.label.chars().count() * CHARACTER, "{bar:?}");
        }
    }

    #[test]
    fn a_process_that_calls_beside_its_open_call_has_two_rows() {
        let operations = [
            witness(4, "write 1", "ok", 0, Some(1)),
            witness(4, "write 2", "no answer", 2, None),
            witness(4, "write 3", "ok", 3, Some(4)),
        ];
        assert_eq!(rows(&operations), [0, 0, 1]);
    }

    #[test]
    fn a_counterexample_without_operations_is_drawn_empty() {
        let mut found = stale_read();
        found.operations.clear();
        assert!(drawing(&found).into_string().starts_with("<svg"));
    }

    #[test]
    fn the_failing_return_is_marked() {
        insta::assert_snapshot!(drawing(&stale_read()).into_string().replace("><", ">\n<"));
    }
}
