//! Events as Jepsen writes them.

use crate::{Event, Kind};
use serde_json::Value;
use std::fmt::Write;

/// One event, in one line without its newline.
pub(crate) fn event(event: &Event) -> String {
    let kind = match event.kind {
        Kind::Invoke => "invoke",
        Kind::Ok => "ok",
        Kind::Fail => "fail",
        Kind::Info => "info",
    };
    let mut text = format!(
        "{{:index {}, :time {}, :type :{kind}, :process {}, :f :{}",
        event.index, event.time, event.process, event.f
    );
    if let Some(key) = &event.key {
        text += ", :key ";
        string(key, &mut text);
    }
    text += ", :value ";
    write_value(&event.value, &mut text);
    if let Some(error) = &event.error {
        text += ", :error ";
        write_value(error, &mut text);
    }
    text + "}"
}

fn write_value(value: &Value, text: &mut String) {
    match value {
        Value::Null => *text += "nil",
        Value::Bool(bool) => *text += if *bool { "true" } else { "false" },
        Value::Number(number) => *text += &number.to_string(),
        Value::String(content) => string(content, text),
        Value::Array(items) => {
            text.push('[');
            for (number, item) in items.iter().enumerate() {
                text.push_str(if number == 0 { "" } else { " " });
                write_value(item, text);
            }
            text.push(']');
        }
        Value::Object(fields) => {
            text.push('{');
            for (number, (name, item)) in fields.iter().enumerate() {
                text.push_str(if number == 0 { "" } else { ", " });
                string(name, text);
                text.push(' ');
                write_value(item, text);
            }
            text.push('}');
        }
    }
}

fn string(content: &str, text: &mut String) {
    text.push('"');
    for character in content.chars() {
        match character {
            '"' => *text += "\\\"",
            '\\' => *text += "\\\\",
            '\n' => *text += "\\n",
            '\r' => *text += "\\r",
            '\t' => *text += "\\t",
            control if control.is_control() => {
                let mut units = [0; 2];
                for unit in control.encode_utf16(&mut units) {
                    // Writing to a string cannot fail.
                    write!(text, "\\u{unit:04x}").unwrap_or_default();
                }
            }
            other => text.push(other),
        }
    }
    text.push('"');
}
