//! System calls on descriptors: positioned reads, the page cache, locks, datagrams, the terminal.

pub(crate) mod datagram;
pub mod lock;
pub(crate) mod message;
pub mod pio;
pub mod residency;
pub mod terminal;
pub mod udp;
pub mod udp_many;
