//! `gryadka get`, `set`, `cas` and `delete`: one call of the store, straight to the acceptors.

use super::{options, print};
use crate::args::{CasArgs, DeleteArgs, GetArgs, SetArgs, StoreArgs, ValueArgs};
use crate::exit::{CommandOutcome, Failure};
use gryadka::{Bytes, CasAnswer, Expected, Gryadka, Versioned};
use serde::Serialize;
use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use tokio::time::Instant;

/// The longest key, in bytes.
const LONGEST_KEY_BYTES: usize = 1024;

pub(crate) async fn get(args: GetArgs) -> Result<CommandOutcome, Failure> {
    let key = key(&args.key)?;
    let (gryadka, deadline) = store(&args.store).await?;
    let Some(present) = gryadka.get(key, deadline).await? else {
        return absent(args.json);
    };
    if args.json {
        print::json(&Found::of(&present))?;
        return Ok(CommandOutcome::Done);
    }
    io::stdout().write_all(&present.value).map_err(Failure::io("stdout"))?;
    note(present.version)
}

pub(crate) async fn set(args: SetArgs) -> Result<CommandOutcome, Failure> {
    let (key, value) = (key(&args.key)?, value(args.value)?);
    let (gryadka, deadline) = store(&args.store).await?;
    let version = gryadka.set(key, value, deadline).await?;
    written(version, args.json)
}

pub(crate) async fn cas(args: CasArgs) -> Result<CommandOutcome, Failure> {
    let (key, value) = (key(&args.key)?, value(args.value)?);
    let expected = args.expected.version.map_or(Expected::Absent, Expected::Version);
    let (gryadka, deadline) = store(&args.store).await?;
    let answer = gryadka.compare_and_set(key, expected, value, deadline).await?;
    conclude(answer, args.json)
}

pub(crate) async fn delete(args: DeleteArgs) -> Result<CommandOutcome, Failure> {
    let key = key(&args.key)?;
    let expected = args.version.map_or(Expected::Anything, Expected::Version);
    let (gryadka, deadline) = store(&args.store).await?;
    conclude(gryadka.delete(key, expected, deadline).await?, args.json)
}

async fn store(args: &StoreArgs) -> Result<(Gryadka, Instant), Failure> {
    Ok((Gryadka::connect(options(&args.place)?).await?, Instant::now() + args.timeout))
}

fn key(key: &OsStr) -> Result<&[u8], Failure> {
    let key = key.as_bytes();
    if (1..=LONGEST_KEY_BYTES).contains(&key.len()) {
        return Ok(key);
    }
    Err(Failure::Usage(format!(
        "the key has {} bytes; keys have 1 to {LONGEST_KEY_BYTES}",
        key.len()
    )))
}

fn value(args: ValueArgs) -> Result<Bytes, Failure> {
    match (args.file, args.value) {
        (Some(path), _) => {
            let what = format!("cannot read {}", path.display());
            std::fs::read(path).map(Bytes::from).map_err(Failure::io(what))
        }
        (None, Some(value)) if value == "-" => {
            let mut bytes = Vec::new();
            io::stdin().read_to_end(&mut bytes).map_err(Failure::io("stdin"))?;
            Ok(bytes.into())
        }
        (None, value) => Ok(value.unwrap_or_default().into_vec().into()),
    }
}

/// A value as JSON: text where it is UTF-8, hexadecimal digits otherwise.
#[derive(Serialize)]
struct Found {
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hex: Option<String>,
}

impl Found {
    fn of(present: &Versioned) -> Self {
        let value = String::from_utf8(present.value.to_vec()).ok();
        let digits = || present.value.iter().map(|byte| format!("{byte:02x}")).collect();
        let hex = value.is_none().then(digits);
        Self { version: present.version, value, hex }
    }
}

#[derive(Serialize)]
struct Version {
    version: Option<u64>,
}

fn absent(json: bool) -> Result<CommandOutcome, Failure> {
    if json {
        print::json(&Version { version: None })?;
    } else {
        print::note("the key has no value")?;
    }
    Ok(CommandOutcome::Mismatch)
}

fn written(version: u64, json: bool) -> Result<CommandOutcome, Failure> {
    if json {
        print::json(&Version { version: Some(version) })?;
        return Ok(CommandOutcome::Done);
    }
    note(version)
}

fn conclude(answer: CasAnswer, json: bool) -> Result<CommandOutcome, Failure> {
    match answer {
        CasAnswer::Set(version) => written(version, json),
        CasAnswer::Mismatch(None) => absent(json),
        CasAnswer::Mismatch(Some(present)) => {
            if json {
                print::json(&Version { version: Some(present.version) })?;
            } else {
                print::note(&format!("the value has version {}", present.version))?;
            }
            Ok(CommandOutcome::Mismatch)
        }
    }
}

fn note(version: u64) -> Result<CommandOutcome, Failure> {
    print::note(&format!("version {version}"))?;
    Ok(CommandOutcome::Done)
}
