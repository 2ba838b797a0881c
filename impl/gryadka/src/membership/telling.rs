//! What acceptors are told during a step.

use super::{ANSWER, Driver, MembershipError};
use crate::document::{self, Document};
use crate::{Acceptor, Head, Reply, Request};
use caspaxos::{AcceptorId, Ballot, Configuration};
use futures_util::future::join_all;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl<A: Acceptor> Driver<'_, A> {
    /// Tells the acceptors until nobody can get anything done under `sealed` who has not heard of this
    /// document. Answers who has.
    pub(super) async fn seal(
        &self,
        document: &Document,
        sealed: &Configuration,
    ) -> Result<BTreeSet<AcceptorId>, MembershipError> {
        loop {
            let told = self.tell(document).await?;
            if sealed.is_blocked_by(&told) {
                return Ok(told);
            }
            self.wait().await?;
        }
    }

    /// The highest age of these acceptors, however long it takes until all of them have said.
    async fn oldest(
        &self,
        document: &Document,
        told: &BTreeSet<AcceptorId>,
    ) -> Result<u64, MembershipError> {
        let asked = |(id, _): &(&u32, &String)| told.contains(&AcceptorId(**id));
        let asked = document.acceptors.iter().filter(asked).map(|(_, address)| address);
        let asked: Vec<&String> = asked.collect();
        loop {
            let found = self.roster.ask(asked.iter().copied()).await?;
            let standings = found.into_iter().map(|found| found.status.map(|it| it.standing));
            if let Ok(standings) = standings.collect::<Result<Vec<_>, _>>() {
                let ages = standings.into_iter().flatten().map(|standing| standing.age);
                return Ok(ages.max().unwrap_or_default());
            }
            self.wait().await?;
        }
    }

    /// Makes the acceptors of this epoch as old as those of the one before are. Newcomers were given
    /// an age when they joined, but collections went on until the epoch before was sealed; now no
    /// more can.
    pub(super) async fn age(
        &self,
        document: &Document,
        told: &BTreeSet<AcceptorId>,
    ) -> Result<(), MembershipError> {
        let configuration = document.configuration()?;
        let oldest = self.oldest(document, told).await?;
        let acceptors = self.roster.of(document)?;
        loop {
            let raise = async |id: AcceptorId| {
                let head = Head { stamp: document.stamp(id.0), epoch: document.epoch };
                let grow = Request::Collect { tombstone: Ballot::ZERO, age: oldest };
                let asked = acceptors.get(&id)?.ask(head, document::KEY.into(), grow);
                let reply = tokio::time::timeout(ANSWER, asked).await.ok()?;
                matches!(reply, Ok(Reply::Collected(_))).then_some(id)
            };
            let members = configuration.members().into_iter().map(raise);
            let aged: BTreeSet<_> = join_all(members).await.into_iter().flatten().collect();
            if configuration.accept().met_by(&aged) && configuration.prepare().met_by(&aged) {
                return Ok(());
            }
            self.wait().await?;
        }
    }

    /// Tells the acceptors of this epoch and the one before of it. Answers who has heard.
    pub(super) async fn tell(
        &self,
        document: &Document,
    ) -> Result<BTreeSet<AcceptorId>, MembershipError> {
        let acceptors = self.roster.of(document)?;
        let tell = async |(id, acceptor): (AcceptorId, Arc<A>)| {
            let told = acceptor.tell(document.stamp(id.0), document.epoch, document.bytes());
            matches!(tokio::time::timeout(ANSWER, told).await, Ok(Ok(()))).then_some(id)
        };
        Ok(join_all(acceptors.into_iter().map(tell)).await.into_iter().flatten().collect())
    }

    /// Takes the place away from those who are not needed any more. It is a courtesy: they are
    /// fenced, and nobody asks them.
    pub(super) async fn dismiss(
        &self,
        before: &Document,
        after: &Document,
    ) -> Result<(), MembershipError> {
        let gone: BTreeMap<_, _> =
            (before.acceptors.iter()).filter(|(id, _)| !after.acceptors.contains_key(id)).collect();
        for (id, address) in gone {
            let acceptor = self.roster.at(address)?;
            let left =
                tokio::time::timeout(ANSWER, acceptor.retire(before.stamp(*id), before.epoch))
                    .await;
            tracing::debug!(acceptor = id, ?left, "dismissed");
        }
        Ok(())
    }
}
