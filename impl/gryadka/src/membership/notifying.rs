//! What acceptors are told during a step.

use super::{ANSWER_TIMEOUT, Driver, MembershipError};
use crate::cluster_config::{self, ClusterConfig};
use crate::{Acceptor, Head, Reply, Request};
use caspaxos::{AcceptorId, Ballot, Configuration};
use futures_util::future::join_all;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl<A: Acceptor> Driver<'_, A> {
    /// Tells the acceptors until nobody can get anything done under `fenced` who has not heard of this
    /// config. Answers who has.
    pub(super) async fn fence(
        &self,
        config: &ClusterConfig,
        fenced: &Configuration,
    ) -> Result<BTreeSet<AcceptorId>, MembershipError> {
        loop {
            let told = self.set_epoch(config).await?;
            if fenced.is_blocked_by(&told) {
                return Ok(told);
            }
            self.wait().await?;
        }
    }

    /// The highest promise_floor of these acceptors, however long it takes until all of them have said.
    async fn highest_floor(
        &self,
        config: &ClusterConfig,
        told: &BTreeSet<AcceptorId>,
    ) -> Result<u64, MembershipError> {
        let asked = |(id, _): &(&u32, &String)| told.contains(&AcceptorId(**id));
        let asked = config.acceptors.iter().filter(asked).map(|(_, address)| address);
        let asked: Vec<&String> = asked.collect();
        loop {
            let found = self.directory.ask(asked.iter().copied()).await?;
            let states = found.into_iter().map(|found| found.status.map(|it| it.state));
            if let Ok(states) = states.collect::<Result<Vec<_>, _>>() {
                let promise_floors = states.into_iter().flatten().map(|state| state.promise_floor);
                return Ok(promise_floors.max().unwrap_or_default());
            }
            self.wait().await?;
        }
    }

    /// Makes the acceptors of this epoch as old as those of the one before are. Newcomers were given
    /// an promise_floor when they joined, but collections went on until the epoch before was fenced; now no
    /// more can.
    pub(super) async fn promise_floor(
        &self,
        config: &ClusterConfig,
        told: &BTreeSet<AcceptorId>,
    ) -> Result<(), MembershipError> {
        let configuration = config.configuration()?;
        let oldest = self.highest_floor(config, told).await?;
        let acceptors = self.directory.of(config)?;
        loop {
            let raise = async |id: AcceptorId| {
                let head = Head { identity: config.identity(id.0), epoch: config.epoch };
                let grow = Request::Collect { tombstone: Ballot::ZERO, promise_floor: oldest };
                let asked = acceptors.get(&id)?.ask(head, cluster_config::KEY.into(), grow);
                let reply = tokio::time::timeout(ANSWER_TIMEOUT, asked).await.ok()?;
                matches!(reply, Ok(Reply::Collected(_))).then_some(id)
            };
            let members = configuration.members().into_iter().map(raise);
            let raised_floor: BTreeSet<_> = join_all(members).await.into_iter().flatten().collect();
            if configuration.accept().met_by(&raised_floor)
                && configuration.prepare().met_by(&raised_floor)
            {
                return Ok(());
            }
            self.wait().await?;
        }
    }

    /// Tells the acceptors of this epoch and the one before of it. Answers who has heard.
    pub(super) async fn set_epoch(
        &self,
        config: &ClusterConfig,
    ) -> Result<BTreeSet<AcceptorId>, MembershipError> {
        let acceptors = self.directory.of(config)?;
        let tell = async |(id, acceptor): (AcceptorId, Arc<A>)| {
            let told = acceptor.set_epoch(config.identity(id.0), config.epoch, config.bytes());
            matches!(tokio::time::timeout(ANSWER_TIMEOUT, told).await, Ok(Ok(()))).then_some(id)
        };
        Ok(join_all(acceptors.into_iter().map(tell)).await.into_iter().flatten().collect())
    }

    /// Takes the place away from those who are not needed any more. It is a courtesy: they are
    /// fenced, and nobody asks them.
    pub(super) async fn decommission(
        &self,
        before: &ClusterConfig,
        after: &ClusterConfig,
    ) -> Result<(), MembershipError> {
        let gone: BTreeMap<_, _> =
            (before.acceptors.iter()).filter(|(id, _)| !after.acceptors.contains_key(id)).collect();
        for (id, address) in gone {
            let acceptor = self.directory.at(address)?;
            let left = tokio::time::timeout(
                ANSWER_TIMEOUT,
                acceptor.retire(before.identity(*id), before.epoch),
            )
            .await;
            tracing::debug!(acceptor = id, ?left, "decommissioned");
        }
        Ok(())
    }
}
