//! `harness check` on what a system answered: nothing of it is dropped, and nothing is taken for
//! what it is not.

use crate::histories::{judged, lines};

#[test]
fn no_answer_is_dropped() {
    let kv = "--model kv-append";
    let sequence = |f: &str, value: &str, answer: &str| {
        lines(&format!("0 invoke {f} {value}; 0 ok {f} {answer}"))
    };
    let versioned = "--model versioned-cas";
    judged(&[
        (
            &sequence("write", "1", "99"),
            "--model register",
            64,
            "`write` with value 99; the answer is null or",
        ),
        (&sequence("write", "1", "1"), "--model register", 0, "VALID"),
        (&sequence("write", "1", "1.0"), "--model register", 0, "VALID"),
        (&sequence("write", "1", "null"), "--model register", 0, "VALID"),
        (&sequence("write", "1", "\"1\""), "--model register", 64, "the answer is null or"),
        (
            &sequence("write", "1", "99"),
            "--model register --answers after",
            1,
            "no such call leaves 99",
        ),
        (&sequence("write", "1", "99"), "--model register --answers before", 1, "INVALID"),
        (
            &sequence("write", "1", "99"),
            "--model register --answers before --initial 99",
            0,
            "VALID",
        ),
        (
            &sequence("write", "1", "99"),
            "--model register --answers echo",
            64,
            "under --answers echo",
        ),
        (&sequence("append", "\"x\"", "\"\""), kv, 64, "--answers before"),
        (&sequence("append", "\"x\"", "\"\""), &format!("{kv} --answers before"), 0, "VALID"),
        (&sequence("append", "\"x\"", "\"x\""), kv, 0, "VALID"),
        (&sequence("append", "\"x\"", "\"yx\""), &format!("{kv} --answers after"), 1, "INVALID"),
        (&sequence("append", "\"x\"", "5"), kv, 1, "no string is 5"),
        (&sequence("put", "\"x\"", "\"y\""), kv, 64, "the answer is null or"),
        (&sequence("put", "\"x\"", "\"y\""), &format!("{kv} --answers before"), 1, "INVALID"),
        (
            &sequence("cas", "[null,2]", "[1,3]"),
            "--model cas-register",
            64,
            "the answer is null or",
        ),
        (&sequence("cas", "[null,2]", "[null,2]"), "--model cas-register", 0, "VALID"),
        (&sequence("cas", "[null,2]", "2"), "--model cas-register --answers after", 0, "VALID"),
        (
            &sequence("cas", "[null,2]", "7"),
            "--model cas-register --answers before",
            1,
            "no such call finds 7",
        ),
        (&sequence("add", "1", "\"many\""), "--model counter", 1, "no total is \"many\""),
        (&sequence("append", "1", "7"), "--model append", 1, "no list is 7"),
        (&sequence("append", "1", "[2]"), "--model append", 1, "INVALID"),
        (&sequence("append", "1", "[1]"), "--model append", 0, "VALID"),
        (&sequence("append", "[1]", "[1]"), "--model append", 0, "VALID"),
        (&sequence("append", "[1]", "[[1]]"), "--model append", 0, "VALID"),
        (&sequence("write", "\"a\"", "\"b\""), versioned, 1, "no version is \"b\""),
        (&sequence("write", "\"a\"", "2"), versioned, 1, "INVALID"),
        (&sequence("write", "\"a\"", "[1,\"a\"]"), versioned, 0, "VALID"),
        (&sequence("write", "\"a\"", "[1,\"b\"]"), versioned, 1, "no such call leaves"),
    ]);
}

