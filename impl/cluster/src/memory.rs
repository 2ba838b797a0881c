//! What an acceptor remembers beside its registers, and how it answers about that: the rules that the Lua
//! scripts of Redis acceptors follow, for acceptors that are not Redis.

use crate::RequestError;
use bytes::Bytes;
use caspaxos::{AcceptorIdentity, AcceptorState, Member, RejectReason};

/// The whole memory of an acceptor.
#[derive(Debug, Clone)]
pub struct AcceptorMemory<K, V> {
    member: Member<K, V>,
    config: Bytes,
    /// The epoch of `config`.
    config_epoch: u64,
    /// It has been an acceptor of a cluster, and must be wiped before it is another one.
    retired: bool,
    /// The token of the wipe that it was made empty by, until it is admitted; 0 for none.
    wipe_token: u64,
}

/// Why an acceptor rejected a request. Nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// It is not, or no longer, the acceptor that is meant, or knows of a later epoch.
    #[error("rejected: {0:?}")]
    Identity(RejectReason),
    /// It is to be admitted, and the token of the wipe is not there: it was not wiped, or has changed since.
    #[error("it was not wiped, or has changed since the wipe")]
    NotWiped,
}

impl From<RejectReason> for Rejection {
    fn from(reason: RejectReason) -> Self {
        Self::Identity(reason)
    }
}

impl From<Rejection> for RequestError {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Identity(RejectReason::NotMember) => Self::NotMember,
            Rejection::Identity(RejectReason::Fenced(epoch)) => Self::Fenced { epoch },
            Rejection::NotWiped => Self::Refused(rejection.to_string()),
        }
    }
}

impl<K, V> Default for AcceptorMemory<K, V> {
    fn default() -> Self {
        let (member, config) = (Member::default(), Bytes::new());
        Self { member, config, config_epoch: 0, retired: false, wipe_token: 0 }
    }
}

impl<K: Ord + Clone, V: Clone> AcceptorMemory<K, V> {
    /// Its registers, and its state.
    #[must_use]
    pub const fn member(&self) -> &Member<K, V> {
        &self.member
    }

    /// The same, to answer requests about registers.
    pub const fn member_mut(&mut self) -> &mut Member<K, V> {
        &mut self.member
    }

    /// The configuration that it was notified of last; empty for none.
    #[must_use]
    pub const fn config(&self) -> &Bytes {
        &self.config
    }

    /// See [`crate::Acceptor::admit`].
    ///
    /// # Errors
    /// [`Rejection`].
    pub fn admit(
        &mut self,
        state: AcceptorState,
        config: Bytes,
        token: u64,
    ) -> Result<(), Rejection> {
        match self.member.state() {
            Some(held) if held.identity == state.identity => return Ok(()),
            Some(_) => return Err(RejectReason::NotMember.into()),
            None if self.retired || token != self.wipe_token => return Err(Rejection::NotWiped),
            None => {}
        }
        self.member.join(state)?;
        (self.config, self.config_epoch, self.wipe_token) = (config, state.epoch, 0);
        Ok(())
    }

    /// See [`crate::Acceptor::set_epoch`].
    ///
    /// # Errors
    /// [`Rejection`].
    pub fn set_epoch(
        &mut self,
        identity: AcceptorIdentity,
        epoch: u64,
        config: Bytes,
    ) -> Result<(), Rejection> {
        self.member.set_epoch(identity, epoch)?;
        // A round may have brought the epoch before its configuration came.
        if epoch >= self.config_epoch {
            (self.config, self.config_epoch) = (config, epoch);
        }
        Ok(())
    }

    /// See [`crate::Acceptor::retire`].
    ///
    /// # Errors
    /// [`Rejection`].
    pub fn retire(&mut self, identity: AcceptorIdentity, epoch: u64) -> Result<(), Rejection> {
        let Some(held) = self.member.state() else { return Ok(()) };
        if held.identity != identity {
            return Err(RejectReason::NotMember.into());
        }
        if held.epoch > epoch {
            return Err(RejectReason::Fenced(held.epoch).into());
        }
        // In epoch 0 there was no cluster yet.
        if held.epoch == 0 {
            self.config = Bytes::new();
        }
        self.member.leave();
        self.retired = true;
        Ok(())
    }

    /// See [`crate::Acceptor::erase`]. The registers go together, when the wipe is finished.
    ///
    /// # Errors
    /// [`Rejection`].
    pub fn erase<'a>(&self, keys: impl IntoIterator<Item = &'a K>) -> Result<u64, Rejection>
    where
        K: 'a,
    {
        if self.member.state().is_some() {
            return Err(RejectReason::NotMember.into());
        }
        let known = keys.into_iter().filter(|key| self.member.registers().contains_key(*key));
        Ok(known.count() as u64)
    }

    /// See [`crate::Acceptor::finish_wipe`].
    ///
    /// # Errors
    /// [`Rejection`].
    pub fn finish_wipe(&mut self, token: u64) -> Result<(), Rejection> {
        if self.member.state().is_some() {
            return Err(RejectReason::NotMember.into());
        }
        *self = Self { wipe_token: token, ..Self::default() };
        Ok(())
    }
}
