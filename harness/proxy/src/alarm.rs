//! Waking up at an instant, more exactly than Tokio's timer, which ticks once a millisecond and
//! rounds up: a delay of 20 ms would be one of 21.5.

use std::collections::BTreeMap;
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Instant;

/// The clock of all alarms, with a thread of its own from the first alarm on.
static CLOCK: LazyLock<Clock> = LazyLock::new(Clock::start);

/// Wakes a task at an instant.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    due: Option<Instant>,
    /// Under which it is on the clock.
    key: Option<Key>,
}

type Key = (Instant, u64);

#[derive(Debug)]
struct Clock {
    alarms: Mutex<Alarms>,
    /// Told when another alarm is the first to ring.
    sooner: Condvar,
    /// Whether there is a thread to ring. Where the system gives none, Tokio's timer does it.
    ticking: bool,
}

#[derive(Debug, Default)]
struct Alarms {
    wakers: BTreeMap<Key, Waker>,
    set: u64,
}

impl Alarm {
    /// Sets it to another instant, or to none.
    pub(crate) fn set(&mut self, due: Option<Instant>) {
        if self.due != due {
            self.unset();
            self.due = due;
        }
    }

    /// Whether its instant is there; otherwise the task is woken when it is.
    pub(crate) fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        let Some(due) = self.due else { return Poll::Pending };
        if Instant::now() >= due {
            self.unset();
            return Poll::Ready(());
        }
        self.key = Some(CLOCK.set(self.key, due, cx.waker()));
        Poll::Pending
    }

    fn unset(&mut self) {
        if let Some(key) = self.key.take() {
            CLOCK.lock().wakers.remove(&key);
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.unset();
    }
}

impl Clock {
    fn start() -> Self {
        let started = thread::Builder::new().name("link alarms".to_owned()).spawn(|| CLOCK.tick());
        if let Err(error) = &started {
            tracing::warn!(%error, "delays are up to 2 ms longer for want of a thread");
        }
        Self { alarms: Mutex::default(), sooner: Condvar::new(), ticking: started.is_ok() }
    }

    /// Sets an alarm, or keeps it up. Returns its key.
    fn set(&self, key: Option<Key>, due: Instant, waker: &Waker) -> Key {
        let mut alarms = self.lock();
        if let Some(key) = key
            && let Some(known) = alarms.wakers.get_mut(&key)
        {
            known.clone_from(waker);
            return key;
        }
        alarms.set += 1;
        let key = (due, alarms.set);
        alarms.wakers.insert(key, waker.clone());
        let first = alarms.wakers.first_key_value().is_some_and(|(first, _)| *first == key);
        drop(alarms);
        if !self.ticking {
            let waker = waker.clone();
            tokio::spawn(async move {
                tokio::time::sleep_until(due.into()).await;
                waker.wake();
            });
        } else if first {
            self.sooner.notify_one();
        }
        key
    }

    /// Rings, for ever.
    fn tick(&self) {
        let mut alarms = self.lock();
        loop {
            let now = Instant::now();
            let mut ringing = Vec::new();
            while let Some(first) = alarms.wakers.first_entry()
                && first.key().0 <= now
            {
                ringing.push(first.remove());
            }
            if !ringing.is_empty() {
                drop(alarms);
                ringing.into_iter().for_each(Waker::wake);
                alarms = self.lock();
                continue;
            }
            let first = alarms.wakers.first_key_value().map(|((due, _), _)| *due);
            alarms = match first {
                Some(due) => {
                    let woken = self.sooner.wait_timeout(alarms, due - now);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.sooner.wait(alarms).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, Alarms> {
        self.alarms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::time::Duration;

    const MS: Duration = Duration::from_millis(1);

    async fn ring(alarm: &mut Alarm, due: Instant) {
        alarm.set(Some(due));
        poll_fn(|cx| alarm.poll(cx)).await;
    }

    #[tokio::test]
    async fn rings_not_before_its_instant_and_as_often_as_it_is_set() {
        let mut alarm = Alarm::default();
        for wait in [5 * MS, Duration::ZERO, 2 * MS] {
            let due = Instant::now() + wait;
            ring(&mut alarm, due).await;
            assert!(Instant::now() >= due);
        }
    }

    #[tokio::test]
    async fn a_sooner_alarm_does_not_wait_for_a_later_one() {
        let mut later = Alarm::default();
        later.set(Some(Instant::now() + Duration::from_secs(3600)));
        let mut sooner = Alarm::default();
        let task = Context::from_waker(Waker::noop());
        assert_eq!(later.poll(&task), Poll::Pending);
        ring(&mut sooner, Instant::now() + MS).await;
        later.set(Some(Instant::now()));
        assert_eq!(later.poll(&task), Poll::Ready(()));
    }

    #[tokio::test]
    async fn an_alarm_that_is_gone_leaves_nothing_behind() {
        let due = Instant::now() + Duration::from_secs(1234);
        let mut alarm = Alarm::default();
        alarm.set(Some(due));
        assert_eq!(alarm.poll(&Context::from_waker(Waker::noop())), Poll::Pending);
        let there = || CLOCK.lock().wakers.keys().any(|(other, _)| *other == due);
        assert!(there());
        drop(alarm);
        assert!(!there());
    }
}
