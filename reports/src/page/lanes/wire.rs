//! The disturbed messages, each in the lane of its acceptor.

use super::axis::Axis;
use super::moment;
use crate::wording::shortened;
use crate::{LaneMessage, LaneOperation, Lanes};

/// Height of a message: a line of words, and the line of the message itself under it.
pub(super) const ROW: usize = 34;
/// How far a lost message gets.
const STUB: usize = 26;
/// Of the words, so that even a long message says what became of it.
const LONGEST_PART: usize = 28;
/// Estimated width of a character of the words, which are set small in the font of the page.
pub(super) const CHARACTER: usize = 7;
const PADDING: usize = 16;

/// A disturbed message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wire {
    /// Place of its acceptor, if it concerns one.
    pub(super) lane: Option<usize>,
    /// From where to where its line goes, and where its words end.
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) end: usize,
    /// The upper end of its row.
    pub(super) y: usize,
    pub(super) lost: bool,
    pub(super) label: String,
    /// The label at length.
    pub(super) title: String,
    /// The call that sent it, when it cannot have been another one.
    pub(super) sender: Option<usize>,
}

pub(super) fn wires(lanes: &Lanes, axis: &Axis) -> Vec<Wire> {
    lanes.disturbed.iter().map(|message| wire(lanes, axis, message)).collect()
}

fn wire(lanes: &Lanes, axis: &Axis, message: &LaneMessage) -> Wire {
    let LaneMessage { from, to, what, fate, .. } = message;
    let lane = |name: &str| lanes.acceptors.iter().position(|acceptor| acceptor.name == name);
    let (receiver, sender) = (lane(to), lane(from));
    let told = |limit| {
        let [from, to, what, fate] = [from, to, what, fate].map(|text| shortened(text, limit));
        match (receiver, sender) {
            (Some(_), _) => format!("{what} from {from}: {fate}"),
            (None, Some(_)) => format!("{what} to {to}: {fate}"),
            (None, None) => format!("{what} from {from} to {to}: {fate}"),
        }
    };
    let (label, title) = (told(LONGEST_PART), told(usize::MAX));
    let start = axis.x(moment::sent(message));
    let arrival = moment::arrived(message).map(|arrived| axis.x(arrived));
    let line = arrival.unwrap_or(start + STUB);
    Wire {
        lane: receiver.or(sender),
        from: start,
        to: line,
        end: line.max(start + label.chars().count() * CHARACTER) + PADDING,
        y: 0,
        lost: arrival.is_none(),
        label,
        title,
        sender: only_sender(&lanes.operations, message),
    }
}

/// The one call that was going on at the sender when the message was sent.
fn only_sender(operations: &[LaneOperation], message: &LaneMessage) -> Option<usize> {
    let sent = moment::sent(message);
    let through = |client: &str| {
        let rest = client.strip_suffix(message.from.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with(" at "))
    };
    let possible = |call: &LaneOperation| {
        let over = moment::ended(call).is_some_and(|ended| ended < sent);
        through(&call.client) && moment::began(call) <= sent && !over
    };
    let mut senders =
        operations.iter().enumerate().filter(|(_, call)| possible(call)).map(|(place, _)| place);
    senders.next().filter(|_| senders.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::specimen::lanes;

    fn axis(lanes: &Lanes) -> Axis {
        Axis::new(moment::numbered(lanes).into_keys(), 0, std::iter::empty())
    }

    #[test]
    fn a_message_is_told_in_the_lane_of_its_acceptor() {
        let mut lanes = lanes();
        let template = lanes.disturbed[0].clone();
        let message = |from: &str, to: &str| LaneMessage {
            from: from.into(),
            to: to.into(),
            ..template.clone()
        };
        lanes.disturbed = vec![message("p1", "a2"), message("a1", "p1"), message("client 1", "p1")];
        let wires = wires(&lanes, &axis(&lanes));
        let told: Vec<_> = wires.iter().map(|wire| (wire.lane, wire.label.as_str())).collect();
        let expected = [
            (Some(1), "accept 1.p1 [1] from p1: lost"),
            (Some(0), "accept 1.p1 [1] to p1: lost"),
            (None, "accept 1.p1 [1] from client 1 to p1: lost"),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_sender_is_named_only_when_there_is_no_doubt() {
        let mut lanes = lanes();
        let message = lanes.disturbed[0].clone();
        assert_eq!(only_sender(&lanes.operations, &message), Some(0));
        let mut elsewhere = message.clone();
        elsewhere.from = "1".into();
        assert_eq!(only_sender(&lanes.operations, &elsewhere), None);
        let mut late = message.clone();
        late.sent = u64::MAX;
        assert_eq!(only_sender(&lanes.operations, &late), None);
        lanes.operations.push(lanes.operations[0].clone());
        assert_eq!(only_sender(&lanes.operations, &message), None);
    }

    #[test]
    fn a_lost_message_ends_by_itself_and_another_one_where_it_arrives() {
        let mut lanes = lanes();
        let axis = axis(&lanes);
        let lost = wire(&lanes, &axis, &lanes.disturbed[0]);
        assert!(lost.lost);
        assert_eq!(lost.to, lost.from + STUB);
        lanes.disturbed[0].arrived = Some(12_000_000);
        let late = wire(&lanes, &axis, &lanes.disturbed[0]);
        assert!(!late.lost);
        assert_eq!(late.to, axis.x(moment::arrived(&lanes.disturbed[0]).unwrap()));
    }
}
