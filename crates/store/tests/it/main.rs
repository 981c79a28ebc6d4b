//! The tests of the crate's public interface, in one binary.

mod reads;
mod writes;
