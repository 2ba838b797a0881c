//! The replies of prepare and accept as both kinds of acceptor write them on the wire:
//! `{1, counter, proposer, value}` a promise with what was accepted, `{1}` accepted, and
//! `{0, counter, proposer, counter, proposer}` the promised and the accepted ballot in the way.

use crate::Lost;
use bytes::Bytes;
use caspaxos::{Ballot, Held, ProposerId, Reply, Stage};
use redis::Value;

/// Reads a reply to a request of this stage.
pub(crate) fn parse(stage: Stage, value: &Value) -> Result<Reply<Bytes>, Lost> {
    let strange = || Lost::NoAnswer(format!("a reply of an unknown form: {value:?}"));
    let Value::Array(parts) = value else { return Err(strange()) };
    match (stage, parts.as_slice()) {
        (Stage::Prepare, [Value::Int(1), counter, proposer, value]) => Ok(Reply::Promise {
            accepted: ballot(counter, proposer).ok_or_else(strange)?,
            value: redis::from_redis_value_ref::<Option<Vec<u8>>>(value)
                .map_err(|_| strange())?
                .map(Bytes::from),
        }),
        (Stage::Accept, [Value::Int(1)]) => Ok(Reply::Accepted),
        (_, [Value::Int(0), pc, pp, ac, ap]) => {
            let held = Held {
                promised: ballot(pc, pp).ok_or_else(strange)?,
                accepted: ballot(ac, ap).ok_or_else(strange)?,
            };
            Ok(match stage {
                Stage::Prepare => Reply::Conflict(held),
                Stage::Accept => Reply::Refused(held),
            })
        }
        _ => Err(strange()),
    }
}

fn ballot(counter: &Value, proposer: &Value) -> Option<Ballot> {
    let (Value::Int(counter), Value::Int(proposer)) = (counter, proposer) else { return None };
    Some(Ballot {
        counter: u64::try_from(*counter).ok()?,
        proposer: ProposerId(u64::try_from(*proposer).ok()?),
    })
}
