//! When a proposer looks for a later configuration than its own.
//!
//! There are two reasons. An acceptor that is in a later epoch than the proposer has fenced it: nothing
//! that it does succeeds there until it has taken the later configuration over. And an acceptor that is
//! not the one that is meant may have been replaced; or it has lost its memory, and then there is nothing
//! to find until an operator replaces it. So for the latter the proposer looks more and more rarely,
//! and for a later epoch it looks at once, however rarely it has looked before.

use crate::{Acceptor, Store};
use std::time::Duration;

/// The waits before acceptors are asked again for a later configuration: the first, and the longest.
const RETRY_DELAY: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// What a look for a later configuration has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// The store works under a later configuration now.
    Adopted,
    /// There is none that could be taken over.
    NothingNew,
    /// Nobody uses the store any more.
    Over,
}

/// Looks for a later configuration whenever there is reason to, as long as the store is used.
pub(crate) async fn follow<A: Acceptor, F: Future<Output = Look>>(
    store: Store<A>,
    mut look: impl FnMut() -> F,
) {
    let mut fenced = store.fenced();
    let mut delay = Duration::ZERO;
    loop {
        if store.configuration().epoch() >= *fenced.borrow_and_update() {
            tokio::select! {
                changed = fenced.changed() => if changed.is_err() { return },
                () = store.unknown_acceptor() => {}
            }
        }
        delay = match look().await {
            Look::Adopted => RETRY_DELAY.0,
            Look::NothingNew => (delay * 2).clamp(RETRY_DELAY.0, RETRY_DELAY.1),
            Look::Over => return,
        };
        match tokio::time::timeout(delay, fenced.changed()).await {
            Ok(Ok(())) => delay = Duration::ZERO,
            Ok(Err(_)) => return,
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
