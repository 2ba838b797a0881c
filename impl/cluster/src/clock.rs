//! Time, as the procedures need it.

use futures_util::future::{Either, select};
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

/// A clock: tokio's in the store, a virtual one in a simulation. Clones are the same clock.
pub trait Clock: Clone + Send + Sync + 'static {
    /// The time since some fixed instant.
    fn now(&self) -> Duration;

    /// Ends after this time.
    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send;

    /// The outcome of `future`, unless it takes longer than `limit`; then it is dropped.
    fn within<F>(
        &self,
        limit: Duration,
        future: F,
    ) -> impl Future<Output = Option<F::Output>> + Send
    where
        F: Future + Send,
        F::Output: Send,
    {
        async move {
            match select(pin!(future), pin!(self.sleep(limit))).await {
                Either::Left((output, _)) => Some(output),
                Either::Right(((), _)) => None,
            }
        }
    }
}
