//! Exhaustive exploration of small cases, as tests.

mod case;
mod cluster;
mod deletions;
mod epochs;
mod fingerprint;
mod history;
mod key_proposers;
mod membership;
mod process;
