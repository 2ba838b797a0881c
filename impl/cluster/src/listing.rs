//! All keys of an acceptor.
//!
//! A listing is complete only if one and the same server process answered all its pages: Redis' `SCAN`
//! cursors mean nothing to the process after it, which draws another hash seed. So an error ends a listing,
//! and another one begins at the beginning.

use crate::{Acceptor, Cursor, Page, RequestError};
use bytes::Bytes;

/// A listing under way.
#[derive(Debug)]
pub(crate) struct Listing {
    next: Option<Cursor>,
}

impl Listing {
    /// From the beginning.
    pub(crate) fn new() -> Self {
        Self { next: Some(Cursor::default()) }
    }

    /// The keys of the next page; `None` after the last one.
    ///
    /// # Errors
    /// [`RequestError`]. What was listed before is then worth nothing for completeness.
    pub(crate) async fn next<A: Acceptor>(
        &mut self,
        acceptor: &A,
    ) -> Result<Option<Vec<Bytes>>, RequestError> {
        let Some(at) = self.next.take() else { return Ok(None) };
        let Page { keys, next } = acceptor.list(at).await?;
        self.next = next;
        Ok(Some(keys))
    }
}
