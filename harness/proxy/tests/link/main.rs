//! Every condition on real sockets: its effect is there, and is gone after the heal.
#![cfg(test)]

mod cut;
mod delay;
mod life;
mod loss;
mod stall;
mod support;
