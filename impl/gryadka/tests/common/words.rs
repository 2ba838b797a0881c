//! Requests and replies as text.
//!
//! Ballots are written `counter.proposer`, identities `cluster/acceptor`; a value is `version=value`,
//! a tombstone `version=`, and `-` is a register that holds nothing.

use gryadka::{
    Acceptor, AcceptorId, AcceptorIdentity, AcceptorState, Ballot, Bytes, Cursor, Head, Lineage,
    Page, ProposerId, Reply, Request, RequestError, VersionedValue, wipe,
};

/// The token of every wipe here.
pub(crate) const TOKEN: u64 = 9;

pub(crate) fn ballot(text: &str) -> Ballot {
    let (counter, proposer) = text.split_once('.').unwrap();
    Ballot { counter: counter.parse().unwrap(), proposer: ProposerId(proposer.parse().unwrap()) }
}

pub(crate) fn identity(text: &str) -> AcceptorIdentity {
    let (cluster, acceptor) = text.split_once('/').unwrap();
    let acceptor = AcceptorId(acceptor.parse().unwrap());
    AcceptorIdentity { cluster: cluster.parse().unwrap(), acceptor }
}

/// Of the acceptor that the script admits, in this epoch.
pub(crate) fn head(epoch: u64) -> Head {
    Head { identity: identity("7/1"), epoch }
}

fn versioned(text: &str) -> Option<VersionedValue> {
    let (version, value) = text.split_once('=')?;
    let value = (!value.is_empty()).then(|| Bytes::copy_from_slice(value.as_bytes()));
    let version = version.parse().unwrap();
    let lineage = Lineage::of(vec![ballot(&format!("{version}.3"))]);
    Some(VersionedValue { version, value, lineage })
}

fn request(words: &[&str]) -> Request {
    match words {
        ["prepare", at] => Request::Prepare { ballot: ballot(at) },
        ["accept", at, new, "promise", next] => {
            Request::Accept { ballot: ballot(at), value: versioned(new), promise: ballot(next) }
        }
        ["read"] => Request::Read,
        ["collect", at, "floor", promise_floor] => Request::Collect {
            tombstone: ballot(at),
            promise_floor: promise_floor.parse().unwrap(),
        },
        _ => panic!("not a request: {words:?}"),
    }
}

fn spell_value(versioned: Option<&VersionedValue>) -> String {
    let Some(VersionedValue { version, value, lineage }) = versioned else { return "-".into() };
    assert_eq!(lineage.ballots(), [ballot(&format!("{version}.3"))]);
    format!("{version}={}", String::from_utf8_lossy(value.as_deref().unwrap_or_default()))
}

fn spell(reply: &Reply) -> String {
    match reply {
        Reply::Promise { promise_floor, accepted, value } => {
            format!("promise {accepted} {} floor {promise_floor}", spell_value(value.as_ref()))
        }
        Reply::Current { accepted, value } => {
            format!("current {accepted} {}", spell_value(value.as_ref()))
        }
        Reply::Accepted => "accepted".into(),
        Reply::Erased(true) => "collected".into(),
        Reply::Erased(false) => "not collected".into(),
        Reply::Conflict(ballots) => format!("conflict {} {}", ballots.promised, ballots.accepted),
        Reply::Refused(ballots) => format!("refused {} {}", ballots.promised, ballots.accepted),
    }
}

fn outcome<T>(result: Result<T, RequestError>, spell: impl FnOnce(T) -> String) -> String {
    match result {
        Ok(done) => spell(done),
        Err(RequestError::NotMember) => "not a member".into(),
        Err(RequestError::Fenced { epoch }) => format!("fenced {epoch}"),
        Err(error) => panic!("{error}"),
    }
}

fn names(page: Page) -> String {
    assert_eq!(page.next, None);
    let mut keys: Vec<_> = page.keys.iter().map(|key| String::from_utf8_lossy(key)).collect();
    keys.sort();
    if keys.is_empty() { "none".into() } else { keys.join(" ") }
}

/// Executes a line of a script, and answers its result.
pub(crate) async fn execute(acceptor: &impl Acceptor, line: &str) -> String {
    let words: Vec<_> = line.split_whitespace().collect();
    let done = |()| String::from("done");
    let text = |word: &str| Bytes::copy_from_slice(word.as_bytes());
    match words.as_slice() {
        ["admit", acceptor_identity, "epoch", epoch, "floor", promise_floor, config] => {
            let (epoch, promise_floor) = (epoch.parse().unwrap(), promise_floor.parse().unwrap());
            let state =
                AcceptorState { identity: identity(acceptor_identity), epoch, promise_floor };
            outcome(acceptor.admit(state, text(config), TOKEN).await, done)
        }
        ["set_epoch", acceptor_identity, "epoch", epoch, config] => {
            let epoch = epoch.parse().unwrap();
            outcome(
                acceptor.set_epoch(identity(acceptor_identity), epoch, text(config)).await,
                done,
            )
        }
        ["retire", acceptor_identity] => {
            outcome(acceptor.retire(identity(acceptor_identity), u64::MAX >> 11).await, done)
        }
        ["retire", acceptor_identity, "epoch", epoch] => outcome(
            acceptor.retire(identity(acceptor_identity), epoch.parse().unwrap()).await,
            done,
        ),
        ["wipe"] => outcome(wipe(acceptor, TOKEN).await, |erased| format!("erased {erased}")),
        ["list"] => outcome(acceptor.list(Cursor::default()).await, names),
        ["tombstones"] => outcome(acceptor.tombstones(Cursor::default()).await, names),
        ["status"] => outcome(acceptor.status().await, |status| match status.state {
            None => "nowhere".into(),
            Some(AcceptorState { identity, epoch, promise_floor }) => {
                let config = String::from_utf8_lossy(&status.config);
                let (cluster, acceptor) = (identity.cluster, identity.acceptor.0);
                format!("{cluster}/{acceptor} epoch {epoch} floor {promise_floor} {config}")
            }
        }),
        [acceptor_identity, epoch, key, asked @ ..] => {
            let head =
                Head { identity: identity(acceptor_identity), epoch: epoch.parse().unwrap() };
            let mut results = acceptor.call(head, vec![(text(key), request(asked))]).await;
            assert_eq!(results.len(), 1);
            outcome(results.remove(0), |reply| spell(&reply))
        }
        _ => panic!("not understood: {line}"),
    }
}
