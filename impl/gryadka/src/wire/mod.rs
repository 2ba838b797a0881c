//! What travels between a proposer and its acceptors, byte by byte. Redis and the native server get
//! and give the same, inside Redis' framing.
//!
//! A *register* is one string, stored and sent in the same form. Integers are big-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | `A` content with a value follows, `D` content without one (a tombstone, or that there is nothing), `N` nothing follows |
//! | 8 + 8 | the promised ballot: counter, proposer |
//! | 8 + 8 | the accepted ballot |
//! | 8 | the version; 0 where there is nothing |
//! | 1 | how many ballots its lineage has |
//! | (8 + 8) each | the ballots of the lineage, oldest first |
//! | the rest | the value |
//!
//! A *request* is one string:
//!
//! | request | string |
//! |---|---|
//! | prepare | `P`, the ballot |
//! | accept | the register as it is to be stored; its accepted ballot is that of the request |
//! | read | `R` |
//! | collect | `C`, the tombstone's ballot, the promise floor (8) |
//!
//! A *reply* is
//!
//! | reply | form |
//! |---|---|
//! | promise | an array: the promise floor, and the register as it was before or nil when there was none |
//! | current | the register; nil when there is none |
//! | accepted | 1 |
//! | collected | 1 erased, 0 not |
//! | conflict, refused | `X`, the promised and the accepted ballot in the way |
//! | this request alone failed | an error |
//!
//! | question | file |
//! |---|---|
//! | how is a register, and a ballot, written? | `register.rs` |
//! | how is a request? | `request.rs` |
//! | how is a reply? | `reply.rs` |
//! | how is an identity? | `identity.rs` |
//! | what do errors mean? | `error.rs` |

mod error;
mod identity;
mod register;
mod reply;
mod request;

pub(crate) use error::{FENCED, NOT_MEMBER, NOT_WIPED, client_error, request_error};
pub(crate) use identity::{identity, parse_identity};
pub(crate) use register::LONGEST_HEADER;
pub(crate) use reply::{Answer, answer, parse_reply};
pub(crate) use request::{parse_request, size_hint, write_request};

#[cfg(test)]
mod tests;
