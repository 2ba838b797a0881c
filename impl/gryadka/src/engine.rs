//! The engine: every machine of the protocol under way, what they ask of acceptors, and what comes back.
//!
//! All of it is one state behind one lock, which is held for a step of the pure machines and no
//! longer: requests go to the clients' queues, and callers are told after it is released.

mod hosted;
#[cfg(test)]
mod tests;

use crate::Acceptor;
use crate::acceptor_client::{Completed, ReplyHandler};
use crate::pending_change::PendingChange;
use crate::store::Options;
use crate::{Reply, RequestError};
use bytes::Bytes;
use caspaxos::{AcceptorId, CollectionOutcome, Configuration, ProposerId, ReadOutcome};
use hosted::{Afterwards, Event, State};
pub(crate) use hosted::{Place, Tag};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::oneshot::{self, error::RecvError};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

/// Shared by everyone who uses the store. `A` is one acceptor.
pub(crate) struct Engine<A> {
    state: Mutex<State<A>>,
    born: Instant,
    this: Weak<Self>,
    /// Where timers run, also for a caller who is dropped somewhere else.
    runtime: Handle,
    /// The latest epoch that an acceptor was heard to be in.
    fenced: watch::Sender<u64>,
    /// An acceptor was heard to be another than the one that is meant.
    unknown_acceptor: Notify,
    me: ProposerId,
    /// How often an acceptor has named another proposer's ballot as an obstacle.
    conflicts: AtomicU64,
}

impl<A: Acceptor> Engine<A> {
    pub(crate) fn start(options: Options, acceptors: BTreeMap<AcceptorId, Arc<A>>) -> Arc<Self> {
        let (me, runtime) = (options.proposer, Handle::current());
        Arc::new_cyclic(|this| Self {
            state: Mutex::new(State::new(options, (this, &runtime), acceptors)),
            born: Instant::now(),
            this: Weak::clone(this),
            runtime,
            fenced: watch::channel(0).0,
            unknown_acceptor: Notify::new(),
            me,
            conflicts: AtomicU64::new(0),
        })
    }

    /// Works under a later configuration from now on, with these acceptors. An earlier one, or the
    /// same, changes nothing.
    pub(crate) fn reconfigure(
        &self,
        configuration: Configuration,
        acceptors: BTreeMap<AcceptorId, Arc<A>>,
    ) -> bool {
        let shared = &mut self.lock().shared;
        let later = shared.proposer.reconfigure(configuration);
        if later {
            shared.employ(acceptors);
        }
        later
    }

    pub(crate) fn configuration(&self) -> Configuration {
        self.lock().shared.proposer.configuration().clone()
    }

    /// The latest epoch that an acceptor was heard to be in.
    pub(crate) fn fenced(&self) -> watch::Receiver<u64> {
        self.fenced.subscribe()
    }

    /// Waits until an acceptor is heard to be another than the one that is meant.
    pub(crate) async fn unknown_acceptor(&self) {
        self.unknown_acceptor.notified().await;
    }

    /// How often an acceptor has named another proposer's ballot as an obstacle.
    pub(crate) fn conflicts(&self) -> u64 {
        self.conflicts.load(Ordering::Relaxed)
    }

    /// Takes up a change of a key, which ends at its deadline at the latest.
    pub(crate) fn submit(&self, key: &Bytes, change: PendingChange, deadline: Instant) {
        let deadline = self.nanos(deadline);
        self.step(|state, now, after| state.submit(key, now, (change, deadline), after));
    }

    /// Starts to collect a key. Where changes of it are under way, nothing is tried.
    pub(crate) fn collect(
        &self,
        key: &Bytes,
        deadline: Instant,
    ) -> oneshot::Receiver<CollectionOutcome> {
        let (caller, answer) = oneshot::channel();
        let deadline = self.nanos(deadline);
        self.step(|state, now, after| state.collect(key, now, (caller, deadline), after));
        answer
    }

    /// Starts a quorum read.
    pub(crate) fn read(
        &self,
        key: &Bytes,
        deadline: Instant,
    ) -> (Place, oneshot::Receiver<ReadOutcome<Bytes>>) {
        let (caller, answer) = oneshot::channel();
        let deadline = self.nanos(deadline);
        let place = self.step(|state, now, after| state.read(key, now, (caller, deadline), after));
        (place, answer)
    }

