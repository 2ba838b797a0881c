//! How a joining gets its place.

use super::{ANSWER_TIMEOUT, Driver, Epoch, MembershipError, MembershipEvent, joining};
use crate::cluster_config::ClusterConfig;
use crate::{Acceptor, AddressError, RequestError, Status};
use caspaxos::AcceptorState;
use std::sync::Arc;

impl<A: Acceptor> Driver<'_, A> {
    /// Gives a joining its place: empty, and no younger than the others. `false` when the store says
    /// by now that something else is to be done.
    pub(super) async fn admit(
        &self,
        epoch: &Epoch<A>,
        config: &ClusterConfig,
        id: u32,
    ) -> Result<bool, MembershipError> {
        let mut promise_floor = 0;
        for found in self.directory.ask(config.acceptors.values()).await? {
            if let Ok(Status { state: Some(state), .. }) = found.status
                && state.identity.cluster == config.cluster
            {
                promise_floor = promise_floor.max(state.promise_floor);
            }
        }
        let identity = config.identity(id);
        let state = AcceptorState { identity, epoch: config.epoch, promise_floor };
        let refused = |lost| joining(config, id, lost);
        let (acceptor, place) = self.state_of_joining(config, id).await.map_err(refused)?;
        if place.is_none_or(|place| place.identity != identity) {
            // Another driver may have come further meanwhile, and the joining have voted.
            if self.truth(epoch).await?.as_ref() != Some(config) {
                return Ok(false);
            }
            if let Some(place) = place {
                acceptor.retire(place.identity, place.epoch).await.map_err(refused)?;
            }
            acceptor.wipe().await.map_err(refused)?;
            // From here on a place is given only in the memory that was wiped just now.
            if self.truth(epoch).await?.as_ref() != Some(config) {
                return Ok(false);
            }
            acceptor.admit(state, config.bytes()).await.map_err(refused)?;
        }
        (self.watch)(MembershipEvent::Admitted(id));
        Ok(true)
    }

    /// The place that a joining has already, if it may have it: its own to be, or one of this
    /// cluster that nobody counts on any more.
    pub(super) async fn state_of_joining(
        &self,
        config: &ClusterConfig,
        id: u32,
    ) -> Result<(Arc<A>, Option<AcceptorState>), RequestError> {
        let address = config.acceptors.get(&id).map_or("", String::as_str);
        let wrong = |error: AddressError| RequestError::NotConnected(error.to_string());
        let acceptor = self.directory.at(address).map_err(wrong)?;
        let late = || RequestError::NoAnswer(String::from("no answer in time"));
        let status = tokio::time::timeout(ANSWER_TIMEOUT, acceptor.status()).await;
        let place = status.unwrap_or_else(|_| Err(late()))?.state;
        let free = place.is_none_or(|place| {
            let number = place.identity.acceptor.0;
            place.identity.cluster == config.cluster
                && (number == id || !config.acceptors.contains_key(&number))
        });
        if free { Ok((acceptor, place)) } else { Err(RequestError::NotMember) }
    }
}
