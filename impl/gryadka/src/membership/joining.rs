//! How a newcomer gets its place.

use super::{ANSWER, Driver, Epoch, MembershipError, Progress, newcomer};
use crate::document::Document;
use crate::{Acceptor, AddressError, Lost, Status};
use caspaxos::Standing;
use std::sync::Arc;

impl<A: Acceptor> Driver<'_, A> {
    /// Gives a newcomer its place: empty, and no younger than the others. `false` when the store says
    /// by now that something else is to be done.
    pub(super) async fn admit(
        &self,
        epoch: &Epoch<A>,
        document: &Document,
        id: u32,
    ) -> Result<bool, MembershipError> {
        let mut age = 0;
        for found in self.roster.ask(document.acceptors.values()).await? {
            if let Ok(Status { standing: Some(standing), .. }) = found.status
                && standing.stamp.cluster == document.cluster
            {
                age = age.max(standing.age);
            }
        }
        let stamp = document.stamp(id);
        let standing = Standing { stamp, epoch: document.epoch, age };
        let refused = |lost| newcomer(document, id, lost);
        let (acceptor, place) = self.place_of_newcomer(document, id).await.map_err(refused)?;
        if place.is_none_or(|place| place.stamp != stamp) {
            // Another driver may have come further meanwhile, and the newcomer have voted.
            if self.truth(epoch).await?.as_ref() != Some(document) {
                return Ok(false);
            }
            if let Some(place) = place {
                acceptor.retire(place.stamp, place.epoch).await.map_err(refused)?;
            }
            acceptor.wipe().await.map_err(refused)?;
            // From here on a place is given only in the memory that was wiped just now.
            if self.truth(epoch).await?.as_ref() != Some(document) {
                return Ok(false);
            }
            acceptor.admit(standing, document.bytes()).await.map_err(refused)?;
        }
        (self.watch)(Progress::Admitted(id));
        Ok(true)
    }

    /// The place that a newcomer has already, if it may have it: its own to be, or one of this
    /// cluster that nobody counts on any more.
    pub(super) async fn place_of_newcomer(
        &self,
        document: &Document,
        id: u32,
    ) -> Result<(Arc<A>, Option<Standing>), Lost> {
        let address = document.acceptors.get(&id).map_or("", String::as_str);
        let wrong = |error: AddressError| Lost::NotConnected(error.to_string());
        let acceptor = self.roster.at(address).map_err(wrong)?;
        let late = || Lost::NoAnswer(String::from("no answer in time"));
        let status = tokio::time::timeout(ANSWER, acceptor.status()).await;
        let place = status.unwrap_or_else(|_| Err(late()))?.standing;
        let free = place.is_none_or(|place| {
            let number = place.stamp.acceptor.0;
            place.stamp.cluster == document.cluster
                && (number == id || !document.acceptors.contains_key(&number))
        });
        if free { Ok((acceptor, place)) } else { Err(Lost::NotMember) }
    }
}
