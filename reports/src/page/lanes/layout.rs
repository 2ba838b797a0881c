//! Where everything in the picture stands, in pixels.

use super::axis::Axis;
use super::moment;
use super::stay::{self, Stay};
use super::wire::{self, Wire};
use crate::Lanes;
use crate::wording::shortened;
use std::collections::BTreeSet;

/// Room on the left for the names of the lanes.
pub(super) const LEFT: usize = 156;
/// From there to the first moment.
const BEFORE: usize = 14;
const NOTE_ROW: usize = 20;
const CALL_ROW: usize = 38;
const CALL_BOX: usize = 28;
const STRIP: usize = 25;
const STRIP_BOX: usize = 23;
/// Between the lanes of two acceptors.
const GAP: usize = 20;
/// At the bottom, for the numbers of the moments.
const NUMBERS: usize = 30;
/// At the right end.
const MARGIN: usize = 12;
/// Estimated width of a character of the notes, which are set in the font of the page.
const CHARACTER: usize = 8;
const LONGEST_NOTE: usize = 48;
/// The mark of the answer that cannot be, in the words that the counterexample uses.
const FAILING: &str = "no order allows this return";

/// The picture.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Where the lanes begin and end, between the notes and the numbers.
    pub(super) top: usize,
    pub(super) bottom: usize,
    /// The moments with their numbers, from left to right.
    pub(super) moments: Vec<(usize, usize)>,
    pub(super) names: Vec<Name>,
    /// Calls first, in the order given, then what the acceptors held.
    pub(super) boxes: Vec<Placed>,
    pub(super) wires: Vec<Wire>,
    pub(super) marks: Vec<Mark>,
    /// Lines between clients and acceptors.
    pub(super) rules: Vec<usize>,
}

/// The name of a lane or of a part of it.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) y: usize,
    pub(super) text: String,
    /// `client`, `acceptor` or `part`.
    pub(super) class: &'static str,
}

/// A box in its place.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) left: usize,
    pub(super) right: usize,
    /// Of its middle.
    pub(super) y: usize,
    pub(super) height: usize,
    pub(super) stay: Stay,
}

/// A vertical line with a word about it.
#[derive(Debug)]
pub(super) struct Mark {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) text: String,
    /// The text at length.
    pub(super) title: String,
    /// Whether the words stand to the left of the line.
    pub(super) before: bool,
    /// `mark` for the answer that cannot be, `note` for a fault.
    pub(super) class: &'static str,
}

impl Layout {
    pub(super) fn of(lanes: &Lanes) -> Self {
        let calls: Vec<_> = lanes.operations.iter().map(stay::call).collect();
        let values = values(lanes);
        let states: Vec<_> = lanes
            .acceptors
            .iter()
            .map(|lane| [stay::promised(lane), stay::accepted(lane, &values)])
            .collect();
        let numbered = moment::numbered(lanes);
        let spans = calls.iter().chain(states.iter().flatten().flatten()).map(Stay::span);
        let axis = Axis::new(numbered.keys().copied(), LEFT + BEFORE, spans);
        let wires = wire::wires(lanes, &axis);
        let moments = numbered.iter().map(|(at, &number)| (number, axis.x(*at))).collect();
        let mut layout = Self { moments, marks: marks(lanes, &axis), ..Self::default() };
        let marks = layout.marks.iter().map(|mark| mark.extent().1);
        let ends = wires.iter().map(|wire| wire.end).chain(marks);
        layout.width = ends.fold(axis.end(), usize::max) + MARGIN;
        layout.place_marks();
        layout.place_calls(lanes, &axis, calls);
        layout.height += GAP / 4;
        layout.place_wires(None, &wires);
        layout.height += GAP / 4;
        for ((number, acceptor), strips) in lanes.acceptors.iter().enumerate().zip(states) {
            layout.rules.push(layout.height);
            layout.height += GAP / 2;
            layout.place_wires(Some(number), &wires);
            layout.name(STRIP, &acceptor.name, "acceptor");
            for (part, strip) in ["promised", "accepted"].into_iter().zip(strips) {
                layout.name(STRIP, part, "part");
                let y = layout.height + STRIP / 2;
                layout.boxes.extend(
                    strip.into_iter().map(|stay| placed(stay, &axis, layout.width, y, STRIP_BOX)),
                );
                layout.height += STRIP;
            }
            layout.height += GAP / 2;
        }
        layout.bottom = layout.height;
        layout.height += NUMBERS;
        layout
    }

