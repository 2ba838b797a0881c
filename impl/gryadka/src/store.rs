//! A change from its caller to its outcome: rounds, their requests, and retries.

use crate::key_locks::KeyLocks;
use crate::{Acceptor, ChangeError, Lost};
use bytes::Bytes;
use caspaxos::{
    AcceptorId, Configuration, End, Outcome, Progress, Proposer, ProposerId, Reply, Request, Round,
    Stage, Step, Why,
};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg32;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// The waits between tries of one change: the first, and the longest. Each is drawn between zero
/// and its bound, which doubles ("full jitter").
const BACKOFF: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(100));

/// The least time that the other replies are waited for after a conflict.
const CONFLICT_PATIENCE: Duration = Duration::from_millis(5);

/// How a store is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Names this life of this proposer: never used before by anyone in the cluster.
    pub proposer: ProposerId,
    /// Whose votes count.
    pub configuration: Configuration,
    /// How many keys are remembered to save them a round trip; 0 for none.
    pub cache: usize,
    /// Other rules than the protocol's own: for the gallery of mutants.
    #[cfg(feature = "mutants")]
    pub rules: Option<Arc<dyn caspaxos::Rules>>,
}

impl Options {
    /// A proposer with a cache of 10,000 keys.
    #[must_use]
    pub const fn new(proposer: ProposerId, configuration: Configuration) -> Self {
        Self {
            proposer,
            configuration,
            cache: 10_000,
            #[cfg(feature = "mutants")]
            rules: None,
        }
    }
}

/// A proposer over its acceptors: the store as one process sees it. Share it freely.
#[derive(Debug)]
pub struct Store<A> {
    acceptors: BTreeMap<AcceptorId, Arc<A>>,
    proposer: Mutex<Proposer<Bytes, Bytes>>,
    locks: KeyLocks,
    jitter: Mutex<Pcg32>,
}

/// The reply to a request of one phase, or that there will be none.
type Answer = (AcceptorId, Result<Reply<Bytes>, Lost>);

/// The requests of one phase under way. Each phase has a channel of its own, so that what comes
/// late from the one before finds nobody.
struct Phase {
    stage: Stage,
    began: Instant,
    answers: mpsc::UnboundedReceiver<Answer>,
}

impl Phase {
    fn none() -> Self {
        let answers = mpsc::unbounded_channel().1;
        Self { stage: Stage::Prepare, began: Instant::now(), answers }
    }

    /// How long the other replies are worth waiting for once one of them was a conflict. One that
    /// is much later than the conflict comes from an acceptor that is down or far, and to wait
    /// for it would let a single silent acceptor hold up every contended key.
    fn after_conflict(&self, deadline: Instant) -> (Instant, Why) {
        let wait = (self.began.elapsed() * 4).max(CONFLICT_PATIENCE);
        let until = Instant::now() + wait;
        if until < deadline { (until, Why::Conflict) } else { (deadline, Why::Deadline) }
    }
}

impl<A: Acceptor> Store<A> {
    /// A store over these acceptors. An acceptor that the configuration names and that is missing
    /// here counts as unreachable.
    #[must_use]
    pub fn new(options: Options, acceptors: BTreeMap<AcceptorId, Arc<A>>) -> Self {
        let proposer = Proposer::new(options.proposer, options.configuration, options.cache);
        #[cfg(feature = "mutants")]
        let proposer = match options.rules {
            Some(rules) => proposer.with_rules(rules),
            None => proposer,
        };
        let jitter = Pcg32::seed_from_u64(options.proposer.0);
        Self {
            acceptors,
            proposer: Mutex::new(proposer),
            locks: KeyLocks::default(),
            jitter: Mutex::new(jitter),
        }
    }

