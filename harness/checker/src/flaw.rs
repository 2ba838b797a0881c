//! What is wrong with an answer, as far as it can be named: facts about the whole history, each of
//! which shows by itself that no object can have answered so.
//!
//! | kind | the answer shows |
//! |---|---|
//! | never written | something that no call put there; perhaps it was there before the run |
//! | aborted | something that only calls that failed tried to put there |
//! | too early | something before any call that put it there had begun |
//! | stale | something that had been replaced before; others saw the newer |
//! | lost | not what was acknowledged, though what came after that; if nothing shows which, stale or lost |
//! | came back | something that had been seen replaced before |
//! | reordered | elements in an order in which they cannot have been appended |
//! | twice | an element more often than it was appended |

use crate::ModelKind;
use crate::key_history::KeyHistory;
use crate::parse::excerpt;
use crate::words::{Words, described};
use harness_history::{Function, Operation, Outcome, Value};
use rustc_hash::{FxHashMap, FxHashSet};

/// What is wrong, as the end of a sentence about the answer.
pub(crate) struct Flaw {
    pub(crate) clause: String,
    /// The clause says all there is to say.
    pub(crate) complete: bool,
    /// An operation that failed and that the clause speaks of.
    pub(crate) failed: Option<usize>,
}

impl Flaw {
    fn complete(clause: String) -> Self {
        Self { clause, complete: true, failed: None }
    }

    fn partial(clause: String) -> Self {
        Self { clause, complete: false, failed: None }
    }
}

/// What is wrong with the answer of an operation; nothing if it is nothing that has a name.
pub(crate) fn flaw(history: &KeyHistory<'_>, answered: &Operation, words: &Words) -> Option<Flaw> {
    let seen = seen(history.model, answered)?;
    let search = Search { history, answered, words };
    match history.model {
        ModelKind::Register | ModelKind::CasRegister => {
            search.origin(seen, "wrote", "write").or_else(|| search.replaced(seen))
        }
        ModelKind::VersionedCas => search.version(seen),
        ModelKind::Append => search.list(seen.as_array()?),
        ModelKind::Counter => search.total(seen.as_i64()?),
        ModelKind::KvAppend => None,
    }
}

/// What an operation shows of the object.
fn seen(model: ModelKind, operation: &Operation) -> Option<&Value> {
    match (operation.f, operation.outcome) {
        (Function::Read | Function::Get, Outcome::Ok) => Some(&operation.output),
        (Function::Cas, Outcome::Ok) if model == ModelKind::CasRegister => operation.input.get(0),
        (Function::Cas, Outcome::Fail) => operation.output.get("observed"),
        (_, Outcome::Ok | Outcome::Fail | Outcome::Info) => None,
    }
}

/// What a change puts into the object: a value, or an element.
fn put(operation: &Operation) -> Option<&Value> {
    match operation.f {
        Function::Write | Function::Put | Function::Append => Some(&operation.input),
        Function::Cas => operation.input.get(1),
        Function::Read | Function::Get | Function::Add => None,
    }
}

struct Search<'a> {
    history: &'a KeyHistory<'a>,
    answered: &'a Operation,
    words: &'a Words,
}

impl<'a> Search<'a> {
    fn begin(&self) -> usize {
        self.answered.invoked.position
    }

    fn end(&self) -> usize {
        end(self.answered)
    }

