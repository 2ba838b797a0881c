//! An acceptor of its own, for where there is no Redis: the pure rules behind commands.
//!
//! `EXECUTE`, `ADMIT`, `SET_EPOCH`, `RETIRE` and `WIPE` take the keys and arguments of the scripts of the
//! same names (`scripts/`) and answer like them; `SCAN`, `SSCAN`, `INFO` and `PING` are as in
//! Redis, but list in order; `STATUS` answers the identity, the epoch, the promise floor and the configuration.

use crate::wire::{self, Answer, FENCED, NOT_MEMBER, NOT_WIPED};
use bytes::Bytes;
use caspaxos::{AcceptorIdentity, AcceptorState, Faithful, HIGHEST_NUMBER, RejectReason};
use gryadka_cluster::{AcceptorMemory, Rejection};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What an acceptor has promised and accepted. It outlives the server, so that one may be stopped and started
/// again as if it had kept everything on disk.
#[derive(Debug, Clone, Default)]
pub struct NativeRegisters(Arc<Mutex<Memory>>);

#[derive(Debug, Default)]
struct Memory(AcceptorMemory<Bytes, Bytes>);

/// Something as it is put into Redis' framing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum RespValue {
    Status(&'static str),
    Error(String),
    Number(u64),
    Nil,
    Text(Bytes),
    Array(Vec<Self>),
}

/// A command that cannot be understood.
struct Malformed;

impl NativeRegisters {
    /// How many registers are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.memory().0.member().registers().len()
    }

    /// Whether no register is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Executes a command.
    pub(crate) fn execute(&self, command: &[Bytes]) -> RespValue {
        let Some((name, arguments)) = command.split_first() else {
            return RespValue::Error(String::from("ERR empty command"));
        };
        let mut memory = self.memory();
        let answer = match name.to_ascii_uppercase().as_slice() {
            b"PING" => Ok(RespValue::Status("PONG")),
            // Clients introduce themselves, which is of no interest here.
            b"CLIENT" => Ok(RespValue::Status("OK")),
            b"INFO" => Ok(RespValue::Text(memory.info().into())),
            b"STATUS" => Ok(memory.status()),
            b"EXECUTE" => memory.step(arguments),
            b"ADMIT" => memory.admit(arguments),
            b"SET_EPOCH" => memory.set_epoch(arguments),
            b"RETIRE" => memory.retire(arguments),
            b"WIPE" => memory.wipe(arguments),
            b"SCAN" => page(arguments, |after| {
                let registers = memory.0.member().registers();
                registers.range((after, Bound::Unbounded)).map(|(key, _)| key.clone())
            }),
            b"SSCAN" => {
                page(arguments.get(1..).unwrap_or_default(), |after| memory.tombstones(after))
            }
            _ => return RespValue::Error(String::from("ERR unknown command")),
        };
        answer.unwrap_or_else(|Malformed| RespValue::Error(String::from("ERR wrong arguments")))
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn step(&mut self, arguments: &[Bytes]) -> Result<RespValue, Malformed> {
        let (keys, arguments) = split(arguments)?;
        let (head, requests) = arguments.split_at_checked(2).ok_or(Malformed)?;
        if keys.len() != requests.len() {
            return Err(Malformed);
        }
        let identity = identity(head.first())?;
        let epoch = number(head.get(1))?;
        // Nothing is executed of a call that is not understood as a whole.
        let requests = requests.iter().map(|text| wire::parse_request(text.clone()));
        let requests = requests.collect::<Option<Vec<_>>>().ok_or(Malformed)?;
        let mut replies = Vec::with_capacity(keys.len());
        for (key, request) in keys.iter().zip(requests) {
            match self.0.member_mut().handle(&Faithful, (identity, epoch), key, request) {
                Ok(reply) => replies.push(wire::answer(&reply)),
                Err(reason) => return Ok(rejected(reason.into())),
            }
        }
        Ok(RespValue::Array(replies.into_iter().map(RespValue::from).collect()))
    }

    /// The keys of registers that hold no value, without their prefix.
    fn tombstones(&self, after: Bound<Bytes>) -> impl Iterator<Item = Bytes> {
        let marked = |key: Bytes| Bytes::from([&b"="[..], &key].concat());
        let registers = self.0.member().registers().range((after.map(marked), Bound::Unbounded));
        let dead = registers.filter(|(_, register)| {
            register.value.as_ref().is_none_or(|cell| cell.value.is_none())
        });
        dead.map(|(key, _)| key.slice(1..))
    }

    fn admit(&mut self, arguments: &[Bytes]) -> Result<RespValue, Malformed> {
        let (_, arguments) = split(arguments)?;
        let identity = identity(arguments.first())?;
        let (epoch, promise_floor) = (number(arguments.get(1))?, number(arguments.get(2))?);
        let config = arguments.get(3).ok_or(Malformed)?;
        let token = number(arguments.get(4))?;
        let state = AcceptorState { identity, epoch, promise_floor };
        Ok(done(self.0.admit(state, config.clone(), token)))
    }

    fn set_epoch(&mut self, arguments: &[Bytes]) -> Result<RespValue, Malformed> {
        let (_, arguments) = split(arguments)?;
        let (identity, epoch) = (identity(arguments.first())?, number(arguments.get(1))?);
        let config = arguments.get(2).ok_or(Malformed)?;
        Ok(done(self.0.set_epoch(identity, epoch, config.clone())))
    }

    fn retire(&mut self, arguments: &[Bytes]) -> Result<RespValue, Malformed> {
        let (_, arguments) = split(arguments)?;
        let (identity, epoch) = (identity(arguments.first())?, number(arguments.get(1))?);
        Ok(done(self.0.retire(identity, epoch)))
    }

    /// The registers go together, with the call that names none.
    fn wipe(&mut self, arguments: &[Bytes]) -> Result<RespValue, Malformed> {
        let (keys, arguments) = split(arguments)?;
        Ok(if keys.is_empty() {
            let wiped = self.0.finish_wipe(number(arguments.first())?);
            wiped.map_or_else(rejected, |()| RespValue::Number(0))
        } else {
            self.0.erase(keys).map_or_else(rejected, RespValue::Number)
        })
    }

    fn status(&self) -> RespValue {
        let text = |text: String| RespValue::Text(text.into());
        let items =
            self.0.member().state().map(|AcceptorState { identity, epoch, promise_floor }| {
                [
                    text(wire::identity(identity)),
                    text(epoch.to_string()),
                    text(promise_floor.to_string()),
                ]
            });
        let mut items =
            items.map_or_else(|| vec![RespValue::Nil, RespValue::Nil, RespValue::Nil], Vec::from);
        items.push(RespValue::Text(self.0.config().clone()));
        RespValue::Array(items)
    }

    fn info(&self) -> String {
        let registers = self.0.member().registers().len();
        format!("server:gryadka-native\r\nregisters:{registers}\r\n")
    }
}

