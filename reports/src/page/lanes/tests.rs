use super::*;
use crate::specimen::{self, HOSTILE, lanes};

#[test]
fn the_lanes_stand_after_the_counterexample_and_before_the_charts() {
    let results = specimen::invalid();
    let operations = specimen::operations();
    let lanes = lanes();
    let page = crate::render(&results, &specimen::history(), &operations, Some(&lanes)).unwrap();
    let place = |id: &str| page.find(&format!("<section id=\"{id}\"")).unwrap();
    assert!(place("counterexample") < place("lanes") && place("lanes") < place("latency"));
    let mut ids: Vec<_> = page.split(" id=\"").skip(1).map(|rest| rest.split('"').next()).collect();
    ids.sort_unstable();
    let all = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), all, "no two elements share a name");
}

#[test]
fn lanes_survive_their_file() {
    let written = serde_json::to_string(&lanes()).unwrap();
    assert_eq!(serde_json::from_str::<Lanes>(&written).unwrap(), lanes());
}

#[test]
fn empty_lanes_are_told_in_a_sentence_and_lanes_without_steps_are_drawn_empty() {
    let mut empty = lanes();
    empty.operations.clear();
    empty.disturbed.clear();
    empty.notes.clear();
    empty.acceptors.iter_mut().for_each(|lane| lane.steps.clear());
    let told = section(&empty).into_string();
    assert!(told.contains("Nothing happened to key r7."));
    assert!(!told.contains("<svg"));
    let mut called = lanes();
    called.acceptors = empty.acceptors;
    called.disturbed.clear();
    let drawn = section(&called).into_string();
    assert!(drawn.contains(">a3</text>") && !drawn.contains("promised ballot"));
}

#[test]
fn a_call_without_an_end_fades_out_and_one_with_an_end_does_not() {
    let mut lanes = lanes();
    let fading = |lanes: &Lanes| section(lanes).into_string().matches("url(#lane-open)").count();
    lanes.operations.iter_mut().for_each(|call| call.ended = Some(call.began + 1));
    assert_eq!(fading(&lanes), 0);
    lanes.operations[0].ended = None;
    assert_eq!(fading(&lanes), 1);
    assert!(section(&lanes).into_string().contains("calls append 1, and is never answered"));
}

#[test]
fn foreign_text_never_comes_through_unescaped() {
    let hostile = || HOSTILE.to_owned();
    let mut lanes = lanes();
    lanes.key = hostile();
    for call in &mut lanes.operations {
        (call.client, call.call, call.answer) = (hostile(), hostile(), hostile());
    }
    for lane in &mut lanes.acceptors {
        lane.name = hostile();
        for step in &mut lane.steps {
            (step.promised, step.accepted) = (hostile(), hostile());
            (step.value, step.by) = (hostile(), hostile());
        }
    }
    for message in &mut lanes.disturbed {
        (message.from, message.to) = (hostile(), hostile());
        (message.what, message.fate) = (hostile(), hostile());
    }
    for note in &mut lanes.notes {
        (note.who, note.what) = (hostile(), hostile());
    }
    let told = section(&lanes).into_string();
    assert!(told.matches("&lt;/script&gt;&lt;img src=x onerror=1&gt;&quot;&amp;").count() > 30);
    for sign in ["<img", "</script", "\"&'"] {
        assert!(!told.contains(sign), "{sign}");
    }
}
