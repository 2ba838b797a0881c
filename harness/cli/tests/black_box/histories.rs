//! `harness check` and `harness convert` on histories as other tools write them: every format, and
//! what is torn, empty, out of order or in several files.

use crate::checks::{corpus, torn};
use crate::support::{Ended, Sandbox};
use std::io::Write;
use std::process::Stdio;

const FIELD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../checker/tests/corpus/field");

/// JSON lines of calls in short: `process type f value`, one after the other with `;` between.
pub(crate) fn lines(calls: &str) -> String {
    let mut text = String::new();
    for (index, call) in calls.split(';').map(str::trim).enumerate() {
        let mut words = call.splitn(4, ' ');
        let mut word = || words.next().unwrap_or("null");
        let (process, kind, f, value) = (word(), word(), word(), word());
        text += &format!(
            "{{\"index\":{index},\"process\":{process},\"type\":\"{kind}\",\"f\":\"{f}\",\"value\":{value}}}\n"
        );
    }
    text
}

/// Checks histories: each with its arguments, the exit code, and what is said on stdout or stderr.
pub(crate) fn judged(cases: &[(&str, &str, i32, &str)]) {
    let sandbox = Sandbox::new();
    for (history, args, code, said) in cases {
        sandbox.file("history", history);
        let ended = sandbox.harness(&format!("check history {args}"));
        let (stdout, stderr) = (ended.stdout(), ended.stderr());
        let told = format!("{history}\n{args}\n{stdout}\n{stderr}");
        assert_eq!(ended.code(), Some(*code), "{told}");
        assert!(stdout.contains(said) || stderr.contains(said), "{said}\n{told}");
    }
}

#[test]
fn what_was_found_in_the_field_gets_its_right_verdict() {
    let sandbox = Sandbox::new();
    let mut text = String::new();
    for (args, code) in [
        ("01-counter-echo.jsonl --model counter --initial 0", 0),
        ("04-last-line-not-torn.jsonl --model register", 1),
        ("05-nothing-succeeded.jsonl --model register", 3),
        ("06-aborted-read.jsonl --model register", 1),
        ("07-jepsen-store.edn --model register", 0),
        ("07b-jepsen-store.txt --model register", 0),
        ("07c-jepsen-as-json-lines.jsonl --model register", 0),
        ("07d-array.json --model register", 0),
        ("09-tuples.edn --model cas-register", 64),
        ("09-tuples.edn --model cas-register --independent", 0),
        ("09b-tuples.jsonl --model register", 1),
        ("09b-tuples.jsonl --model register --independent", 0),
        ("11-client-logs-one-after-the-other.jsonl --model register", 0),
        ("12-append-answers-the-old-value.jsonl --model kv-append", 64),
        ("12-append-answers-the-old-value.jsonl --model kv-append --answers before", 1),
        ("35-counter-add-and-read.jsonl --model counter --initial 0", 0),
    ] {
        let ended = sandbox.harness(&format!("check {FIELD}/{args}")).exits(code);
        let first = ended.stdout().lines().next().map(|line| format!("{line}\n"));
        let said = format!("{}{}", ended.stderr(), first.unwrap_or_default());
        text += &format!("$ harness check {args}\n{}\n", said.replace(&format!("{FIELD}/"), ""));
    }
    insta::assert_snapshot!(text);
}

/// The corpus once more, through every other notation and through stdin.
#[test]
fn every_history_keeps_its_verdict_in_every_format() {
    let sandbox = Sandbox::new();
    let (corpus, histories) = corpus();
    for known in histories {
        let code = i32::from(!known.linearizable);
        for to in ["jsonl", "edn", "json"] {
            let file = corpus.join(&known.file);
            let converted =
                sandbox.harness(&format!("convert {} --to {to}", file.display())).exits(0);
            let mut command = sandbox.command("check - --json");
            command.args(known.flags()).stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut child = command.spawn().unwrap();
            child.stdin.take().unwrap().write_all(&converted.0.stdout).unwrap();
            let ended = Ended(child.wait_with_output().unwrap()).exits(code);
            assert_eq!(ended.json()["operations"], known.operations, "{} as {to}", known.file);
        }
    }
}

