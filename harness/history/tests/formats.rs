//! Histories as other tools write them, and what is said of those that cannot be read.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use harness_history::{Event, Function, History, Kind, Notation, Reading};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::io::{self, BufReader, Read};
use std::path::Path;

fn read(text: impl AsRef<[u8]>) -> Result<History, String> {
    let read = Reading::default().history(text.as_ref(), Path::new("here"));
    read.map_err(|error| error.to_string())
}

/// The events in short.
fn events(text: impl AsRef<[u8]>) -> Vec<String> {
    let told = |event: &Event| {
        let kind = serde_json::to_value(event.kind).unwrap();
        let key = event.key.as_ref().map_or_else(String::new, |key| format!(" on {key}"));
        let (index, process) = (event.index, event.process);
        format!("{index}: {process} {} {}{key} {}", kind.as_str().unwrap(), event.f, event.value)
    };
    read(text).unwrap().events.iter().map(told).collect()
}

#[test]
fn the_same_history_in_every_format() {
    let right =
        ["0: 0 invoke write 1", "2: 0 ok write 1", "3: 1 invoke read null", "4: 1 ok read 1"];
    let map = |index: u32, process: &str, kind: &str, f: &str, value: &str| {
        format!(
            "{{:index {index}, :time {index}, :type {kind}, :process {process}, :f {f}, :value {value}}}"
        )
    };
    let maps = [
        map(0, "0", ":invoke", ":write", "1"),
        map(1, ":nemesis", ":info", ":start", "[:isolated {\"n1\" #{\"n2\"}}]"),
        map(2, "0", ":ok", ":write", "1"),
        map(3, "1", ":invoke", ":read", "nil"),
        map(4, "1", ":ok", ":read", "1"),
    ];
    let object = |index: u32, process: &str, kind: &str, f: &str, value: &str| {
        format!(
            r#"{{"index":{index},"type":"{kind}","process":{process},"f":"{f}","value":{value},"node":"n1"}}"#
        )
    };
    let objects = [
        object(0, "0", "invoke", "write", "1"),
        object(1, "\"nemesis\"", "info", "start", "[[\"n1\"]]"),
        object(2, "0", "ok", "write", "1"),
        object(3, "1", "invoke", "read", "null"),
        object(4, "1", "ok", "read", "1"),
    ];
    let text = "0\t:invoke\t:write\t1\n:nemesis\t:info\t:start\tnil\n0\t:ok\t:write\t1\n1\t:invoke\t:read\tnil\n1\t:ok\t:read\t1\n";
    let logged: String = text.lines().map(|line| format!("INFO  jepsen.util - {line}\n")).collect();
    let tagged = maps.each_ref().map(|map| format!("#jepsen.history.Op{map}"));
    for written in [
        maps.join("\n"),
        format!("{}\n", maps.join("\n")),
        format!("[{}]", maps.join(" ")),
        format!("[{}]\n", maps.join(",\n")),
        format!("({})", maps.join("\n ")),
        format!("; a comment\n\n{}", maps.join(" ; another\n")),
        format!("; before a vector\n[{} #_ {{:left out}}] ; after\n", maps.join("\n")),
        tagged.join("\n"),
        format!("[{}]", tagged.join(" ")),
        objects.join("\n"),
        objects.join("\n\n") + "\n",
        objects.join("\r\n"),
        format!("\u{feff}{}", objects.join("\n")),
        format!("[{}]", objects.join(",")),
        format!(" [ {}\n]\n", objects.join(" ,\n")),
        text.to_owned(),
        text.replace('\t', "   "),
        logged,
    ] {
        assert_eq!(events(&written), right, "{written}");
    }
}