#[test]
fn an_echo_is_no_result_and_hides_none() {
    let counter = |calls: &str| lines(calls);
    let (after, echo) = ("--model counter --answers after", "--model counter --answers echo");
    let add = |answers: &str| -> String {
        let calls = answers.split(' ').map(|answer| format!("0 invoke add 1; 0 ok add {answer}"));
        calls.collect::<Vec<_>>().join("; ")
    };
    let then_read = |answers: &str, read: &str| {
        counter(&format!("{}; 1 invoke read; 1 ok read {read}", add(answers)))
    };
    judged(&[
        // A later read shows that nothing was lost, or that something was.
        (&then_read("1 1", "2"), "--model counter", 0, "VALID"),
        (&then_read("1 1", "1"), "--model counter", 1, "something is lost"),
        (&then_read("1 1", "2"), after, 1, "INVALID"),
        (&then_read("1 1", "2"), echo, 0, "VALID"),
        // Totals 1 and 1, and no read: nobody knows.
        (&counter(&add("1 1")), "--model counter", 2, "--answers after"),
        (&counter(&add("1 1")), after, 1, "INVALID"),
        (&counter(&add("1 1")), echo, 0, "VALID"),
        (
            &counter(&format!("1 invoke read; 1 ok read 0; {}", add("1 1"))),
            "--model counter",
            2,
            "--answers echo",
        ),
        // One answer that is no echo shows that all are results.
        (&counter(&add("1 2")), "--model counter", 0, "VALID"),
        (&counter(&add("1 2 1")), "--model counter", 1, "INVALID"),
        (&counter(&add("1 3")), "--model counter", 1, "INVALID"),
        (&then_read("1 2", "2"), "--model counter", 0, "VALID"),
        (&counter(&add("1 2")), echo, 64, "under --answers echo"),
        (&counter(&add("1")), "--model counter", 0, "VALID"),
        (&counter(&add("null null")), "--model counter", 0, "VALID"),
    ]);
}

#[test]
fn what_a_result_is_shows_by_its_form() {
    let counter = |calls: &str| lines(calls);
    let versioned = "--model versioned-cas";
    judged(&[
        // add-and-get answers the total, whatever add answers.
        (
            &counter(
                "0 invoke add-and-get 1; 0 ok add-and-get 1; 0 invoke add-and-get 1; 0 ok add-and-get 1",
            ),
            "--model counter",
            1,
            "INVALID",
        ),
        (
            &counter(
                "0 invoke add-and-get 1; 0 ok add-and-get 1; 0 invoke add-and-get 1; 0 ok add-and-get 2",
            ),
            "--model counter",
            0,
            "VALID",
        ),
        (
            &counter(
                "0 invoke add-and-get 1; 0 ok add-and-get [1,1]; 0 invoke add-and-get 1; 0 ok add-and-get [1,2]",
            ),
            "--model counter",
            0,
            "VALID",
        ),
        (
            &counter("0 invoke add-and-get 1; 0 ok add-and-get [1,2]"),
            "--model counter",
            1,
            "INVALID",
        ),
        (
            &counter("0 invoke add-and-get 1; 0 ok add-and-get [2,2]"),
            "--model counter",
            1,
            "INVALID",
        ),
        (
            &counter("0 invoke add 1; 0 ok add 1; 0 invoke add-and-get 1; 0 ok add-and-get 2"),
            "--model counter",
            0,
            "VALID",
        ),
        (
            &counter(
                "0 invoke add 1; 0 ok add 1; 0 invoke add 1; 0 ok add 1; 0 invoke add-and-get 1; 0 ok add-and-get 3; 1 invoke read; 1 ok read 3",
            ),
            "--model counter",
            0,
            "VALID",
        ),
        (
            &lines("0 invoke write 7; 0 ok write 7; 1 invoke read; 1 ok read [1,7]"),
            versioned,
            0,
            "VALID",
        ),
        (&lines("0 invoke write 7; 0 ok write 7"), versioned, 2, "--answers echo"),
        (&lines("0 invoke write 1; 0 ok write 1"), versioned, 0, "VALID"),
        (&lines("0 invoke write 5; 0 ok write 1"), versioned, 0, "VALID"),
        (&lines("0 invoke write 5; 0 ok write 2"), versioned, 1, "INVALID"),
        (&lines("0 invoke cas [0,7]; 0 ok cas [0,7]"), versioned, 0, "VALID"),
    ]);
}

