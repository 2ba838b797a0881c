//! What the tests check the checker with: an object that is linearizable by construction, and a
//! decision by trying everything. Neither shares anything with the checker.

#![expect(dead_code, reason = "every test uses some of it")]

pub(crate) mod naive;
pub(crate) mod object;
pub(crate) mod world;