#[test]
fn whole_json_that_is_not_understood_is_not_torn() {
    let before = lines("0 invoke write 1; 0 ok write 1; 1 invoke read");
    let last = |line: &str| format!("{before}{line}");
    let unknown =
        |field: &str| last(&format!(r#"{{"index":3,"process":1,"type":"ok","f":"read",{field}}}"#));
    judged(&[
        (&unknown(r#""value":7,"node":"n2""#), "--model register", 1, "read 7"),
        (&unknown(r#""value":1,"node":"n2""#), "--model register", 0, "VALID"),
        (&unknown(r#""vaule":7"#), "--model register", 64, "the field `vaule` is unknown"),
        (&unknown(r#""value":7,"comment":"x""#), "--model register", 64, "--ignore-field comment"),
        (
            &unknown(r#""value":7,"comment":"x""#),
            "--model register --ignore-field comment",
            1,
            "read 7",
        ),
        (&unknown(r#""value":7,"value":1"#), "--model register", 64, "`value` is there twice"),
        (
            &unknown(r#""value":36893488147419103232"#),
            "--model register",
            64,
            "cannot be compared exactly",
        ),
        (
            &last(r#"{"index":3,"process":1,"type":"okay","f":"read","value":7}"#),
            "--model register",
            64,
            "line 4",
        ),
        (
            &last(r#"{"index":3,"process":1,"type":"ok","f":"reed","value":7}"#),
            "--model register",
            64,
            "line 4",
        ),
        (&last(r#"{"index":3,"process":1,"type":"ok"}"#), "--model register", 64, "`f` is missing"),
        (
            &last(r#"{"index":3,"process":"one","type":"ok","f":"read","value":7}"#),
            "--model register",
            64,
            "process \"one\"",
        ),
        (
            &last(r#"{"index":3.5,"process":1,"type":"ok","f":"read","value":7}"#),
            "--model register",
            64,
            "the index 3.5",
        ),
        (&last("{}"), "--model register", 64, "line 4"),
        (&last("7"), "--model register", 64, "line 4"),
        (
            &last("{\"index\":3,\"process\":1,\"type\":\"ok\",\"f\":\"read\",\"value\":7"),
            "--model register",
            0,
            "line 4 is torn",
        ),
    ]);
}

#[test]
fn where_nothing_succeeded_there_is_no_verdict() {
    let header = "{\"format\":\"harness-history\",\"version\":1,\"model\":\"register\"}\n";
    let of = |calls: &str| lines(calls);
    judged(&[
        (header, "", 3, "the history holds no call"),
        (&format!("{header}{{\"index\":0,\"pro"), "", 3, "line 2 is torn"),
        ("", "--model register", 3, "the history holds no call"),
        ("\n\n", "--model counter", 3, "the history holds no call"),
        ("[]", "--model append", 3, "the history holds no call"),
        ("; nothing\n", "--model append", 3, "the history holds no call"),
        (":nemesis :info :start nil\n", "--model append", 3, "the history holds no call"),
        (&of("0 invoke write 1"), "--model register", 3, "no call of the history succeeded"),
        (&of("0 invoke read"), "--model register", 3, "no call of the history succeeded"),
        (
            &of("0 invoke write 1; 0 info write 1"),
            "--model register",
            3,
            "no call of the history succeeded",
        ),
        (
            &of("0 invoke write 1; 0 fail write 1"),
            "--model register",
            3,
            "no call of the history succeeded",
        ),
        (
            &of("0 invoke cas [1,2]; 0 fail cas [1,2]"),
            "--model cas-register",
            3,
            "no call of the history succeeded",
        ),
        (
            &of("0 invoke cas [1,2]; 0 fail cas {\"observed\":null}"),
            "--model cas-register",
            3,
            "no call of the history succeeded",
        ),
        (
            &of("0 invoke add 1; 1 invoke add 2; 0 info add"),
            "--model counter",
            3,
            "no call of the history succeeded",
        ),
        (
            &of("0 invoke append 1; 1 invoke read; 1 fail read; 0 info append"),
            "--model append",
            3,
            "no call of the history succeeded",
        ),
        (
            &of("0 invoke cas [1,2]; 0 fail cas {\"observed\":1}"),
            "--model cas-register",
            1,
            "INVALID",
        ),
        (&of("0 invoke write 1; 1 invoke read; 1 ok read"), "--model register", 0, "VALID"),
        ("", "", 64, "say --model"),
        ("\0\0\0\0", "--model register", 64, "it begins with '\\0'"),
        ("{\"index\":0,\"pro", "--model register", 3, "line 1 is torn"),
    ]);
}

#[test]
fn events_go_by_their_index() {
    let log = |events: &[(u64, u64, &str, &str, &str)]| -> String {
        let line = |(index, process, kind, f, value): &(u64, u64, &str, &str, &str)| {
            format!(
                "{{\"index\":{index},\"process\":{process},\"type\":\"{kind}\",\"f\":\"{f}\",\"value\":{value}}}\n"
            )
        };
        events.iter().map(line).collect()
    };
    // As the file stands the read comes last, and its null would be stale.
    let concurrent = log(&[
        (0, 0, "invoke", "write", "1"),
        (3, 0, "ok", "write", "1"),
        (1, 1, "invoke", "read", "null"),
        (2, 1, "ok", "read", "null"),
    ]);
    // As the file stands the read comes first; by index it is stale.
    let stale = log(&[
        (2, 1, "invoke", "read", "null"),
        (3, 1, "ok", "read", "null"),
        (0, 0, "invoke", "write", "1"),
        (1, 0, "ok", "write", "1"),
    ]);
    let reversed = log(&[
        (3, 1, "ok", "read", "1"),
        (2, 1, "invoke", "read", "null"),
        (1, 0, "ok", "write", "1"),
        (0, 0, "invoke", "write", "1"),
    ]);
    let gaps = log(&[
        (70, 1, "invoke", "read", "null"),
        (90, 1, "ok", "read", "1"),
        (10, 0, "invoke", "write", "1"),
        (30, 0, "ok", "write", "1"),
    ]);
    let twice = lines("0 invoke write 1; 0 ok write 1").repeat(2);
    let none = concurrent.replace("\"index\":3,", "");
    let unpaired = log(&[(5, 0, "invoke", "read", "null"), (4, 0, "ok", "read", "1")]);
    let without = |text: &str| {
        let mut text = text.to_owned();
        for index in [0, 1, 2, 3] {
            text = text.replace(&format!("\"index\":{index},"), "");
        }
        text
    };
    judged(&[
        (&concurrent, "--model register", 0, "VALID"),
        (&stale, "--model register", 1, "read null"),
        (&reversed, "--model register", 0, "VALID"),
        (&gaps, "--model register", 0, "VALID"),
        (&twice, "--model register", 64, "line 3: it has the index 0, as line 1 has"),
        (&none, "--model register", 64, "line 2: it has no index, but others have"),
        (&unpaired, "--model register", 64, "event 4: process 0 ends a call that it never began"),
        (&without(&concurrent), "--model register", 1, "read null"),
        (&without(&stale), "--model register", 0, "VALID"),
        (&format!("[{}]", concurrent.trim().replace('\n', ",")), "--model register", 0, "VALID"),
        (&format!("[{}]", stale.trim().replace('\n', ",")), "--model register", 1, "read null"),
    ]);
}

#[test]
fn values_may_be_keys_and_values() {
    let both = lines(
        "0 invoke write [\"a\",1]; 0 ok write [\"a\",1]; 1 invoke read [\"b\",null]; 1 ok read [\"b\",null]",
    );
    let numbers =
        lines("0 invoke write [1,1]; 0 ok write [1,1]; 1 invoke read [2,null]; 1 ok read [2,2]");
    let list = lines(
        "0 invoke append 1; 0 ok append; 1 invoke append 2; 1 ok append; 2 invoke read; 2 ok read [1,2]",
    );
    let cas = lines(
        "0 invoke cas [\"a\",[null,1]]; 0 ok cas [\"a\",[null,1]]; 0 invoke cas [\"b\",null,1]; 0 ok cas [\"b\",null,1]; 1 invoke read [\"a\",null]; 1 ok read [\"a\",1]",
    );
    let mixed = lines(
        "0 invoke write [1,1]; 0 ok write [1,1]; 1 invoke write [\"1\",1]; 1 ok write [\"1\",1]",
    );
    let edn = "{:process 0 :type :invoke :f :write :value [:x 1]} {:process 0 :type :ok :f :write :value [:x 1]} {:process 0 :type :invoke :f :read :value [:y nil]} {:process 0 :type :ok :f :read :value [:y nil]}";
    let warning = "say --independent";
    judged(&[
        (&both, "--model register --independent", 0, "on 2 keys"),
        (&both, "--model register", 1, warning),
        (&numbers, "--model register --independent", 1, "on key 2"),
        (&numbers, "--model register", 1, warning),
        (&list, "--model append --independent", 64, "it is no [key, value]"),
        (&cas, "--model cas-register --independent", 0, "on 2 keys"),
        (&mixed, "--model register --independent", 64, "the key 1 is a number in some events"),
        (&mixed, "--model register", 0, warning),
        (edn, "--model register --independent", 0, "on 2 keys"),
        (edn, "--model register", 1, warning),
        (
            &lines("0 invoke write [1,2]; 0 info write"),
            "--model register --independent",
            3,
            "on 1 keys",
        ),
        (
            &lines("0 invoke write 1; 0 ok write 1"),
            "--model register --independent",
            64,
            "the value 1: it is no [key, value]",
        ),
    ]);
    let sandbox = Sandbox::new();
    sandbox.file("list", &list);
    assert_eq!(sandbox.harness("check list --model append").exits(0).stderr(), "");
    sandbox.file("both", &both);
    let json = sandbox.harness("check both --model register --json").exits(1).json();
    assert!(json["warning"].as_str().unwrap().contains(warning), "{json}");
}

#[test]
fn numbers_are_compared_exactly_or_refused() {
    let read = |wrote: &str, read: &str| {
        lines(&format!("0 invoke write {wrote}; 0 ok write; 1 invoke read; 1 ok read {read}"))
    };
    let refused = "cannot be compared exactly";
    let register = "--model register";
    judged(&[
        (&read("18446744073709551616", "18446744073709551617"), register, 64, refused),
        (
            &read("18446744073709551615", "18446744073709551614"),
            register,
            1,
            "read 18446744073709551614",
        ),
        (&read("9007199254740993", "9007199254740992"), register, 1, "INVALID"),
        (&read("9007199254740993", "9007199254740992.0"), register, 1, "INVALID"),
        (&read("9007199254740993", "9007199254740993.0"), register, 0, "VALID"),
        (&read("1", "1.0"), register, 0, "VALID"),
        (&read("0", "-0"), register, 0, "VALID"),
        (&read("0", "-0.0"), register, 0, "VALID"),
        (&read("100", "1e2"), register, 0, "VALID"),
        (&read("0.1", "0.10"), register, 0, "VALID"),
        (&read("0.1", "0.1000000000000000055511151231257827"), register, 64, refused),
        (&read("-9223372036854775808", "-9223372036854775809"), register, 64, refused),
        (&read("1e300", "1.0e300"), register, 0, "VALID"),
        (&read("[1,{\"a\":2}]", "[1.0,{\"a\":2.0}]"), register, 0, "VALID"),
        (&read("1", "\"1\""), register, 1, "INVALID"),
        (&lines("0 invoke read; 0 ok read 1"), "--model register --initial 1.0", 0, "VALID"),
        (
            &lines("0 invoke read; 0 ok read 1"),
            "--model register --initial 18446744073709551617",
            64,
            refused,
        ),
        (
            "0 :invoke :write 18446744073709551616N\n0 :ok :write 18446744073709551616N\n",
            register,
            64,
            refused,
        ),
        ("0 :invoke :write 1N\n0 :ok :write 1.0M\n", register, 0, "VALID"),
    ]);
}

#[test]
fn several_histories_are_judged_each_or_as_parts_of_one() {
    let sandbox = Sandbox::new();
    let valid = lines("0 invoke write 1; 0 ok write 1");
    sandbox.file("valid", &valid);
    sandbox.file("invalid", &lines("0 invoke read; 0 ok read 1"));
    sandbox.file("nothing", "");
    sandbox.file("writer", &valid.replace("\"index\":1", "\"index\":3"));
    let reader = lines("1 invoke read; 1 ok read 1");
    sandbox.file(
        "reader",
        &reader.replace("\"index\":1", "\"index\":2").replace("\"index\":0", "\"index\":1"),
    );
    let said = |args: &str, code: i32| {
        let ended = sandbox.harness(&format!("check --model register {args}")).exits(code);
        let stdout = ended.stdout();
        let verdicts = stdout.lines().filter(|line| line.contains(": "));
        verdicts.map(str::to_owned).collect::<Vec<_>>().join("; ") + &ended.stderr()
    };
    assert_eq!(
        said("valid invalid nothing", 1),
        "valid: VALID: the history is linearizable; invalid: INVALID: process 0 read 1, which no call wrote; if the object held it before the run, say --initial '1'; nothing: INCONCLUSIVE: the history holds no call"
    );
    assert!(said("valid nothing", 3).starts_with("valid: VALID"));
    assert!(said("valid valid", 0).starts_with("valid: VALID"));
    assert!(said("writer reader", 64).contains("Say --merge if they are"));
    assert!(said("writer reader --merge", 0).starts_with("VALID"));
    assert!(said("reader writer --merge", 0).starts_with("VALID"));
    assert!(said("valid invalid --merge", 64).contains("the index 0 is in valid and in invalid"));
    assert!(said("valid missing", 64).contains("missing: No such file"));
    assert!(said("- -", 64).contains("stdin (-) can be read only once"));
    assert!(said("-", 3).starts_with("INCONCLUSIVE"));
    let json = sandbox.harness("check --model register valid invalid --json").exits(1).json();
    assert_eq!(json[0]["verdict"], "valid");
    assert_eq!(json[1]["history"], "invalid");
}

#[test]
fn a_history_is_converted_and_says_what_its_check_then_needs() {
    let sandbox = Sandbox::new();
    sandbox.file("ours.jsonl", &torn(&[("write", 1), ("read", 1)]));
    let edn = sandbox.harness("convert ours.jsonl --to edn -o theirs.edn").exits(0);
    insta::assert_snapshot!(edn.stderr(), @r"
    ours.jsonl: line 6 is torn and was left out (17 bytes)
    edn has no header; its check needs --model register --initial '0'
    ");
    insta::assert_snapshot!(std::fs::read_to_string(sandbox.path("theirs.edn")).unwrap(), @r"
    {:index 0, :time 0, :type :invoke, :process 0, :f :write, :value 1}
    {:index 1, :time 0, :type :ok, :process 0, :f :write, :value 1}
    {:index 2, :time 0, :type :invoke, :process 0, :f :read, :value 1}
    {:index 3, :time 0, :type :ok, :process 0, :f :read, :value 1}
    ");
    sandbox.harness("check theirs.edn --model register --initial 0").exits(0);
    let again = sandbox.harness("convert ours.jsonl --to edn -o theirs.edn").exits(64);
    assert!(again.stderr().contains("theirs.edn: File exists"), "{}", again.stderr());
    let array = sandbox.harness("convert theirs.edn --to json").exits(0);
    insta::assert_snapshot!(array.stdout(), @r#"
    [
    {"index":0,"time":0,"process":0,"type":"invoke","f":"write","key":null,"value":1},
    {"index":1,"time":0,"process":0,"type":"ok","f":"write","key":null,"value":1},
    {"index":2,"time":0,"process":0,"type":"invoke","f":"read","key":null,"value":1},
    {"index":3,"time":0,"process":0,"type":"ok","f":"read","key":null,"value":1}
    ]
    "#);
    sandbox.file("array.json", &array.stdout());
    let back = sandbox.harness("convert array.json").exits(0);
    let ours = std::fs::read_to_string(sandbox.path("ours.jsonl")).unwrap();
    let events = ours.lines().skip(1).take(4).count();
    assert_eq!(back.stdout().lines().count(), events);
}
