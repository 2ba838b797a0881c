//! How an acceptor joins.

use super::{Driver, Epoch, MembershipError, MembershipEvent};
use crate::cluster_config::ClusterConfig;
use crate::{Acceptor, Clock, Proposers, RequestError, Status, wipe};
use caspaxos::AcceptorState;
use std::sync::Arc;

impl<A: Acceptor, P: Proposers<A>, C: Clock> Driver<'_, A, P, C> {
    /// Makes a joining acceptor one of the cluster, empty. `false` when the store says by now that something
    /// else is to be done.
    pub(super) async fn admit(
        &self,
        epoch: &Epoch<P::Registers>,
        config: &ClusterConfig,
        id: u32,
    ) -> Result<bool, MembershipError> {
        let identity = config.identity(id);
        let refused = |error| join_failed(config, id, error);
        let (acceptor, state) = self.state_of_joining(config, id).await?;
        if state.is_none_or(|state| state.identity != identity) {
            // Another driver may have come further meanwhile, and the acceptor have voted.
            if self.truth(epoch).await?.as_ref() != Some(config) {
                return Ok(false);
            }
            if let Some(state) = state {
                acceptor.retire(state.identity, state.epoch).await.map_err(refused)?;
            }
            let token = self.proposers.token();
            wipe(&*acceptor, token).await.map_err(refused)?;
            // From here on it is admitted only in the memory that was wiped just now.
            if self.truth(epoch).await?.as_ref() != Some(config) {
                return Ok(false);
            }
            // It inherits the others' promise floor when the epoch before is fenced; until then every quorum
            // has acceptors of that epoch in it.
            let state = AcceptorState { identity, epoch: config.epoch, promise_floor: 0 };
            acceptor.admit(state, config.bytes(), token).await.map_err(refused)?;
        }
        (self.watch)(MembershipEvent::Admitted(id));
        Ok(true)
    }

    /// What a joining acceptor is already, if it may join: the one that it is to be, or one of this
    /// cluster that is no member any more.
    pub(super) async fn state_of_joining(
        &self,
        config: &ClusterConfig,
        id: u32,
    ) -> Result<(Arc<A>, Option<AcceptorState>), MembershipError> {
        let refused = |error| join_failed(config, id, error);
        let acceptor = self.directory.at(config.acceptors.get(&id).map_or("", String::as_str))?;
        let status = self.directory.answer(acceptor.status()).await;
        let Status { state, .. } = status.map_err(refused)?;
        let free = state.is_none_or(|state| {
            let number = state.identity.acceptor.0;
            state.identity.cluster == config.cluster
                && (number == id || !config.acceptors.contains_key(&number))
        });
        if free { Ok((acceptor, state)) } else { Err(refused(RequestError::NotMember)) }
    }
}

fn join_failed(config: &ClusterConfig, id: u32, error: RequestError) -> MembershipError {
    let address = config.acceptors.get(&id).cloned().unwrap_or_default();
    MembershipError::JoinFailed { id, address, error }
}
