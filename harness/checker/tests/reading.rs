//! How the values of a history are read, and what is said of those that cannot be.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use harness_checker::{Answer, Budget, FailedCas, ModelKind, NilRead, Settings, check};
use harness_history::{History, operations};
use serde_json::Value;

fn answer(settings: &Settings, lines: &[&str]) -> Result<bool, String> {
    let numbered = lines.iter().enumerate().map(|(i, line)| {
        format!("{{\"index\":{i},\"process\":{}}}\n", line.replacen(' ', ",\"type\":", 1))
    });
    let text: String = numbered.collect();
    let operations = operations(&History::parse(text.as_bytes()).unwrap().events).unwrap();
    let check = check(&operations, settings, &Budget::unlimited()).map_err(|e| e.to_string())?;
    Ok(check.answer == Answer::Valid)
}

const WRITE_5: [&str; 2] = [r#"0 "invoke","f":"write","value":5"#, r#"0 "ok","f":"write""#];
const READ_NULL: [&str; 2] = [r#"1 "invoke","f":"read""#, r#"1 "ok","f":"read","value":null"#];

#[test]
fn a_read_of_null_is_unset_or_says_nothing_as_one_likes() {
    let strict = Settings::new(ModelKind::Register, Value::Null);
    let lenient = Settings { nil_read: NilRead::Any, ..strict.clone() };
    let history = [WRITE_5, READ_NULL].concat();
    assert_eq!(answer(&strict, &history), Ok(false));
    assert_eq!(answer(&lenient, &history), Ok(true));
}

#[test]
fn a_refused_cas_says_nothing_unless_it_is_asked() {
    let dropped = Settings::new(ModelKind::CasRegister, Value::Null);
    let strict = Settings { failed_cas: FailedCas::Mismatch, ..dropped.clone() };
    let refused = [r#"1 "invoke","f":"cas","value":[5,6]"#, r#"1 "fail","f":"cas""#];
    let history = [WRITE_5, refused].concat();
    assert_eq!(answer(&dropped, &history), Ok(true));
    assert_eq!(answer(&strict, &history), Ok(false));
}

#[test]
fn a_refused_cas_that_says_what_it_saw_is_a_read() {
    let settings = Settings::new(ModelKind::CasRegister, Value::Null);
    let refused = |saw: &'static str| [WRITE_5, [r#"1 "invoke","f":"cas","value":[1,2]"#, saw]];
    let right = refused(r#"1 "fail","f":"cas","value":{"observed":5}"#).concat();
    let wrong = refused(r#"1 "fail","f":"cas","value":{"observed":4}"#).concat();
    assert_eq!(answer(&settings, &right), Ok(true));
    assert_eq!(answer(&settings, &wrong), Ok(false));
}

#[test]
fn a_value_that_cannot_be_read_is_named_with_its_event_and_what_would_be_right() {
    let said = |model, initial: &str, lines: &[&str]| {
        let initial = serde_json::from_str(initial).unwrap();
        answer(&Settings::new(model, initial), lines).unwrap_err()
    };
    let bad = [r#"0 "invoke","f":"cas","value":[1]"#, r#"0 "ok","f":"cas""#];
    insta::assert_snapshot!(said(ModelKind::CasRegister, "null", &bad), @"event 0: `cas` with value [1]; the argument of cas is [from, to]");
    let bad = [r#"0 "invoke","f":"cas","value":["x",1]"#, r#"0 "info","f":"cas""#];
    insta::assert_snapshot!(said(ModelKind::VersionedCas, "null", &bad), @r#"event 0: `cas` with value ["x",1]; the argument of cas is [expected version, value]; version 0 is an absent key"#);
    let bad = [r#"0 "invoke","f":"add","value":"many""#, r#"0 "ok","f":"add""#];
    insta::assert_snapshot!(said(ModelKind::Counter, "0", &bad), @r#"event 0: `add` with value "many"; the amount is a whole number"#);
    let bad = [r#"0 "invoke","f":"read""#, r#"0 "ok","f":"read","value":9223372036854775808"#];
    insta::assert_snapshot!(said(ModelKind::Counter, "0", &bad), @"event 1: `read` with value 9223372036854775808; a counter holds a whole number that fits 64 bits with a sign");
    insta::assert_snapshot!(said(ModelKind::KvAppend, "null", &bad), @"event 0: the model kv-append knows no `read`; it knows get, put and append");
    insta::assert_snapshot!(said(ModelKind::VersionedCas, "3", &bad), @"the initial value 3 is no state of the model versioned-cas; an object is null or [version, value], the version below 2^32");
}

#[test]
fn an_answer_that_no_object_of_the_model_gives_is_a_violation() {
    let read = [r#"0 "invoke","f":"read""#, r#"0 "ok","f":"read","value":"many""#];
    assert_eq!(answer(&Settings::new(ModelKind::Counter, Value::Null), &read), Ok(false));
    assert_eq!(answer(&Settings::new(ModelKind::Append, Value::Null), &read), Ok(false));
    assert_eq!(answer(&Settings::new(ModelKind::VersionedCas, Value::Null), &read), Ok(false));
    assert_eq!(answer(&Settings::new(ModelKind::Register, "many".into()), &read), Ok(true));
}
