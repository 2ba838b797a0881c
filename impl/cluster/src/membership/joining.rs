//! How an acceptor joins.

use super::{Driver, Epoch, MembershipError, MembershipEvent};
use crate::cluster_config::ClusterConfig;
use crate::{Acceptor, Clock, Proposers, RequestError, Status, wipe};
use caspaxos::AcceptorState;
use std::sync::Arc;

impl<A: Acceptor, P: Proposers<A>, C: Clock> Driver<'_, A, P, C> {
    /// Makes a joining acceptor one of the cluster, empty. `false` when the configuration in the store is
    /// another one by now.
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
            // Another driver may have come further meanwhile, and the acceptor may have voted.
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

    /// The state of a joining acceptor, if it may join: none, that of the acceptor that it is to be, or that
    /// of one of this cluster that is no member any more.
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

/// The reason of [`MembershipError::JoinFailed`], for people.
pub(super) fn why_not_joined(address: &str, error: &RequestError) -> String {
    match error {
        RequestError::NotMember => format!(
            "it is an acceptor of another cluster; if it has left that one, `gryadka cluster release {address}` frees it"
        ),
        RequestError::NotConnected(_)
        | RequestError::Refused(_)
        | RequestError::NoAnswer(_)
        | RequestError::Fenced { .. } => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acceptor_of_another_cluster_cannot_join_and_the_error_says_how_to_free_it() {
        let failed = |error| {
            let address = String::from("redis://a:6379");
            MembershipError::JoinFailed { id: 4, address, error }.to_string()
        };
        insta::assert_snapshot!(failed(RequestError::NotMember), @"acceptor 4 at redis://a:6379 cannot join: it is an acceptor of another cluster; if it has left that one, `gryadka cluster release redis://a:6379` frees it");
        insta::assert_snapshot!(failed(RequestError::NotConnected(String::from("refused"))), @"acceptor 4 at redis://a:6379 cannot join: no connection: refused");
    }
}
