//! When a proposer looks for a later configuration than its own.
//!
//! There are two reasons. An acceptor that is in a later epoch than the proposer has fenced it: nothing
//! that it does succeeds there until it has taken the later configuration over. And an acceptor that is
//! not the one that is meant may have been replaced; or it has lost its memory, and then there is nothing
//! to find until an operator replaces it. So for the latter the proposer looks more and more rarely,
//! and for a later epoch it looks at once, however rarely it has looked before.

use crate::{Acceptor, Store};
use std::time::Duration;

/// The first wait before acceptors are asked again for a later configuration. It doubles each time.
const FIRST_RETRY_DELAY: Duration = Duration::from_millis(20);
/// The longest wait before that.
const LONGEST_RETRY_DELAY: Duration = Duration::from_secs(1);

/// The result of a look for a later configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// The store works under a later configuration now.
    Adopted,
    /// There is none that could be taken over.
    NothingNew,
    /// The store is not used any more.
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
            Look::Adopted => FIRST_RETRY_DELAY,
            Look::NothingNew => (delay * 2).clamp(FIRST_RETRY_DELAY, LONGEST_RETRY_DELAY),
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