#[test]
fn an_answer_of_the_wrong_type_is_a_violation_and_hides_none() {
    let on = |key: &str, calls: &str| {
        lines(calls).replace("\"process\"", &format!("\"key\":\"{key}\",\"process\""))
    };
    let numbered = |text: &str| -> String {
        let lines = text.lines().enumerate();
        lines
            .map(|(index, line)| {
                format!("{{\"index\":{index},{}\n", &line[line.find(',').unwrap() + 1..])
            })
            .collect()
    };
    let lost = on("a", "0 invoke append 1; 0 ok append; 1 invoke read; 1 ok read []");
    let bad = on("b", "2 invoke read; 2 ok read 5");
    let fine = on("c", "3 invoke append 1; 3 ok append; 3 invoke read; 3 ok read [1]");
    let read = |answer: &str| lines(&format!("0 invoke read; 0 ok read {answer}"));
    judged(&[
        (&numbered(&format!("{lost}{bad}")), "--model append", 1, "INVALID"),
        (
            &numbered(&format!("{bad}{fine}")),
            "--model append",
            1,
            "process 2 read 5 on key b, but no list is 5",
        ),
        (&numbered(&format!("{fine}{lost}")), "--model append", 1, "on key a"),
        (&read("5"), "--model append", 1, "but no list is 5"),
        (&read("\"x\""), "--model append", 1, "but no list is \"x\""),
        (&read("{}"), "--model append", 1, "but no list is {}"),
        (&read("false"), "--model counter", 1, "but no total is false"),
        (&read("1.5"), "--model counter", 1, "but no total is 1.5"),
        (&read("[1]"), "--model versioned-cas", 1, "but no versioned value is [1]"),
        (&read("[-1,2]"), "--model versioned-cas", 1, "but no version is -1"),
        (&read("7"), "--model versioned-cas", 1, "but no versioned value is 7"),
        (&lines("0 invoke get; 0 ok get 7"), "--model kv-append", 1, "but no string is 7"),
        (
            &lines("0 invoke cas [0,1]; 0 fail cas {\"observed\":\"x\"}"),
            "--model versioned-cas",
            1,
            "no versioned value is \"x\"",
        ),
        // What cannot be counted with is not judged.
        (&read("18446744073709551615"), "--model counter", 64, "fits 64 bits with a sign"),
        (&read("[4294967296,1]"), "--model versioned-cas", 64, "below 2^32"),
        // What a client asks has to make sense.
        (
            &lines("0 invoke add \"x\"; 0 ok add"),
            "--model counter",
            64,
            "the amount is a whole number",
        ),
    ]);
}

#[test]
fn a_refusal_that_saw_what_it_expected_is_a_violation() {
    let refused = |cas: &str, observed: &str| {
        lines(&format!(
            "0 invoke write 5; 0 ok write 5; 1 invoke cas {cas}; 1 fail cas {{\"observed\":{observed}}}"
        ))
    };
    let versioned = |cas: &str, observed: &str| {
        lines(&format!(
            "0 invoke write 5; 0 ok write 1; 1 invoke cas {cas}; 1 fail cas {{\"observed\":{observed}}}"
        ))
    };
    let (plain, why) =
        ("--model cas-register", "no compare-and-set is refused where it finds what it expects");
    judged(&[
        (&refused("[5,6]", "5"), plain, 1, why),
        (&refused("[5,6]", "5.0"), plain, 1, why),
        (&refused("[5,6]", "5"), "--model cas-register --failed-cas mismatch", 1, why),
        (&refused("[5,5]", "5"), plain, 1, why),
        (&refused("[null,6]", "null"), plain, 1, why),
        (&refused("[\"a\",6]", "\"a\""), plain, 1, why),
        (&refused("[[1],6]", "[1]"), plain, 1, why),
        // Of a store that compares versions a value may have come back.
        (&refused("[5,6]", "5,\"compared\":\"version\""), plain, 0, "VALID"),
        (&refused("[5,6]", "7,\"compared\":\"version\""), plain, 1, "which no call wrote"),
        (&refused("[5,6]", "5,\"compared\":\"value\""), plain, 1, why),
        (&refused("[4,6]", "5"), plain, 0, "VALID"),
        (&refused("[4,6]", "5"), "--model cas-register --failed-cas mismatch", 0, "VALID"),
        (&refused("[4,6]", "7"), plain, 1, "which no call wrote"),
        (&versioned("[1,6]", "[1,5]"), "--model versioned-cas", 1, why),
        (&versioned("[0,6]", "[1,5]"), "--model versioned-cas", 0, "VALID"),
        (&versioned("[0,6]", "null"), "--model versioned-cas", 1, why),
        (
            &lines("0 invoke write 5; 0 ok write 5; 1 invoke cas [5,6]; 1 fail cas [5,6]"),
            plain,
            0,
            "VALID",
        ),
        (
            &lines("0 invoke write 5; 0 ok write 5; 1 invoke cas [5,6]; 1 fail cas [5,6]"),
            "--model cas-register --failed-cas mismatch",
            1,
            "INVALID",
        ),
    ]);
}
