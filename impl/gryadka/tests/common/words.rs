//! Requests and replies as one writes them down.
//!
//! Ballots are written `counter.proposer`, stamps `cluster/acceptor`; a cell is `version=value`,
//! a tombstone `version=`, and `-` is a register that holds nothing.

use caspaxos::Register;
use gryadka::{
    Acceptor, AcceptorId, Ballot, Bytes, Cell, Cursor, Head, Lineage, Lost, Page, ProposerId,
    Reply, Request, Stamp, Standing,
};

pub(crate) fn ballot(text: &str) -> Ballot {
    let (counter, proposer) = text.split_once('.').unwrap();
    Ballot { counter: counter.parse().unwrap(), proposer: ProposerId(proposer.parse().unwrap()) }
}

pub(crate) fn stamp(text: &str) -> Stamp {
    let (cluster, acceptor) = text.split_once('/').unwrap();
    let acceptor = AcceptorId(acceptor.parse().unwrap());
    Stamp { cluster: cluster.parse().unwrap(), acceptor }
}

/// Of the acceptor that the script admits, in this epoch.
pub(crate) fn head(epoch: u64) -> Head {
    Head { stamp: stamp("7/1"), epoch }
}

fn cell(text: &str) -> Option<Cell> {
    let (version, value) = text.split_once('=')?;
    let value = (!value.is_empty()).then(|| Bytes::copy_from_slice(value.as_bytes()));
    let version = version.parse().unwrap();
    let lineage = Lineage::of(vec![ballot(&format!("{version}.3"))]);
    Some(Cell { version, value, lineage })
}

fn request(words: &[&str]) -> Request {
    match words {
        ["prepare", at] => Request::Prepare { ballot: ballot(at) },
        ["accept", at, new, "promise", next] => {
            Request::Accept { ballot: ballot(at), value: cell(new), promise: ballot(next) }
        }
        ["read"] => Request::Read,
        ["install", at, new, "promise", next] => Request::Install(Register {
            promised: ballot(next),
            accepted: ballot(at),
            value: cell(new),
        }),
        ["collect", at, "age", age] => {
            Request::Collect { tombstone: ballot(at), age: age.parse().unwrap() }
        }
        _ => panic!("not a request: {words:?}"),
    }
}

fn spell_cell(cell: Option<&Cell>) -> String {
    let Some(Cell { version, value, lineage }) = cell else { return "-".into() };
    assert_eq!(lineage.ballots(), [ballot(&format!("{version}.3"))]);
    format!("{version}={}", String::from_utf8_lossy(value.as_deref().unwrap_or_default()))
}

fn spell(reply: &Reply) -> String {
    match reply {
        Reply::Promise { accepted, value } => {
            format!("promise {accepted} {}", spell_cell(value.as_ref()))
        }
        Reply::Current { accepted, value } => {
            format!("current {accepted} {}", spell_cell(value.as_ref()))
        }
        Reply::Accepted => "accepted".into(),
        Reply::Installed => "installed".into(),
        Reply::Collected(true) => "collected".into(),
        Reply::Collected(false) => "not collected".into(),
        Reply::Conflict(held) => format!("conflict {} {}", held.promised, held.accepted),
        Reply::Refused(held) => format!("refused {} {}", held.promised, held.accepted),
    }
}

fn outcome<T>(result: Result<T, Lost>, spell: impl FnOnce(T) -> String) -> String {
    match result {
        Ok(done) => spell(done),
        Err(Lost::NotMember) => "not a member".into(),
        Err(Lost::Fenced { epoch }) => format!("fenced {epoch}"),
        Err(lost) => panic!("{lost}"),
    }
}

fn names(page: Page) -> String {
    assert_eq!(page.next, None);
    let mut keys: Vec<_> = page.keys.iter().map(|key| String::from_utf8_lossy(key)).collect();
    keys.sort();
    if keys.is_empty() { "none".into() } else { keys.join(" ") }
}

/// Does what a line of a script says, and says what came of it.
pub(crate) async fn execute(acceptor: &impl Acceptor, line: &str) -> String {
    let words: Vec<_> = line.split_whitespace().collect();
    let done = |()| String::from("done");
    let text = |word: &str| Bytes::copy_from_slice(word.as_bytes());
    match words.as_slice() {
        ["admit", who, "epoch", epoch, "age", age, document] => {
            let (epoch, age) = (epoch.parse().unwrap(), age.parse().unwrap());
            let standing = Standing { stamp: stamp(who), epoch, age };
            outcome(acceptor.admit(standing, text(document)).await, done)
        }
        ["tell", who, "epoch", epoch, document] => {
            let epoch = epoch.parse().unwrap();
            outcome(acceptor.tell(stamp(who), epoch, text(document)).await, done)
        }
        ["retire", who] => outcome(acceptor.retire(stamp(who), u64::MAX >> 11).await, done),
        ["retire", who, "epoch", epoch] => {
            outcome(acceptor.retire(stamp(who), epoch.parse().unwrap()).await, done)
        }
        ["wipe"] => outcome(acceptor.wipe().await, |erased| format!("erased {erased}")),
        ["list"] => outcome(acceptor.list(Cursor::default()).await, names),
        ["hints"] => outcome(acceptor.hints(Cursor::default()).await, names),
        ["status"] => outcome(acceptor.status().await, |status| match status.standing {
            None => "nowhere".into(),
            Some(Standing { stamp, epoch, age }) => {
                let document = String::from_utf8_lossy(&status.document);
                let (cluster, acceptor) = (stamp.cluster, stamp.acceptor.0);
                format!("{cluster}/{acceptor} epoch {epoch} age {age} {document}")
            }
        }),
        [who, epoch, key, asked @ ..] => {
            let head = Head { stamp: stamp(who), epoch: epoch.parse().unwrap() };
            let mut results = acceptor.call(head, vec![(text(key), request(asked))]).await;
            assert_eq!(results.len(), 1);
            outcome(results.remove(0), |reply| spell(&reply))
        }
        _ => panic!("not understood: {line}"),
    }
}
