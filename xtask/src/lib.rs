//! Chores: the real parts that tests talk to, the checks that `tidy` makes, and the run of all tests.

pub mod parts;
pub mod test;
pub mod tidy;
