//! What lasts from one moment to another, and so becomes a box: calls, promises, accepted values.

use super::axis::Span;
use super::moment::{self, Moment};
use crate::wording::{outcome_name, shortened};
use crate::{AcceptorLane, BallotStep, LaneOperation};

const LONGEST_LABEL: usize = 32;
/// Estimated width of a character of the labels, which are set in a fixed-width font.
const CHARACTER: usize = 8;
const PADDING: usize = 20;
/// Values are told apart by colour, too. When there are more of them, colours are used again.
const COLOURS: [&str; 6] = ["v0", "v1", "v2", "v3", "v4", "v5"];

/// A box to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stay {
    pub(super) from: Moment,
    /// Absent when it lasts to the end.
    pub(super) to: Option<Moment>,
    /// What is written into it.
    pub(super) label: String,
    /// The same at length.
    pub(super) title: String,
    /// How the style sheet calls it.
    pub(super) class: &'static str,
    /// Whether nobody knows how it ends. A state just lasts.
    pub(super) fades: bool,
}

impl Stay {
    /// The room that it needs for its label.
    pub(super) fn span(&self) -> Span {
        let room = self.label.chars().count() * CHARACTER + PADDING;
        Span { from: self.from, to: self.to, room }
    }
}

/// A box for a call, from the call to its answer.
pub(super) fn call(operation: &LaneOperation) -> Stay {
    let LaneOperation { client, call, answer, outcome, failing, .. } = operation;
    Stay {
        from: moment::began(operation),
        to: moment::ended(operation),
        label: shortened(&format!("{call} → {answer}"), LONGEST_LABEL),
        title: format!("{client}: {call} → {answer}"),
        class: if *failing { "failing" } else { outcome_name(*outcome) },
        fades: operation.ended.is_none(),
    }
}

/// The ballots that an acceptor promised, one after the other.
pub(super) fn promised(lane: &AcceptorLane) -> Vec<Stay> {
    track(lane, |step| {
        let label = step.promised.clone();
        let title = format!("{} has promised ballot {}{}", lane.name, step.promised, because(step));
        (label, title, "promised")
    })
}

/// What an acceptor accepted, one after the other. `values` are all values that there are: the
/// place of a value among them decides on its colour.
pub(super) fn accepted(lane: &AcceptorLane, values: &[&str]) -> Vec<Stay> {
    track(lane, |step| {
        let BallotStep { accepted, value, .. } = step;
        let label =
            if accepted.is_empty() { String::new() } else { format!("{accepted} = {value}") };
        let title =
            format!("{} has accepted {value} under ballot {accepted}{}", lane.name, because(step));
        let place = values.iter().position(|other| other == value).unwrap_or(0);
        (label, title, COLOURS[place % COLOURS.len()])
    })
}

/// Why a state came to be, as the end of a sentence.
pub(super) fn because(step: &BallotStep) -> String {
    if step.by.is_empty() { String::new() } else { format!(", because of {}", step.by) }
}

/// One side of an acceptor's state. A step that leaves it as it was is none, and a state without
/// words is a gap.
fn track(
    lane: &AcceptorLane,
    words: impl Fn(&BallotStep) -> (String, String, &'static str),
) -> Vec<Stay> {
    let mut states: Vec<(Moment, String, String, &'static str)> = Vec::new();
    for (moment, step) in moment::steps(lane) {
        let (label, title, class) = words(step);
        if states.last().is_none_or(|(_, before, ..)| *before != label) {
            states.push((moment, label, title, class));
        }
    }
    let ends: Vec<_> = states.iter().skip(1).map(|(moment, ..)| Some(*moment)).collect();
    states
        .into_iter()
        .zip(ends.into_iter().chain([None]))
        .filter(|((_, label, ..), _)| !label.is_empty())
        .map(|((from, label, title, class), to)| Stay {
            from,
            to,
            label: shortened(&label, LONGEST_LABEL),
            title,
            class,
            fades: false,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::specimen::step;

    fn lane() -> AcceptorLane {
        let steps = vec![
            step(1, "1.p1", "", ""),
            step(2, "1.p1", "1.p1", "[1]"),
            step(3, "2.p2", "1.p1", "[1]"),
            step(4, "", "", ""),
            step(5, "3.p1", "", ""),
        ];
        AcceptorLane { name: "a1".into(), steps }
    }

    fn told(stays: &[Stay]) -> Vec<(u64, Option<u64>, &str, &str)> {
        let told = stays.iter().map(|stay| {
            (stay.from.time, stay.to.map(|to| to.time), stay.label.as_str(), stay.class)
        });
        told.collect()
    }

    #[test]
    fn a_state_lasts_until_it_changes_and_leaves_a_gap_where_there_is_none() {
        let promises = promised(&lane());
        let expected = [
            (1, Some(3), "1.p1", "promised"),
            (3, Some(4), "2.p2", "promised"),
            (5, None, "3.p1", "promised"),
        ];
        assert_eq!(told(&promises), expected);
        let values = accepted(&lane(), &["", "[1]"]);
        assert_eq!(told(&values), [(2, Some(4), "1.p1 = [1]", "v1")]);
    }

    #[test]
    fn long_labels_are_cut_and_told_at_length_when_pointed_at() {
        let value = "9, ".repeat(40);
        let steps = vec![step(1, "1.p1", "1.p1", &value)];
        let stays = accepted(&AcceptorLane { name: "a1".into(), steps }, &[]);
        assert_eq!(stays[0].label.chars().count(), LONGEST_LABEL);
        assert!(stays[0].title.contains(&value));
    }
}
