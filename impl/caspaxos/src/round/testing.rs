//! What a round must doubt over a transport that may repeat requests.

use super::{Phase, Round};
use crate::{AcceptorId, Ballots};

impl<V> Round<V> {
    /// A refusal may answer the second copy of a request whose first copy was accepted. Only an acceptor that
    /// has accepted nothing at or above the ballot proves that it refused.
    pub(super) fn suspect_repetition(&mut self, from: AcceptorId, held: Ballots) {
        if let Phase::Accepting(accept) = &mut self.phase
            && self.repeats
            && held.accepted >= self.ballot
        {
            accept.unsure.insert(from);
        }
    }
}
