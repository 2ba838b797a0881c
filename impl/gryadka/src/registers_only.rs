//! Acceptors for tests that answer requests about registers, and are asked for nothing else.

use crate::{
    Acceptor, AcceptorIdentity, AcceptorState, Bytes, Cursor, Head, Page, Reply, Request,
    RequestError, Status,
};

/// How the acceptor of a test answers a call: see [`Acceptor::call`].
pub(crate) trait Answers: Send + Sync + 'static {
    fn answer(
        &self,
        head: Head,
        requests: Vec<(Bytes, Request)>,
    ) -> impl Future<Output = Vec<Result<Reply, RequestError>>> + Send;
}

/// An acceptor that answers so. Its administration panics.
pub(crate) struct RegistersOnly<T>(pub(crate) T);

impl<T: Answers> Acceptor for RegistersOnly<T> {
    async fn call(
        &self,
        head: Head,
        requests: Vec<(Bytes, Request)>,
    ) -> Vec<Result<Reply, RequestError>> {
        self.0.answer(head, requests).await
    }
    async fn status(&self) -> Result<Status, RequestError> {
        unreachable!()
    }
    async fn admit(&self, _: AcceptorState, _: Bytes, _: u64) -> Result<(), RequestError> {
        unreachable!()
    }
    async fn set_epoch(&self, _: AcceptorIdentity, _: u64, _: Bytes) -> Result<(), RequestError> {
        unreachable!()
    }
    async fn retire(&self, _: AcceptorIdentity, _: u64) -> Result<(), RequestError> {
        unreachable!()
    }
    async fn erase(&self, _: Vec<Bytes>) -> Result<u64, RequestError> {
        unreachable!()
    }
    async fn finish_wipe(&self, _: u64) -> Result<(), RequestError> {
        unreachable!()
    }
    async fn list(&self, _: Cursor) -> Result<Page, RequestError> {
        unreachable!()
    }
    async fn tombstones(&self, _: Cursor) -> Result<Page, RequestError> {
        unreachable!()
    }
}
