//! System calls on descriptors: positioned reads, the page cache, datagrams, the terminal.

pub mod pio;
pub mod residency;
pub mod terminal;
pub mod udp;
pub mod udp_many;
