//! Histories that a user names: files, or stdin; one, several, or several parts of one.

use crate::args::HistoryArgs;
use crate::exit::Failure;
use harness_history::{History, HistoryError, Reading, split_tuples};
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

/// A history and its name.
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) history: History,
}

/// Reads everything that the user names, before anything is done with it.
///
/// # Errors
/// What cannot be read, is not understood, or cannot be put in order.
pub(crate) fn read(args: &HistoryArgs) -> Result<Vec<Named>, Failure> {
    let stdin = Path::new("-");
    if args.histories.iter().filter(|path| *path == stdin).count() > 1 {
        return Err(Failure::usage("stdin (-) can be read only once"));
    }
    let reading = Reading { ignored: args.ignore_field.clone() };
    let mut named = Vec::with_capacity(args.histories.len());
    for path in &args.histories {
        let (name, read) = if path == stdin {
            (String::from("stdin"), reading.history(io::stdin().lock(), Path::new("stdin")))
        } else {
            (path.display().to_string(), reading.file(path))
        };
        let history = read.map_err(|error| failure(&name, &error))?;
        named.push(Named { name, history });
    }
    if named.len() > 1 {
        named = if args.merge { vec![merged(named)?] } else { apart(named)? };
    }
    if args.independent {
        for Named { name, history } in &mut named {
            split_tuples(&mut history.events).map_err(|error| failure(name, &error))?;
        }
    }
    Ok(named)
}

/// What is wrong with a history; what cannot be read names its file by itself.
pub(crate) fn failure(name: &str, error: &HistoryError) -> Failure {
    if matches!(error, HistoryError::Io { .. }) {
        return Failure::usage(error);
    }
    Failure::usage(format!("{name}: {error}"))
}

/// Histories that are to be judged each by itself. Logs of clients of one run look like that too,
/// but have indexes that come only once in all of them.
fn apart(named: Vec<Named>) -> Result<Vec<Named>, Failure> {
    let mut seen = BTreeSet::new();
    let mut indexes = named.iter().flat_map(|one| &one.history.events).map(|event| event.index);
    let events: usize = named.iter().map(|one| one.history.events.len()).sum();
    let filled = named.iter().filter(|one| !one.history.events.is_empty()).count();
    if filled > 1 && events > 1 && indexes.all(|index| seen.insert(index)) {
        return Err(Failure::usage(
            "no index is in two of these files: they look like parts of one history. \
             Say --merge if they are; else check them one by one",
        ));
    }
    Ok(named)
}

/// The parts of one history, ordered by their indexes.
fn merged(parts: Vec<Named>) -> Result<Named, Failure> {
    let name = parts.iter().map(|part| part.name.as_str()).collect::<Vec<_>>().join(" + ");
    let mut whole = History { header: None, events: Vec::new(), torn: None };
    let mut placed = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        if let (Some(header), Some(other)) = (&part.history.header, &whole.header)
            && header != other
        {
            return Err(Failure::usage(format!(
                "{}: its header is another than the first",
                part.name
            )));
        }
        if let Some(torn) = &part.history.torn {
            // A torn part lacks events that others go on without.
            return Err(Failure::usage(format!(
                "{}: {torn}; parts of a history must be whole",
                part.name
            )));
        }
        whole.header = whole.header.or_else(|| part.history.header.clone());
        placed.extend(part.history.events.iter().map(|event| (event.index, number)));
        whole.events.extend(part.history.events.iter().cloned());
    }
    placed.sort_unstable();
    if let Some(pair) = placed.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(Failure::usage(format!(
            "the index {} is in {} and in {}; parts of one history number their events together",
            pair[0].0, parts[pair[0].1].name, parts[pair[1].1].name
        )));
    }
    whole.events.sort_by_key(|event| event.index);
    Ok(Named { name, history: whole })
}