    /// Names the row that begins where the picture ends so far.
    fn name(&mut self, row: usize, text: &str, class: &'static str) {
        self.names.push(Name { y: self.height + row / 2, text: text.to_owned(), class });
    }

    fn place_marks(&mut self) {
        let extents: Vec<_> = self.marks.iter().map(Mark::extent).collect();
        let rows = packed(&extents);
        for (mark, row) in self.marks.iter_mut().zip(&rows) {
            mark.y = row * NOTE_ROW + NOTE_ROW / 2;
        }
        self.height = height(&rows) * NOTE_ROW + GAP / 2;
        self.top = self.height;
    }

    /// A row per client, in order of appearance; another one where a client calls although its
    /// earlier call is open.
    fn place_calls(&mut self, lanes: &Lanes, axis: &Axis, calls: Vec<Stay>) {
        let width = self.width;
        let mut boxes: Vec<_> =
            calls.into_iter().map(|stay| placed(stay, axis, width, 0, CALL_BOX)).collect();
        let mut seen = BTreeSet::new();
        for operation in &lanes.operations {
            if !seen.insert(&operation.client) {
                continue;
            }
            self.name(CALL_ROW, &operation.client, "client");
            let mut own: Vec<_> = boxes
                .iter_mut()
                .zip(&lanes.operations)
                .filter(|(_, call)| call.client == operation.client)
                .map(|(placed, _)| placed)
                .collect();
            let extents: Vec<_> = own.iter().map(|placed| (placed.left, placed.right)).collect();
            let rows = packed(&extents);
            for (placed, row) in own.iter_mut().zip(&rows) {
                placed.y = self.height + row * CALL_ROW + CALL_ROW / 2;
            }
            self.height += height(&rows) * CALL_ROW;
        }
        self.boxes = boxes;
    }

    /// The messages of one acceptor above its strips, or those that concern no acceptor.
    fn place_wires(&mut self, lane: Option<usize>, wires: &[Wire]) {
        let own: Vec<_> = wires.iter().filter(|wire| wire.lane == lane).collect();
        let extents: Vec<_> = own.iter().map(|wire| (wire.from, wire.end)).collect();
        let rows = packed(&extents);
        if !own.is_empty() {
            self.name(wire::ROW, "messages", "part");
        }
        for (wire, row) in own.into_iter().zip(&rows) {
            let y = self.height + row * wire::ROW;
            self.wires.push(Wire { y, ..wire.clone() });
        }
        self.height += height(&rows) * wire::ROW;
    }
}

impl Mark {
    /// The words stand to the right of the line, or to the left where there is no room any more.
    fn new(title: String, class: &'static str, x: usize, end: usize) -> Self {
        let text = shortened(&title, LONGEST_NOTE);
        let mut mark = Self { x, y: 0, text, title, before: false, class };
        mark.before = mark.extent().1 > end && mark.room() < x - LEFT;
        mark
    }

    fn room(&self) -> usize {
        (self.text.chars().count() + 2) * CHARACTER
    }

    /// From where to where the words go.
    fn extent(&self) -> (usize, usize) {
        if self.before { (self.x - self.room(), self.x) } else { (self.x, self.x + self.room()) }
    }
}

/// Every value that was accepted, in the order in which they appeared.
fn values(lanes: &Lanes) -> Vec<&str> {
    let mut steps: Vec<_> = lanes.acceptors.iter().flat_map(moment::steps).collect();
    steps.sort_by_key(|(moment, _)| *moment);
    let mut values: Vec<&str> = Vec::new();
    for (_, step) in steps {
        if !step.accepted.is_empty() && !values.contains(&step.value.as_str()) {
            values.push(&step.value);
        }
    }
    values
}

