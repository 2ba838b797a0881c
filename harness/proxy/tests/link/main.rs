//! Every toxic on real sockets: its effect is there, and is gone after its removal.
#![cfg(test)]

mod changes;
mod cut;
mod delay;
mod ends;
mod far;
mod life;
mod loss;
mod stall;
mod support;
mod toxicity;
