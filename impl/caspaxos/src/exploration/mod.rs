//! Exhaustive exploration of small cases, as tests.

mod cases;
mod world;