impl From<Answer> for RespValue {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Nil => Self::Nil,
            Answer::Number(number) => Self::Number(number),
            Answer::Text(text) => Self::Text(text.into()),
            Answer::Array(items) => Self::Array(items.into_iter().map(Self::from).collect()),
        }
    }
}

fn done(result: Result<(), Rejection>) -> RespValue {
    result.map_or_else(rejected, |()| RespValue::Number(1))
}

fn rejected(rejection: Rejection) -> RespValue {
    RespValue::Error(match rejection {
        Rejection::Identity(RejectReason::NotMember) => {
            format!("{NOT_MEMBER} not the acceptor that is meant")
        }
        Rejection::Identity(RejectReason::Fenced(epoch)) => format!("{FENCED} {epoch}"),
        Rejection::NotWiped => format!("{NOT_WIPED} {rejection}"),
    })
}

/// The keys of registers, and the other arguments, of `count key… argument…`. The first two keys,
/// the state's and the hints', mean nothing here.
fn split(arguments: &[Bytes]) -> Result<(&[Bytes], &[Bytes]), Malformed> {
    let (count, rest) = arguments.split_first().ok_or(Malformed)?;
    let count = usize::try_from(number(Some(count))?).map_err(|_| Malformed)?;
    let (keys, arguments) = rest.split_at_checked(count).ok_or(Malformed)?;
    Ok((keys.get(2..).ok_or(Malformed)?, arguments))
}

fn number(text: Option<&Bytes>) -> Result<u64, Malformed> {
    let number = text.and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
    number.filter(|number| *number <= HIGHEST_NUMBER).ok_or(Malformed)
}

fn identity(text: Option<&Bytes>) -> Result<AcceptorIdentity, Malformed> {
    text.and_then(|text| wire::parse_identity(std::str::from_utf8(text).ok()?)).ok_or(Malformed)
}

/// A page of keys after the cursor, of `cursor … COUNT count`. The cursor is the last key that was
/// named, after a mark that keeps it apart from the zero that begins and ends a listing.
fn page<I: Iterator<Item = Bytes>>(
    arguments: &[Bytes],
    list: impl FnOnce(Bound<Bytes>) -> I,
) -> Result<RespValue, Malformed> {
    let after = match arguments.first().ok_or(Malformed)?.split_first() {
        Some((b'>', key)) => Bound::Excluded(Bytes::copy_from_slice(key)),
        Some((b'0', [])) => Bound::Unbounded,
        Some(_) | None => return Err(Malformed),
    };
    let count = usize::try_from(number(arguments.get(2))?).map_err(|_| Malformed)?;
    let keys: Vec<_> = list(after).take(count.max(1)).collect();
    let next = match keys.last() {
        Some(last) if keys.len() == count => [b">", last.as_ref()].concat().into(),
        Some(_) | None => Bytes::from_static(b"0"),
    };
    Ok(RespValue::Array(vec![
        RespValue::Text(next),
        RespValue::Array(keys.into_iter().map(RespValue::Text).collect()),
    ]))
}
