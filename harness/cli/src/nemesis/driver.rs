//! Drives a change of membership to its end, by drivers that may be killed on their way.
//!
//! A driver is a proposer of its own. When its time has come it is dropped in the middle of what it
//! does; the next one finds out from the acceptors where it stood.

use super::members::{DriveError, Members};
use crate::environment::Environment;
use gryadka::{Gryadka, Membership, MembershipEvent, MembershipOptions};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout_at};

/// The wait before another driver tries what one did not get done.
const AGAIN: Duration = Duration::from_millis(100);

/// Where a change is to lead.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Aim {
    /// The number of the acceptor that joins.
    pub(super) joins: Option<u32>,
    /// The id, in the cluster, of the one that leaves.
    pub(super) leaver: Option<u32>,
}

/// Sends the drivers.
pub(super) struct Drivers<'a> {
    pub(super) members: &'a Members,
    pub(super) environment: &'a Environment,
    pub(super) aim: Aim,
    /// The node whose links they take; none when they go past all links.
    pub(super) through: Option<u32>,
}

/// How a driver ended.
enum Life {
    Done,
    Killed(MembershipEvent),
}

impl Drivers<'_> {
    /// Sends one driver after the other until the change is made, and tells of them. False when the
    /// time is over before.
    pub(super) async fn drive(&self, deaths: &[u32], until: Instant) -> (bool, Vec<String>) {
        let (mut deaths, mut sentences) = (deaths.iter().copied(), Vec::new());
        let mut failure = String::from("drivers were killed until the end");
        while Instant::now() < until {
            let dies = deaths.next();
            match timeout_at(until, self.one_driver(dies, until)).await {
                Ok(Ok(Life::Done)) => return (true, sentences),
                Ok(Ok(Life::Killed(last))) => {
                    sentences.push(format!("a driver was killed when {}", words(&last)));
                }
                Ok(Err(error)) => {
                    failure = error.to_string();
                    sleep(AGAIN).await;
                }
                Err(_) => failure = String::from("a driver did not come to an end"),
            }
        }
        sentences.push(format!("not made in time: {failure}"));
        (false, sentences)
    }

    /// A driver that is killed after so many parts, or lives until it is done.
    async fn one_driver(&self, dies: Option<u32>, until: Instant) -> Result<Life, DriveError> {
        let store = self.members.connect(self.environment, self.through).await?;
        let (parts, dead) = (Mutex::new(Vec::new()), Notify::new());
        let watch = |progress: MembershipEvent| {
            let mut parts = parts.lock().unwrap_or_else(PoisonError::into_inner);
            parts.push(progress);
            if u32::try_from(parts.len()).ok() == dies {
                dead.notify_one();
            }
        };
        tokio::select! {
            biased;
            () = dead.notified() => {}
            done = self.make(&store, until, &watch) => return done.map(|()| Life::Done),
        }
        let last = parts.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Ok(last.map_or(Life::Done, Life::Killed))
    }

    /// What a driver does: whatever was begun, and then what is left.
    async fn make(
        &self,
        store: &Gryadka,
        until: Instant,
        watch: &(dyn Fn(MembershipEvent) + Send + Sync),
    ) -> Result<(), DriveError> {
        let options = MembershipOptions { deadline: until };
        let present = store.change_membership(Membership::Resume, options, watch).await?;
        let there = |id: &u32| present.members().contains(id);
        let joins = self.aim.joins.map(|newcomer| self.environment.url(newcomer));
        let what = match (joins, self.aim.leaver.filter(there)) {
            (Some(new), Some(old)) => Membership::Replace { old, new },
            (None, Some(old)) => Membership::Shrink(vec![old]),
            (Some(new), None)
                if present.members().iter().any(|id| present.acceptors.get(id) == Some(&new)) =>
            {
                return Ok(());
            }
            (Some(new), None) => Membership::Grow(vec![new]),
            (None, None) => return Ok(()),
        };
        store.change_membership(what, options, watch).await?;
        Ok(())
    }
}

fn words(progress: &MembershipEvent) -> String {
    match progress {
        MembershipEvent::Announced(wanted) => format!("the aim {wanted:?} was announced"),
        MembershipEvent::Admitted(id) => format!("acceptor {id} was admitted"),
        MembershipEvent::Decided(epoch) => format!("epoch {epoch} was decided"),
        MembershipEvent::Fenced(epoch) => format!("the epoch before {epoch} was fenced"),
        MembershipEvent::Rescanned { epoch, keys } => {
            format!("{keys} keys were rescanned in epoch {epoch}")
        }
        MembershipEvent::RescanComplete(epoch) => format!("epoch {epoch} was settled"),
    }
}