fn marks(lanes: &Lanes, axis: &Axis) -> Vec<Mark> {
    let mark = |title, class, moment| Mark::new(title, class, axis.x(moment), axis.end());
    let failing = lanes.operations.iter().filter(|call| call.failing);
    let failing =
        failing.filter_map(|call| Some(mark(FAILING.to_owned(), "mark", moment::ended(call)?)));
    let notes = lanes
        .notes
        .iter()
        .map(|note| mark(format!("{} {}", note.who, note.what), "note", moment::noted(note)));
    // Of two lines in one place, the later one is seen.
    notes.chain(failing).collect()
}

fn placed(stay: Stay, axis: &Axis, width: usize, y: usize, height: usize) -> Placed {
    let right = stay.to.map_or(width, |to| axis.x(to));
    Placed { left: axis.x(stay.from), right, y, height, stay }
}

/// A row for each extent, the topmost that is free.
fn packed(extents: &[(usize, usize)]) -> Vec<usize> {
    let mut order: Vec<_> = (0..extents.len()).collect();
    order.sort_by_key(|&number| extents[number]);
    let mut ends: Vec<usize> = Vec::new();
    let mut rows = vec![0; extents.len()];
    for number in order {
        let (start, end) = extents[number];
        let row = ends.iter().position(|&end| end <= start).unwrap_or(ends.len());
        if row == ends.len() {
            ends.push(end);
        } else {
            ends[row] = end;
        }
        rows[number] = row;
    }
    rows
}

