//! In which order the events of a file happened.

use crate::record::Numbered;
use crate::{Event, HistoryError};
use std::collections::BTreeMap;

/// An event as it was read, and the line that it begins in.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) read: Numbered,
    pub(crate) line: usize,
    /// How many events stand before it in the file, those of the nemesis included.
    pub(crate) number: u64,
}

/// The events by their index; where none has one, as they stand in the file.
///
/// # Errors
/// [`HistoryError::Unordered`] when only some have an index, or two have the same, and
/// [`HistoryError::KeyOfTwoKinds`].
pub(crate) fn ordered(mut placed: Vec<Placed>) -> Result<Vec<Event>, HistoryError> {
    let numbered = placed.iter().filter(|placed| placed.read.numbered).count();
    if numbered == 0 {
        for placed in &mut placed {
            placed.read.event.index = placed.number;
        }
    } else if let Some(other) = placed.iter().find(|placed| !placed.read.numbered) {
        return Err(HistoryError::Unordered {
            line: other.line,
            reason: String::from("it has no index, but others have"),
        });
    }
    let index = |placed: &Placed| placed.read.event.index;
    if !placed.is_sorted_by_key(index) {
        placed.sort_by_key(index);
    }
    if let Some(pair) = placed.windows(2).find(|pair| index(&pair[0]) == index(&pair[1])) {
        return Err(HistoryError::Unordered {
            line: pair[1].line,
            reason: format!("it has the index {}, as line {} has", index(&pair[1]), pair[0].line),
        });
    }
    keys_are_of_one_kind(&placed)?;
    Ok(placed.into_iter().map(|placed| placed.read.event).collect())
}

/// The keys 1 and "1" are two objects in the file, and would be one here.
fn keys_are_of_one_kind(placed: &[Placed]) -> Result<(), HistoryError> {
    let mut kinds: BTreeMap<&str, bool> = BTreeMap::new();
    if !placed.iter().any(|placed| placed.read.numeric_key) {
        return Ok(());
    }
    for Placed { read, .. } in placed {
        let Some(key) = read.event.key.as_deref() else { continue };
        if *kinds.entry(key).or_insert(read.numeric_key) != read.numeric_key {
            return Err(HistoryError::KeyOfTwoKinds {
                event: read.event.index,
                key: key.to_owned(),
            });
        }
    }
    Ok(())
}