    fn others(&self) -> impl Iterator<Item = &'a Operation> {
        let own = self.answered.invoked.position;
        let sources = self.history.sources.iter().copied();
        sources.filter(move |operation| operation.invoked.position != own)
    }

    fn writers(&self, value: &'a Value) -> impl Iterator<Item = &'a Operation> {
        self.others().filter(move |operation| put(operation) == Some(value))
    }

    fn is_initial(&self, value: &Value) -> bool {
        let KeyHistory { model, initial, space, .. } = self.history;
        described(*model, *initial, space).as_ref() == Some(value)
    }

    /// A value that cannot be there, whatever the order of the calls.
    fn origin(&self, value: &'a Value, wrote: &str, write: &str) -> Option<Flaw> {
        if self.is_initial(value) {
            return None;
        }
        let mut possible = self.writers(value).filter(|writer| writer.outcome != Outcome::Fail);
        if let Some(first) = possible.next() {
            let early = first.invoked.position > self.end()
                && possible.all(|writer| writer.invoked.position > self.end());
            let clause = format!(", before any call that {wrote} it had begun");
            return early.then(|| Flaw::complete(clause));
        }
        let mut failed = self.writers(value);
        let Some(first) = failed.next() else {
            return Some(Flaw::complete(format!(
                ", which no call {wrote}{}",
                self.before_the_run()
            )));
        };
        let clause = match failed.count() {
            0 => format!(
                ", which only process {} tried to {write}, and that call failed",
                first.process
            ),
            others => format!(
                ", which only {} calls tried to {write}, and all of them failed",
                others + 1
            ),
        };
        let position = Some(first.invoked.position);
        Some(Flaw { failed: position, ..Flaw::complete(clause) })
    }

    /// Where nothing had changed the object yet, it may have held the same before the run.
    fn before_the_run(&self) -> String {
        let changed = self.others().any(|operation| {
            let change = put(operation).is_some() && operation.outcome == Outcome::Ok;
            change && end(operation) < self.begin()
        });
        if changed || self.history.model == ModelKind::Append {
            return String::new();
        }
        let held = seen(self.history.model, self.answered).map(excerpt).unwrap_or_default();
        format!("; if the object held it before the run, say --initial '{held}'")
    }

    /// A value that was there, but not any more.
    fn replaced(&self, value: &'a Value) -> Option<Flaw> {
        let writers = self.writers(value).filter(|writer| writer.outcome != Outcome::Fail);
        // A write that nobody knows the end of may take effect at any time.
        let gone = writers.map(end).max().unwrap_or_default();
        let newer: Vec<_> = self
            .others()
            .filter(|other| other.outcome == Outcome::Ok && put(other).is_some_and(|v| v != value))
            .filter(|other| other.invoked.position >= gone && end(other) < self.begin())
            .collect();
        let values: FxHashMap<_, _> = newer.iter().map(|other| (put(other), *other)).collect();
        let mut readers = self.others().filter_map(|reader| {
            let newer = values.get(&Some(seen(self.history.model, reader)?))?;
            Some((reader, *newer))
        });
        let by =
            |newer: &Operation| format!("process {}'s {}", newer.process, self.words.call(newer));
        let first = readers.next();
        let before =
            first.into_iter().chain(readers).find(|(reader, _)| end(reader) < self.begin());
        let last = || newer.iter().max_by_key(|other| end(other));
        Some(Flaw::partial(match (before, first) {
            (Some((reader, newer)), _) => format!(
                " again: it came back, after {} had replaced it and process {} had seen that",
                by(newer),
                reader.process
            ),
            (None, Some((_, newer))) => format!(", which is stale: {} had replaced it", by(newer)),
            (None, None) => format!(
                ", which {} had replaced, and nobody ever saw that: the answer is stale, or the \
                 change is lost",
                by(last()?)
            ),
        }))
    }

    /// A version that is older than one that was known before, or a value that no call wrote.
    fn version(&self, seen: &'a Value) -> Option<Flaw> {
        let version = seen.get(0).and_then(Value::as_u64).unwrap_or_default();
        if let Some(value) = seen.get(1)
            && !self.is_initial(seen)
            && let Some(flaw) = self.origin(value, "wrote", "write")
        {
            return Some(flaw);
        }
        let known = |other: &&Operation| {
            let shown = match other.outcome {
                Outcome::Ok if other.f == Function::Read => other.output.get(0),
                Outcome::Fail => other.output.get("observed").and_then(|seen| seen.get(0)),
                Outcome::Ok | Outcome::Info => None,
            };
            let newer = shown.and_then(Value::as_u64).is_some_and(|shown| shown > version);
            newer && end(other) < self.begin()
        };
        let other = self.others().find(known)?;
        Some(Flaw::partial(format!(
            ", which is older than what process {} had seen before",
            other.process
        )))
    }

    fn list(&self, items: &'a [Value]) -> Option<Flaw> {
        if let Some(twice) = self.too_often(items) {
            return Some(Flaw::partial(format!(", with {} twice", excerpt(twice))));
        }
        let appends: Vec<_> = self.others().filter(|other| other.f == Function::Append).collect();
        let begun = |append: &&&Operation| {
            append.outcome != Outcome::Fail && append.invoked.position < self.end()
        };
        let possible: FxHashSet<_> = appends.iter().filter(begun).map(|a| &a.input).collect();
        let foreign =
            items.iter().find(|item| !possible.contains(item) && !self.is_initial_element(item));
        if let Some(item) = foreign {
            let flaw = self.origin(item, "appended", "append")?;
            return Some(Flaw {
                clause: format!(", with {}{}", excerpt(item), flaw.clause),
                ..flaw
            });
        }
        let there: FxHashSet<_> = items.iter().collect();
        let missing = appends.iter().find(|append| {
            let before = append.outcome == Outcome::Ok && end(append) < self.begin();
            before && !there.contains(&append.input)
        });
        missing
            .map(|missing| self.missing(missing, &there))
            .or_else(|| self.reordered(items, appends))
    }

    /// Two elements of which the first was appended after the second: its append began when that of
    /// the second had ended. Elements that were appended more than once tell nothing.
    fn reordered(&self, items: &'a [Value], mut appends: Vec<&'a Operation>) -> Option<Flaw> {
        let places: FxHashMap<_, _> =
            items.iter().enumerate().map(|(place, item)| (item, place)).collect();
        let mut times: FxHashMap<_, usize> = FxHashMap::default();
        for append in &appends {
            *times.entry(&append.input).or_default() += 1;
        }
        appends.retain(|append| {
            times[&append.input] == 1
                && places.contains_key(&append.input)
                && !self.is_initial_element(&append.input)
        });
        appends.sort_by_key(|append| places[&append.input]);
        let mut latest: Option<&Operation> = None;
        for append in appends {
            if let Some(earlier) = latest.filter(|earlier| end(append) < earlier.invoked.position) {
                return Some(Flaw::partial(format!(
                    ", with {} before {}, which were appended the other way round",
                    excerpt(&earlier.input),
                    excerpt(&append.input)
                )));
            }
            let later = |other: &&Operation| other.invoked.position > append.invoked.position;
            latest = latest.filter(later).or(Some(append));
        }
        None
    }

    fn is_initial_element(&self, item: &Value) -> bool {
        let KeyHistory { model, initial, space, .. } = self.history;
        let initial = described(*model, *initial, space).unwrap_or_default();
        initial.as_array().is_some_and(|items| items.contains(item))
    }

    /// An element that is there more often than it can have been appended.
    fn too_often(&self, items: &'a [Value]) -> Option<&'a Value> {
        let mut seen = FxHashSet::default();
        let twice = items.iter().find(|item| !seen.insert(*item))?;
        let appends = self.writers(twice).filter(|append| append.outcome != Outcome::Fail).count();
        (appends < 2 && !self.is_initial_element(twice)).then_some(twice)
    }

    /// An acknowledged element that is not there.
    fn missing(&self, append: &Operation, there: &FxHashSet<&Value>) -> Flaw {
        let element = excerpt(&append.input);
        let has_it = |other: &&Operation| {
            let items = seen(self.history.model, other).and_then(Value::as_array);
            items.is_some_and(|items| items.contains(&append.input))
        };
        Flaw::partial(match self.others().find(has_it) {
            Some(reader) if end(reader) < self.begin() => {
                format!(", without {element}, which process {} had seen before", reader.process)
            }
            Some(reader) => format!(
                ", without {element}: the answer is stale, process {} saw that element",
                reader.process
            ),
            None => match self.others().find(|other| {
                let newer = other.f == Function::Append && other.invoked.position > end(append);
                newer && there.contains(&other.input)
            }) {
                Some(newer) => format!(
                    ", without {element}, which is lost: {}, appended after it, is there",
                    excerpt(&newer.input)
                ),
                None => format!(
                    ", without {element}, which nobody ever saw: the answer is stale, or that append \
                     is lost"
                ),
            },
        })
    }

    fn total(&self, total: i64) -> Option<Flaw> {
        let initial = described(self.history.model, self.history.initial, &self.history.space)?;
        let (mut least, mut most) = (i128::from(initial.as_i64()?), i128::from(initial.as_i64()?));
        for other in self.others().filter(|other| other.f == Function::Add) {
            let amount = i128::from(other.input.as_i64()?);
            let certain = other.outcome == Outcome::Ok && end(other) < self.begin();
            let possible = other.outcome != Outcome::Fail && other.invoked.position < self.end();
            least += if certain || (possible && amount < 0) { amount } else { 0 };
            most += if certain || (possible && amount > 0) { amount } else { 0 };
        }
        let total = i128::from(total);
        if total < least {
            let clause =
                format!(", but what had been added before comes to {least}: something is lost");
            return Some(Flaw::complete(clause));
        }
        let clause = format!(", but all calls that did not fail add up to no more than {most}");
        (total > most).then(|| Flaw::complete(clause))
    }
}

/// Position of the event by which an operation has happened.
fn end(operation: &Operation) -> usize {
    match operation.outcome {
        Outcome::Ok | Outcome::Fail => {
            operation.completed.map_or(usize::MAX, |completed| completed.position)
        }
        Outcome::Info => usize::MAX,
    }
}
