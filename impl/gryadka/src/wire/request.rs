//! A request as a string.

use super::register::{
    LONGEST_HEADER, read_ballot, read_number, read_register, write_ballot, write_register,
};
use crate::Request;
use bytes::{Buf, BufMut, Bytes};

/// About how many bytes a request takes.
pub(crate) fn size_hint(request: &Request) -> usize {
    let cell = match request {
        Request::Accept { value, .. } => value.as_ref(),
        Request::Prepare { .. } | Request::Read | Request::Collect { .. } => None,
    };
    let value = cell.and_then(|cell| cell.value.as_ref()).map_or(0, Bytes::len);
    value + if cell.is_some() { LONGEST_HEADER } else { 40 }
}

/// Appends a request.
pub(crate) fn write_request(out: &mut Vec<u8>, request: &Request) {
    match request {
        Request::Prepare { ballot } => {
            out.put_u8(b'P');
            write_ballot(out, *ballot);
        }
        Request::Accept { ballot, value, promise } => {
            write_register(out, (*promise.max(ballot), *ballot), value.as_ref());
        }
        Request::Read => out.put_u8(b'R'),
        Request::Collect { tombstone, promise_floor } => {
            out.put_u8(b'C');
            write_ballot(out, *tombstone);
            out.put_u64(*promise_floor);
        }
    }
}

/// Reads a request; `None` when it is not one.
pub(crate) fn parse_request(mut bytes: Bytes) -> Option<Request> {
    if matches!(bytes.first()?, b'A' | b'D' | b'N') {
        let register = read_register(bytes)?;
        let (ballot, promise) = (register.accepted, register.promised);
        return Some(Request::Accept { ballot, value: register.value, promise });
    }
    let request = match bytes.get_u8() {
        b'P' => Request::Prepare { ballot: read_ballot(&mut bytes)? },
        b'R' => Request::Read,
        b'C' => {
            let tombstone = read_ballot(&mut bytes)?;
            Request::Collect { tombstone, promise_floor: read_number(&mut bytes)? }
        }
        _ => return None,
    };
    bytes.is_empty().then_some(request)
}