#[test]
fn fields_may_be_numbers_words_and_missing() {
    let line =
        |fields: &str| format!("{{\"process\":3,\"type\":\"invoke\",\"f\":\"write\",{fields}}}\n");
    assert_eq!(events(line(r#""value":1"#)), ["0: 3 invoke write 1"]);
    assert_eq!(events(line(r#""key":7,"value":1"#)), ["0: 3 invoke write on 7 1"]);
    assert_eq!(events(line(r#""key":"a","value":1.0"#)), ["0: 3 invoke write on a 1"]);
    assert_eq!(events(line(r#""time":-5,"value":null"#)), ["0: 3 invoke write null"]);
    assert_eq!(events(line(r#""time":null,"key":null,"index":null"#)), ["0: 3 invoke write null"]);
    assert_eq!(
        events("{:process 3N :type :invoke :f :write :value :a}"),
        ["0: 3 invoke write \":a\""]
    );
    assert_eq!(
        events("{:process 3 :type :invoke :f :write :key :k :value {\"a\" [1 nil]}}"),
        ["0: 3 invoke write on :k {\"a\":[1,null]}"]
    );
    assert_eq!(
        events("{:process 3 :type :fail :f :cas :value {:observed 4}}"),
        ["0: 3 fail cas {\"observed\":4}"]
    );
    assert_eq!(
        events("3 :fail :read :timed-out\n3 :info :cas :timed-out\n"),
        ["0: 3 fail read \":timed-out\"", "1: 3 info cas \":timed-out\""]
    );
    let added = r#"{"process":0,"type":"ok","f":"add-and-get","value":3}"#;
    assert_eq!(events(added), ["0: 0 ok add {\"total\":3}"]);
    assert_eq!(
        events("{:process 0 :type :ok :f :add-and-get :value [1 3]}"),
        ["0: 0 ok add [1,3]"]
    );
}

#[test]
fn events_are_ordered_by_index() {
    let line = |index: &str, process: u32| {
        format!("{{{index}\"process\":{process},\"type\":\"invoke\",\"f\":\"read\"}}\n")
    };
    let processes = |text: &str| {
        read(text)
            .map(|history| history.events.iter().map(|event| event.process).collect::<Vec<_>>())
    };
    let numbered = |numbers: &[u64]| -> String {
        let lines = numbers.iter().zip(0..);
        lines.map(|(index, process)| line(&format!("\"index\":{index},"), process)).collect()
    };
    assert_eq!(processes(&numbered(&[0, 1, 2])), Ok(vec![0, 1, 2]));
    assert_eq!(processes(&numbered(&[0, 3, 1, 2])), Ok(vec![0, 2, 3, 1]));
    assert_eq!(processes(&numbered(&[9, 7, 8])), Ok(vec![1, 2, 0]));
    assert_eq!(processes(&numbered(&[5, 4, 3, 2, 1, 0])), Ok(vec![5, 4, 3, 2, 1, 0]));
    assert_eq!(processes(&numbered(&[10, 20, 1000])), Ok(vec![0, 1, 2]));
    let none = format!("{}{}{}", line("", 4), line("", 2), line("", 3));
    assert_eq!(processes(&none), Ok(vec![4, 2, 3]));
    for (text, said) in [
        (numbered(&[0, 1, 1]), "line 3: it has the index 1, as line 2 has; events"),
        (numbered(&[0, 1, 0, 1]), "line 3: it has the index 0, as line 1 has; events"),
        (numbered(&[3, 2, 3]), "line 3: it has the index 3, as line 1 has; events"),
        (format!("{}{}", numbered(&[0]), line("", 1)), "line 2: it has no index, but others have"),
        (format!("{}{}", line("", 1), numbered(&[1])), "line 1: it has no index, but others have"),
        (
            numbered(&[1 << 53]),
            "line 1: the index 9007199254740992 is no whole number from 0 to 2^53",
        ),
        (line("\"index\":-1,", 0), "line 1: the index -1 is no whole number"),
        (line("\"index\":0.5,", 0), "line 1: the index 0.5 is no whole number"),
        (line("\"index\":\"1\",", 0), "line 1: the index \"1\" is no whole number"),
    ] {
        let error = processes(&text).unwrap_err();
        assert!(error.starts_with(said), "{error}");
    }
}

#[test]
fn what_is_not_understood_is_named() {
    let mut said = String::new();
    let event = r#"{"process":0,"type":"invoke","f":"read"}"#;
    for text in [
        r#"{"process":0,"type":"invoke","f":"read","vaule":7}"#,
        r#"{"process":0,"type":"invoke","f":"read","value":1,"value":2}"#,
        r#"{"process":0,"type":"invoke","f":"txn"}"#,
        r#"{"process":0,"type":"invoked","f":"read"}"#,
        r#"{"process":0,"type":"invoke"}"#,
        r#"{"type":"invoke","f":"read"}"#,
        r#"{"process":"client 1","type":"invoke","f":"read"}"#,
        r#"{"process":-1,"type":"invoke","f":"read"}"#,
        r#"{"process":0,"type":"invoke","f":"read","key":[1]}"#,
        r#"{"process":0,"type":"invoke","f":"read","key":1.5}"#,
        r#"{"process":0,"type":"invoke","f":"read","time":"noon"}"#,
        r#"{"process":0,"type":"ok","f":"read","value":18446744073709551617}"#,
        "{:process 0 :type :ok :f :read :value 18446744073709551617}",
        "{:process 0 :type :ok :f :read :value 1/3}",
        "{:process 0 :type :ok :f :read :value #{1 2}}",
        "{:process 0 :type :ok :f :read :value #inst \"2026-01-01\"}",
        "{:process 0 :type :ok :f :read :value yes}",
        "{:process 0 :type :ok :f :read :value [:a \":a\"]}",
        "{:process 0 :type :ok :f :read :value {1 2}}",
        "{:process 0 :type :ok :f :read :valeu 1}",
        "#other{:process 0 :type :ok :f :read}",
        "[{:process 0 :type :ok :f :read}] 3",
        "{:process 0 :type :ok :f :read}]",
        "0\t:ok\n",
        "[1, 2]",
        &format!("[{event} {event}]"),
        &format!("[{event}] {event}"),
        &format!("{event}{event}"),
        "[[]]",
        "{\n  \"process\": 0\n}\n",
        "\0\0\0\0",
        "\u{1f}\u{8b}",
        "<html>",
        "index,process,type\n",
        "format = 1",
    ] {
        said += &format!("{text:?}\n    {}\n", read(text).unwrap_err());
    }
    let keys =
        [r#""key":1"#, r#""key":"1""#].map(|key| event.replace("\"f\"", &format!("{key},\"f\"")));
    said += &format!("{:?}\n    {}\n", keys, read(keys.join("\n")).unwrap_err());
    insta::assert_snapshot!(said);
}

#[test]
fn what_is_not_whole_is_torn_and_nothing_else() {
    let whole = r#"{"process":0,"type":"invoke","f":"write","value":"é\"}"}"#;
    let edn = r#"{:process 0 :type :invoke :f :write :value "é\"}"}"#;
    for cut in 1..whole.len() {
        let part = &whole.as_bytes()[..cut];
        let [line, array] = [("", "\n"), ("[", ",")].map(|(open, comma)| {
            let before = format!("{open}{whole}{comma}");
            (before.len(), read([before.as_bytes(), part].concat()).unwrap())
        });
        for (_, history) in [line, array] {
            assert_eq!(history.events.len(), 1, "{cut}");
            assert_eq!(history.torn.unwrap().bytes, cut);
        }
        let nuls = [whole.as_bytes(), b"\n", part, &[0; 9]].concat();
        assert_eq!(read(nuls).unwrap().torn.unwrap().bytes, cut + 9);
    }
    for cut in 1..edn.len() {
        for open in ["", "[", "("] {
            let text = [open.as_bytes(), edn.as_bytes(), b"\n", &edn.as_bytes()[..cut]].concat();
            let history = read(text).unwrap();
            assert_eq!((history.events.len(), history.torn.is_some()), (1, true), "{open} {cut}");
        }
    }
    // Without its bracket an array is not whole, and a line of text may go on.
    for text in [
        format!("[{whole}"),
        format!("[{whole},\n"),
        format!("({edn}"),
        format!("{edn} {{:process 1"),
    ] {
        let history = read(&text).unwrap();
        assert_eq!((history.events.len(), history.torn.is_some()), (1, true), "{text}");
    }
    assert!(read("0 :invoke :write 1\n0 :ok :write 1").unwrap().torn.is_some());
    assert_eq!(
        read([b"\n", &[0_u8; 3][..]].concat()).unwrap_err().get(..21),
        Some("this is no history: i")
    );
    // Whole JSON is not torn, whatever is wrong with it.
    for last in [
        r#"{"process":0,"type":"ok","f":"read","value":7,"nodee":"n2"}"#,
        r#"{"process":0,"type":"ok","f":"reed","value":7}"#,
        r#"{"process":0,"type":"ok"}"#,
        r#"{"process":0,"type":"okay","f":"read"}"#,
        r#"{"process":"x","type":"ok","f":"read"}"#,
        r#"{"process":0,"type":"ok","f":"read","value":36893488147419103232}"#,
        "{}",
        "7",
        "null",
        "[]",
        "\"ok\"",
        "true",
        "{\"process\":0}}",
        "{'process':0}",
        "x",
    ] {
        let history = read(format!("{whole}\n{last}"));
        assert!(history.is_err(), "{last}: {history:?}");
    }
}

#[test]
fn an_endless_event_is_refused_without_being_held() {
    let endless = |start: &'static str| {
        let reader = start.as_bytes().chain(io::repeat(b'7').take(1 << 30));
        Reading::default()
            .history(BufReader::new(reader), Path::new("here"))
            .unwrap_err()
            .to_string()
    };
    for start in [
        "7",
        "{\"process\":0,\"type\":\"ok\",\"f\":\"read\",\"value\":\"",
        "[{\"process\":0,\"value\":[",
        "{:process 0 :value \"",
        "[{:process 0 :value [",
        "0 :ok :read ",
    ] {
        assert_eq!(
            endless(start),
            "line 1: an event of more than 16 MiB, which is the limit",
            "{start}"
        );
    }
}

#[test]
fn nothing_is_a_history_of_no_calls() {
    for text in ["", "\n \n", "[]", " [ ] \n", "; nothing\n", "()", "{\"index\":0,\"pro", "{", "["]
    {
        assert_eq!(read(text).unwrap().events, [], "{text}");
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-5_i64..5).prop_map(Value::from),
        // Whole numbers are kept as such.
        any::<f64>()
            .prop_filter("not whole", |x| x.is_finite() && x.fract() != 0.0)
            .prop_map(Value::from),
        "[^:]?\\PC{0,8}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(any::<String>(), inner, 0..3)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn event() -> impl Strategy<Value = Event> {
    let kind = prop_oneof![Just(Kind::Invoke), Just(Kind::Ok), Just(Kind::Fail), Just(Kind::Info)];
    let f = prop_oneof![
        Just(Function::Read),
        Just(Function::Write),
        Just(Function::Cas),
        Just(Function::Append),
        Just(Function::Add),
        Just(Function::Get),
        Just(Function::Put),
    ];
    let key = proptest::option::of(any::<String>());
    let error = proptest::option::of(value().prop_filter("there", |error| !error.is_null()));
    (any::<u64>(), 0..99_u64, kind, f, key, value(), error).prop_map(
        |(time, process, kind, f, key, value, error)| Event {
            index: 0,
            time: time >> 1,
            process,
            kind,
            f,
            key,
            value,
            error,
        },
    )
}

/// `FUZZ=1000000` tries as many.
fn cases() -> u32 {
    std::env::var("FUZZ").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2000)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) })]
    #[test]
    fn every_history_is_the_same_in_every_notation(
        mut events in proptest::collection::vec(event(), 0..6),
        path in proptest::collection::vec(0_usize..3, 1..5),
    ) {
        for (index, event) in events.iter_mut().enumerate() {
            event.index = index as u64;
        }
        let mut history = History { header: None, events, torn: None };
        let original = history.clone();
        let notations = [Notation::JsonLines, Notation::Edn, Notation::JsonArray];
        for notation in path {
            let mut text = Vec::new();
            notations[notation].write(&history, &mut text).unwrap();
            history = read(&text).unwrap();
            prop_assert_eq!(&history, &original, "{}", String::from_utf8_lossy(&text));
        }
    }

    #[test]
    fn no_text_is_read_in_a_panic(text in "[\\[\\]{}()\":;#\\\\, a-z0-9\n.-]{0,40}") {
        let _either = read(&text);
    }
}

#[test]
fn a_header_is_kept_by_json_lines() {
    let header =
        "{\"format\":\"harness-history\",\"version\":1,\"model\":\"counter\",\"initial\":1.0}\n";
    let history = read(header).unwrap();
    assert_eq!(history.header.as_ref().unwrap().initial, json!(1));
    let mut text = Vec::new();
    Notation::JsonLines.write(&history, &mut text).unwrap();
    assert_eq!(read(text).unwrap(), history);
}