    /// Applies `f` to the register's present value and commits what it makes of it. `f` may run
    /// several times, but at most one of its results takes effect.
    ///
    /// # Errors
    /// [`ChangeError::NotApplied`] when nothing has happened nor will; [`ChangeError::Unknown`] when
    /// that cannot be told. A change whose `f` only ever answers [`Step::Keep`] is never unknown.
    pub async fn change<T, F>(&self, key: &[u8], f: F, deadline: Instant) -> Result<T, ChangeError>
    where
        T: Clone + Send,
        F: Fn(Option<&Bytes>) -> Step<Bytes, T> + Send + Sync,
    {
        let key = Bytes::copy_from_slice(key);
        let Ok(_guard) = tokio::time::timeout_at(deadline, self.locks.lock(&key)).await else {
            return Err(ChangeError::NotApplied(Why::Deadline));
        };
        let mut bound = BACKOFF.0;
        loop {
            let end = self.round(&key, &f, deadline).await;
            self.proposer().finish(key.clone(), &end);
            let why = match end.outcome {
                Outcome::Committed(answer) => return Ok(answer),
                Outcome::Unknown(why) => return Err(ChangeError::Unknown(why)),
                Outcome::NotApplied(why) => why,
            };
            let wait = self.draw(bound);
            if why == Why::Deadline || Instant::now() + wait >= deadline {
                return Err(ChangeError::NotApplied(why));
            }
            tokio::time::sleep(wait).await;
            bound = (bound * 2).min(BACKOFF.1);
        }
    }

    /// One round, from its ballot to its end.
    async fn round<T, F>(&self, key: &Bytes, f: &F, deadline: Instant) -> End<Bytes, T>
    where
        T: Clone + Send,
        F: Fn(Option<&Bytes>) -> Step<Bytes, T>,
    {
        let (mut round, mut progress): (Round<Bytes, T>, _) = self.proposer().begin(key);
        let mut phase = Phase::none();
        let mut patience = (deadline, Why::Deadline);
        loop {
            progress = match progress {
                Progress::Over(end) => return end,
                Progress::Decide(present) => round.decide(f(present.as_ref())),
                Progress::Send(requests) => {
                    phase = self.send(key, requests);
                    patience = (deadline, Why::Deadline);
                    Progress::Wait
                }
                Progress::Wait => {
                    match tokio::time::timeout_at(patience.0, phase.answers.recv()).await {
                        Ok(Some((from, Ok(reply)))) => {
                            if matches!(reply, Reply::Conflict(_) | Reply::Refused(_)) {
                                patience = phase.after_conflict(deadline);
                            }
                            let ballot = round.ballot();
                            round.on_reply(from, ballot, reply)
                        }
                        Ok(Some((from, Err(lost)))) => {
                            tracing::trace!(acceptor = from.0, %lost);
                            round.on_lost(from, phase.stage, lost.delivered())
                        }
                        Ok(None) | Err(_) => {
                            round.give_up(patience.1).map_or(Progress::Wait, Progress::Over)
                        }
                    }
                }
            };
        }
    }

    /// Sends a phase's requests. They go on without the round: an acceptor that the quorum did not
    /// wait for is to hear of the value too.
    fn send(&self, key: &Bytes, requests: Vec<(AcceptorId, Request<Bytes>)>) -> Phase {
        let (answer, answers) = mpsc::unbounded_channel();
        let stage = requests.first().map_or(Stage::Prepare, |(_, request)| request.stage());
        for (id, request) in requests {
            let Some(acceptor) = self.acceptors.get(&id).cloned() else {
                let missing = Lost::NotConnected(String::from("no such acceptor here"));
                forward(&answer, id, Err(missing));
                continue;
            };
            let (answer, key) = (answer.clone(), key.clone());
            tokio::spawn(async move {
                let call = tokio::time::timeout(STRAGGLER, acceptor.call(key, request));
                let late = || Lost::NoAnswer(String::from("no reply in time"));
                let result = call.await.unwrap_or_else(|_| Err(late()));
                forward(&answer, id, result);
            });
        }
        Phase { stage, began: Instant::now(), answers }
    }

    fn draw(&self, bound: Duration) -> Duration {
        let mut jitter = self.jitter.lock().unwrap_or_else(PoisonError::into_inner);
        jitter.random_range(Duration::ZERO..=bound)
    }

    fn proposer(&self) -> MutexGuard<'_, Proposer<Bytes, Bytes>> {
        self.proposer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a request is followed when its round has no more use for the reply, or waits that long.
const STRAGGLER: Duration = Duration::from_secs(30);

/// A round that is over has dropped its end of the channel, which is no concern of the sender's.
fn forward(
    answers: &mpsc::UnboundedSender<Answer>,
    from: AcceptorId,
    result: Result<Reply<Bytes>, Lost>,
) {
    drop(answers.send((from, result)));
}
