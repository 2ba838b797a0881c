//! Making an acceptor empty, so that it may join.

use crate::{Acceptor, RequestError, listing};

/// Erases all that an acceptor holds, page by page, and leaves `token` there: the acceptor can be admitted
/// only with that token, and forgets it with the rest of its memory. Answers how many registers there were.
///
/// # Errors
/// [`RequestError`]: [`RequestError::NotMember`] when the acceptor is, or becomes meanwhile, one of a
/// cluster; otherwise a call failed, and then the wipe must begin again, because what is left
/// can be found only by a listing from the beginning.
pub async fn wipe<A: Acceptor>(acceptor: &A, token: u64) -> Result<u64, RequestError> {
    let mut erased = 0;
    let mut listing = listing::Listing::new();
    while let Some(keys) = listing.next(acceptor).await? {
        if !keys.is_empty() {
            erased += acceptor.erase(keys).await?;
        }
    }
    // The tombstone index, and what is left of a former membership, go last: until then it is not wiped.
    acceptor.finish_wipe(token).await?;
    Ok(erased)
}
