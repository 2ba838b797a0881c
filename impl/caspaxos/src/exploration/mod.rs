//! Exhaustive exploration of small cases, as tests.

mod cases;
mod cluster;
mod deletions;
mod desks;
mod epochs;
mod ledger;
mod membership;
mod seat;
mod setting;
mod twin;
mod world;
