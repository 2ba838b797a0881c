//! A register as a string.

use crate::VersionedValue;
use bytes::{Buf, BufMut, Bytes};
use caspaxos::{Ballot, HIGHEST_NUMBER, Lineage, Register};

/// The marks of a register: a live cell, a tombstone, nothing.
const MARKS: (u8, u8, u8) = (b'A', b'D', b'N');

/// How many bytes come before a value at most.
pub(crate) const LONGEST_HEADER: usize = 1 + 2 * 16 + 8 + 1 + 16 * Lineage::LONGEST;

pub(super) fn write_ballot(out: &mut Vec<u8>, ballot: Ballot) {
    out.put_u64(ballot.counter);
    out.put_u64(ballot.proposer.0);
}

pub(super) fn read_ballot(bytes: &mut Bytes) -> Option<Ballot> {
    Ballot::checked(bytes.try_get_u64().ok()?, bytes.try_get_u64().ok()?)
}

pub(super) fn read_number(bytes: &mut Bytes) -> Option<u64> {
    bytes.try_get_u64().ok().filter(|number| *number <= HIGHEST_NUMBER)
}

pub(super) fn write_register(
    out: &mut Vec<u8>,
    (promised, accepted): (Ballot, Ballot),
    cell: Option<&VersionedValue>,
) {
    let mark = match cell {
        Some(VersionedValue { value: Some(_), .. }) => MARKS.0,
        Some(VersionedValue { value: None, .. }) => MARKS.1,
        None => MARKS.2,
    };
    out.put_u8(mark);
    write_ballot(out, promised);
    write_ballot(out, accepted);
    let Some(cell) = cell else { return };
    out.put_u64(cell.version);
    let lineage = cell.lineage.ballots();
    out.put_u8(u8::try_from(lineage.len()).unwrap_or(u8::MAX));
    for &ballot in lineage {
        write_ballot(out, ballot);
    }
    out.put_slice(cell.value.as_deref().unwrap_or_default());
}

/// Reads a register to its end; `None` when it is not one.
pub(super) fn read_register(mut bytes: Bytes) -> Option<Register<VersionedValue>> {
    let mark = bytes.try_get_u8().ok()?;
    let promised = read_ballot(&mut bytes)?;
    let accepted = read_ballot(&mut bytes)?;
    if mark == MARKS.2 {
        return bytes.is_empty().then_some(Register { promised, accepted, value: None });
    }
    let version = read_number(&mut bytes)?;
    let ancestors = bytes.try_get_u8().ok()?;
    let lineage = (0..ancestors).map(|_| read_ballot(&mut bytes)).collect::<Option<Vec<_>>>()?;
    let value = match mark {
        _ if mark == MARKS.0 => Some(bytes),
        _ if mark == MARKS.1 && bytes.is_empty() => None,
        _ => return None,
    };
    let cell = VersionedValue { version, value, lineage: Lineage::of(lineage) };
    Some(Register { promised, accepted, value: Some(cell) })
}
