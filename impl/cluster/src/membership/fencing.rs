//! Fencing the epoch before, and what this one inherits from it beside values.

use super::{Driver, MembershipError};
use crate::cluster_config::{ClusterConfig, KEY};
use crate::{Acceptor, Clock, Head, Proposers, Reply, Request};
use caspaxos::{AcceptorId, Ballot};
use futures_util::future::join_all;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl<A: Acceptor, P: Proposers<A>, C: Clock> Driver<'_, A, P, C> {
    /// Notifies the acceptors of this epoch and of the one before of this configuration. Answers which of them
    /// have acknowledged it: they refuse all earlier epochs from now on.
    pub(super) async fn notify(
        &self,
        config: &ClusterConfig,
    ) -> Result<BTreeSet<AcceptorId>, MembershipError> {
        let acceptors = self.directory.of(config)?;
        let notify = async |(id, acceptor): (AcceptorId, Arc<A>)| {
            let notified = acceptor.set_epoch(config.identity(id.0), config.epoch, config.bytes());
            self.directory.answer(notified).await.is_ok().then_some(id)
        };
        Ok(join_all(acceptors.into_iter().map(notify)).await.into_iter().flatten().collect())
    }

    /// Notifies the acceptors of this configuration, and then asks for their states. Answers which of them refuse
    /// the earlier epochs for certain, with their promise floors: an acceptor that lost its memory on the way has
    /// lost its identity and its floor, too, and is not among them.
    pub(super) async fn fence(
        &self,
        config: &ClusterConfig,
    ) -> Result<BTreeMap<AcceptorId, u64>, MembershipError> {
        let notified = self.notify(config).await?;
        let acceptors = self.directory.of(config)?;
        let asked = acceptors.into_iter().filter(|(id, _)| notified.contains(id));
        let ask = async |(id, acceptor): (AcceptorId, Arc<A>)| {
            let state = self.directory.answer(acceptor.status()).await.ok()?.state?;
            config.is_of(id.0, state).then_some((id, state.promise_floor))
        };
        Ok(join_all(asked.map(ask)).await.into_iter().flatten().collect())
    }

    /// Raises the promise floors of this epoch's acceptors to the highest one of the epoch before, in which
    /// nothing can be collected any more: what was erased there must not be forgotten with the acceptors that
    /// leave. `false` when too few acceptors could be asked.
    pub(super) async fn raise_floors(
        &self,
        config: &ClusterConfig,
        floor: u64,
    ) -> Result<bool, MembershipError> {
        if floor == 0 {
            return Ok(true);
        }
        let configuration = config.configuration()?;
        let acceptors = self.directory.of(config)?;
        let raise = async |id: AcceptorId| {
            let head = Head { identity: config.identity(id.0), epoch: config.epoch };
            let raise = Request::Collect { tombstone: Ballot::ZERO, promise_floor: floor };
            let asked = acceptors.get(&id)?.ask(head, KEY.into(), raise);
            let reply = self.directory.answer(asked).await;
            matches!(reply, Ok(Reply::Erased(_))).then_some(id)
        };
        let raised = join_all(configuration.members().into_iter().map(raise)).await;
        let raised: BTreeSet<_> = raised.into_iter().flatten().collect();
        Ok(configuration.accept().met_by(&raised) && configuration.prepare().met_by(&raised))
    }

    /// Takes their identities away from acceptors that are no members any more. They are fenced, and no proposer
    /// asks them; but a server without an identity is recognised at once.
    pub(super) async fn decommission(
        &self,
        before: &ClusterConfig,
        after: &ClusterConfig,
    ) -> Result<(), MembershipError> {
        for (id, address) in &before.acceptors {
            if after.acceptors.contains_key(id) {
                continue;
            }
            let acceptor = self.directory.at(address)?;
            let retired = acceptor.retire(before.identity(*id), before.epoch);
            let retired = self.directory.answer(retired).await;
            tracing::debug!(acceptor = id, ?retired, "decommissioned");
        }
        Ok(())
    }
}
