//! The same as in the picture, in words: one line for everything that happened.

use super::moment::{self, Moment};
use super::stay;
use crate::wording::{milliseconds, shortened};
use crate::{AcceptorLane, BallotStep, LaneMessage, LaneOperation, Lanes};
use harness_history::Outcome;
use maud::{Markup, html};

const LONGEST_TEXT: usize = 80;

/// What kind of event it is, in the order in which kinds are told that share a moment: what may be
/// a cause comes before what may be its effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Fault,
    Arrived,
    Held,
    Answered,
    Called,
    Sent,
}

#[derive(Debug)]
struct Event<'a> {
    moment: Moment,
    kind: Kind,
    who: &'a str,
    what: String,
    failing: bool,
}

pub(super) fn table(lanes: &Lanes) -> Markup {
    let numbered = moment::numbered(lanes);
    html! {
        table.steps {
            thead { tr {
                th.number scope="col" { "moment" }
                th.number scope="col" { "time, ms" }
                th scope="col" { "who" }
                th scope="col" { "what" }
            } }
            tbody {
                @for event in &events(lanes) {
                    tr.failing[event.failing] {
                        td.number { @if let Some(number) = numbered.get(&event.moment) { (number) } }
                        td.number { (milliseconds(event.moment.time)) }
                        td.who { (event.who) }
                        td.words { (event.what) @if event.failing { " " strong { "← cannot be" } } }
                    }
                }
            }
        }
    }
}

/// Everything that happened, in order.
fn events(lanes: &Lanes) -> Vec<Event<'_>> {
    let mut events: Vec<_> = lanes.operations.iter().flat_map(of_call).collect();
    events.extend(lanes.acceptors.iter().flat_map(of_acceptor));
    events.extend(lanes.disturbed.iter().flat_map(of_message));
    events.extend(
        lanes
            .notes
            .iter()
            .map(|note| event(moment::noted(note), Kind::Fault, &note.who, note.what.clone())),
    );
    events.sort_by_key(|event| (event.moment, event.kind));
    events
}

const fn event(moment: Moment, kind: Kind, who: &str, what: String) -> Event<'_> {
    Event { moment, kind, who, what, failing: false }
}

fn of_call(operation: &LaneOperation) -> Vec<Event<'_>> {
    let LaneOperation { client, outcome, failing, .. } = operation;
    let (call, answer) = (short(&operation.call), short(&operation.answer));
    let ended = moment::ended(operation);
    let waits = if ended.is_none() { ", and is never answered" } else { "" };
    let called = format!("calls {call}{waits}");
    let mut called = event(moment::began(operation), Kind::Called, client, called);
    called.failing = *failing && ended.is_none();
    let answered = ended.map(|ended| {
        let what = match outcome {
            Outcome::Ok => format!("is answered: {call} → {answer}"),
            Outcome::Fail => format!("is answered: {call} → {answer}; it did not happen"),
            Outcome::Info => {
                format!("gives up: {call} → {answer}; it may have happened, or may still happen")
            }
        };
        Event { failing: *failing, ..event(ended, Kind::Answered, client, what) }
    });
    [called].into_iter().chain(answered).collect()
}

fn of_acceptor(lane: &AcceptorLane) -> Vec<Event<'_>> {
    let steps = moment::steps(lane);
    let before = [None].into_iter().chain(steps.iter().map(|(_, step)| Some(*step)));
    let told = |((moment, step), before): (&(Moment, &BallotStep), _)| {
        event(*moment, Kind::Held, &lane.name, changes(before, step))
    };
    steps.iter().zip(before).map(told).collect()
}

/// What changed from one state of an acceptor to the next.
fn changes(before: Option<&BallotStep>, step: &BallotStep) -> String {
    let BallotStep { promised, accepted, value, .. } = step;
    let had = |side: fn(&BallotStep) -> &str| before.map_or("", side);
    let mut changes = Vec::new();
    if (had(|step| &step.accepted), had(|step| &step.value)) != (accepted, value) {
        changes.push(if accepted.is_empty() {
            "nothing accepted any more".to_owned()
        } else {
            format!("now accepted {} under ballot {accepted}", short(value))
        });
    }
    if had(|step| &step.promised) != promised {
        changes.push(if promised.is_empty() {
            "nothing promised any more".to_owned()
        } else {
            format!("now promised ballot {promised}")
        });
    }
    if changes.is_empty() {
        return "stays as it was".to_owned();
    }
    format!("has {}{}", changes.join(", and "), stay::because(step))
}

fn of_message(message: &LaneMessage) -> Vec<Event<'_>> {
    let LaneMessage { from, to, fate, .. } = message;
    let what = short(&message.what);
    let sent = format!("sends “{what}” to {to}: {fate}");
    let sent = event(moment::sent(message), Kind::Sent, from, sent);
    let arrived = moment::arrived(message).map(|arrived| {
        event(arrived, Kind::Arrived, to, format!("gets “{what}” from {from} ({fate})"))
    });
    [sent].into_iter().chain(arrived).collect()
}

fn short(text: &str) -> String {
    shortened(text, LONGEST_TEXT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::specimen::{self, step};

    fn told(lanes: &Lanes) -> String {
        let line = |event: &Event<'_>| {
            let Event { moment, who, what, failing, .. } = event;
            let mark = if *failing { " ←" } else { "" };
            format!("{:>7} {who:<15} {what}{mark}\n", milliseconds(moment.time))
        };
        events(lanes).iter().map(line).collect()
    }

    #[test]
    fn a_run_is_told_from_the_first_call_to_the_answer_that_cannot_be() {
        insta::assert_snapshot!(told(&specimen::lanes()));
    }

    #[test]
    fn the_table_has_the_numbers_of_the_picture() {
        let table = table(&specimen::lanes()).into_string();
        insta::assert_snapshot!(table.replace("<tr", "\n<tr").replace("</tbody>", "\n</tbody>"));
    }

    #[test]
    fn what_shares_a_time_is_told_cause_before_effect() {
        let mut lanes = specimen::lanes();
        for call in &mut lanes.operations {
            (call.began, call.ended) = (5, call.ended.map(|_| 5));
        }
        for message in &mut lanes.disturbed {
            (message.sent, message.arrived) = (5, message.arrived.map(|_| 5));
        }
        lanes.notes.iter_mut().for_each(|note| note.time = 5);
        lanes.acceptors.iter_mut().flat_map(|lane| &mut lane.steps).for_each(|step| step.time = 5);
        insta::assert_snapshot!(told(&lanes));
    }

    #[test]
    fn what_an_acceptor_forgets_is_told() {
        let held = step(1, "2.p2", "1.p1", "[1]");
        let wiped = BallotStep { by: "the wipe".into(), ..step(2, "", "", "") };
        let expected =
            "has nothing accepted any more, and nothing promised any more, because of the wipe";
        assert_eq!(changes(Some(&held), &wiped), expected);
        assert_eq!(changes(Some(&held), &held), "stays as it was");
    }
}
