//! Our proxy as clients of Toxiproxy meet it: over HTTP, and with real bytes through it.
//!
//! | question | file |
//! |---|---|
//! | is every route, status, shape and error as Toxiproxy has it? | `routes.rs` |
//! | what else does the genuine one do? | `genuine.rs` |
//! | is JSON read as Go reads it? | `go_json.rs` |
//! | is everything that is asked for done, or said not to be? | `asked.rs` |
//! | is a proxy that is created disabled left alone until it is enabled? | `disabled.rs` |
//! | is the effect of every toxic real, and gone when it is removed? | `effects.rs` |
//! | do changes come through while clients and servers do not? | `hazards.rs` |
//! | does a client work that knows nothing of us? | `foreign.rs` |
//! | do our client and our server understand each other? | `round_trip.rs` |
//! | what do the tests talk through? | `support.rs` |
#![cfg(test)]

mod asked;
mod disabled;
mod effects;
mod foreign;
mod genuine;
mod go_json;
mod hazards;
mod round_trip;
mod routes;
mod support;