fn height(rows: &[usize]) -> usize {
    rows.iter().map(|row| row + 1).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LaneMessage, LaneNote, LaneOperation, specimen};
    use proptest::prelude::*;

    /// Whether two boxes cover each other anywhere.
    fn overlap(one: &Placed, other: &Placed) -> bool {
        let beside = beside((one.left, one.right), (other.left, other.right));
        let apart = one.y.abs_diff(other.y) * 2 >= one.height + other.height;
        !beside && !apart
    }

    #[test]
    fn a_strip_is_drawn_for_every_state_in_the_lane_of_its_acceptor() {
        let layout = Layout::of(&specimen::lanes());
        let labels = layout.boxes.iter().map(|placed| placed.stay.label.as_str());
        let expected = [
            ["append 1 → no answer", "append 2 → ok", "read → [1]"].as_slice(),
            &["1.p1", "1.p1 = [1]"],
            &["1.p1", "2.p2", "2.p2 = [2]"],
            &["1.p1", "2.p2", "2.p2 = [2]"],
        ];
        assert_eq!(labels.collect::<Vec<_>>(), expected.concat());
        let names: Vec<_> = layout.names.iter().map(|name| name.text.as_str()).collect();
        let lane = |name| [name, "promised", "accepted"];
        let disturbed = |name| ["messages", name, "promised", "accepted"];
        let clients = ["client 1 at p1", "client 2 at p2"];
        let lanes = [&lane("a1")[..], &disturbed("a2"), &disturbed("a3")].concat();
        assert_eq!(names, [&clients[..], &lanes].concat());
        assert!(layout.boxes.windows(2).all(|pair| !overlap(&pair[0], &pair[1])));
    }

    #[test]
    fn a_mark_at_the_end_is_told_before_it() {
        let lanes = specimen::lanes();
        let layout = Layout::of(&lanes);
        let [crash, failing] = &layout.marks[..] else { panic!("{:?}", layout.marks) };
        assert_eq!((crash.text.as_str(), crash.before), ("p1 crashes", false));
        assert_eq!((failing.text.as_str(), failing.before), (FAILING, true));
        assert!(crash.y != failing.y || crash.extent().1 <= failing.extent().0);
    }

    type Call = (u64, Option<u64>, u8);
    type Step = (u64, u8, u8, usize);
    type Message = (u64, Option<u64>, usize);

    /// Lanes in which anything may happen at any time. Ballot 0 is none, and a0 is no acceptor.
    fn any_lanes() -> impl Strategy<Value = Lanes> {
        let end = || prop::option::of(0_u64..12);
        let calls = prop::collection::vec((0_u64..9, end(), 0_u8..3), 0..9);
        let steps = prop::collection::vec((0_u64..12, 0_u8..4, 0_u8..4, 0_usize..3), 0..15);
        let messages = prop::collection::vec((0_u64..9, end(), 0_usize..4), 0..9);
        let notes = prop::collection::vec(0_u64..12, 0..5);
        (calls, steps, messages, notes).prop_map(made_up)
    }

    fn made_up(
        (calls, steps, messages, notes): (Vec<Call>, Vec<Step>, Vec<Message>, Vec<u64>),
    ) -> Lanes {
        let mut lanes = specimen::lanes();
        let (call, message) = (lanes.operations[1].clone(), lanes.disturbed[0].clone());
        let call = |(began, ended, client): Call| {
            let client = format!("client {client}");
            LaneOperation { client, began, ended, failing: began == 3, ..call.clone() }
        };
        lanes.operations = calls.into_iter().map(call).collect();
        let message = |(sent, arrived, lane): Message| LaneMessage {
            sent,
            arrived,
            to: format!("a{lane}"),
            ..message.clone()
        };
        lanes.disturbed = messages.into_iter().map(message).collect();
        let note = |time| LaneNote { time, who: "p1".into(), what: "crashes".into() };
        lanes.notes = notes.into_iter().map(note).collect();
        lanes.acceptors.iter_mut().for_each(|lane| lane.steps.clear());
        for (time, promised, accepted, lane) in steps {
            let ballot = |number: u8| if number == 0 { String::new() } else { number.to_string() };
            let step = specimen::step(time, &ballot(promised), &ballot(accepted), "[1]");
            lanes.acceptors[lane].steps.push(step);
        }
        lanes
    }

    /// Every two of a list.
    fn pairs<T>(list: &[T]) -> impl Iterator<Item = (&T, &T)> {
        list.iter()
            .enumerate()
            .flat_map(|(number, one)| list[..number].iter().map(move |other| (one, other)))
    }

    fn beside(one: (usize, usize), other: (usize, usize)) -> bool {
        one.1 <= other.0 || other.1 <= one.0
    }

    proptest! {
        #[test]
        fn nothing_covers_anything_else(lanes in any_lanes()) {
            let layout = Layout::of(&lanes);
            for (one, other) in pairs(&layout.boxes) {
                prop_assert!(!overlap(one, other), "{one:?} {other:?}");
            }
            for (one, other) in pairs(&layout.wires) {
                let apart = one.y.abs_diff(other.y) >= wire::ROW;
                prop_assert!(apart || beside((one.from, one.end), (other.from, other.end)));
            }
            for (one, other) in pairs(&layout.marks) {
                prop_assert!(one.y != other.y || beside(one.extent(), other.extent()));
            }
            for wire in &layout.wires {
                let row = wire.y..wire.y + wire::ROW;
                prop_assert!(layout.boxes.iter().all(|placed| !row.contains(&placed.y)));
            }
        }

        #[test]
        fn all_of_it_is_in_the_picture(lanes in any_lanes()) {
            let layout = Layout::of(&lanes);
            let held = |left: usize, right: usize| left >= LEFT && right <= layout.width;
            let lanes = layout.top..layout.bottom;
            for placed in &layout.boxes {
                prop_assert!(placed.left + 2 < placed.right && held(placed.left, placed.right));
                prop_assert!(lanes.contains(&placed.y));
            }
            for wire in &layout.wires {
                prop_assert!(wire.to <= wire.end && held(wire.from, wire.end));
                prop_assert!(lanes.contains(&wire.y) && lanes.contains(&(wire.y + wire::ROW - 1)));
            }
            for mark in &layout.marks {
                prop_assert!(mark.y < layout.top && held(mark.extent().0, mark.extent().1));
            }
        }
    }
}