    /// Waits for the answer of a machine that was given this deadline. The caller need not be polled on the
    /// engine's runtime.
    pub(crate) async fn answer<T>(
        &self,
        place: Place,
        deadline: Instant,
        mut answer: oneshot::Receiver<T>,
    ) -> Result<T, RecvError> {
        let mut guard = DeadlineGuard { engine: self, place, deadline: Some(deadline) };
        let over = {
            let _entered = self.runtime.enter();
            tokio::time::sleep_until(deadline)
        };
        let answered = tokio::select! {
            biased;
            answered = &mut answer => Some(answered),
            () = over => None,
        };
        let answered = match answered {
            Some(answered) => answered,
            None => {
                self.on_time(&guard.place);
                // The machine has said how it ended; the timer's clock is not ahead of the engine's.
                answer.await
            }
        };
        guard.deadline = None;
        answered
    }

    /// Lets a machine do what is due.
    fn on_time(&self, place: &Place) {
        self.step(|state, now, after| state.handle(place, now, Event::Time, after));
    }

    /// The same at a later time, for a caller who will not be there.
    fn on_time_at(&self, place: Place, at: Instant) {
        let this = Weak::clone(&self.this);
        self.runtime.spawn(async move {
            tokio::time::sleep_until(at).await;
            if let Some(engine) = this.upgrade() {
                engine.on_time(&place);
            }
        });
    }

    /// Takes a step under the lock, and then does what remains.
    fn step<T>(&self, step: impl FnOnce(&mut State<A>, u64, &mut Afterwards) -> T) -> T {
        let mut after = Afterwards::default();
        let now = self.nanos(Instant::now());
        let result = step(&mut self.lock(), now, &mut after);
        self.finish(after);
        result
    }

    fn finish(&self, after: Afterwards) {
        for (place, at) in after.alarms {
            self.on_time_at(place, self.born + Duration::from_nanos(at));
        }
        after.answers.into_iter().for_each(hosted::Answer::give);
    }

    /// Notes what a result says of the cluster.
    fn listen(&self, result: &Result<Reply, RequestError>) {
        match result {
            Err(RequestError::Fenced { epoch }) => {
                self.fenced.send_if_modified(|known| {
                    let later = *epoch > *known;
                    *known = (*known).max(*epoch);
                    later
                });
            }
            Err(RequestError::NotMember) => self.unknown_acceptor.notify_one(),
            Ok(Reply::Conflict(held) | Reply::Refused(held))
                if held.promised.proposer != self.me =>
            {
                self.conflicts.fetch_add(1, Ordering::Relaxed);
            }
            Ok(_)
            | Err(
                RequestError::NotConnected(_)
                | RequestError::Refused(_)
                | RequestError::NoAnswer(_),
            ) => {}
        }
    }

    fn nanos(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.born).as_nanos()).unwrap_or(u64::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, State<A>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<A: Acceptor> ReplyHandler<Tag> for Weak<Engine<A>> {
    fn take(&self, completed: Vec<Completed<Tag>>) {
        let Some(engine) = self.upgrade() else { return };
        let mut after = Afterwards::default();
        let now = engine.nanos(Instant::now());
        let mut state = engine.lock();
        for Completed { tag: Tag { place, id }, result } in completed {
            engine.listen(&result);
            // A bug that the step of one key runs into must not cost the others their answers.
            let step = AssertUnwindSafe(|| {
                state.handle(&place, now, Event::Completed(id, result), &mut after);
            });
            if catch_unwind(step).is_err() {
                tracing::error!("a step of the protocol has panicked: this is a bug");
            }
        }
        drop(state);
        engine.finish(after);
    }
}

/// Lets a machine end at its deadline when its caller has dropped the future.
struct DeadlineGuard<'a, A: Acceptor> {
    engine: &'a Engine<A>,
    place: Place,
    deadline: Option<Instant>,
}

impl<A: Acceptor> Drop for DeadlineGuard<'_, A> {
    fn drop(&mut self) {
        if let Some(deadline) = self.deadline {
            self.engine.on_time_at(self.place.clone(), deadline);
        }
    }
}
