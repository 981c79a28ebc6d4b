//! The claims, one file each. To add one: its file, and its line in [`ALL`].

mod batch_harvest;
mod degrade;
mod depth_curve;
mod echo_16k;
mod epoll_file;
mod event_queue;
mod fd_table;
mod hot_small;
mod hybrid_jump;
mod hybrid_seq;
mod iovec_pool;
mod json_parse;
mod log_scan;
mod mmap_cpu;
mod passes;
mod prefetch_4k;
mod registered_files;
mod ring_16k;
mod runtime_reads;
mod sendfile;
mod seq_paths;
mod small_reads;
mod tail_p99;
mod vectored_seq;
mod willneed;
mod worker_pool;

use super::claim::Claim;

/// All of them.
pub(super) static ALL: [Claim; 24] = [
    seq_paths::CLAIM,
    iovec_pool::CLAIM,
    vectored_seq::CLAIM,
    registered_files::CLAIM,
    batch_harvest::CLAIM,
    tail_p99::CLAIM,
    sendfile::CLAIM,
    mmap_cpu::CLAIM,
    hot_small::CLAIM,
    hybrid_seq::CLAIM,
    hybrid_jump::CLAIM,
    willneed::CLAIM,
    small_reads::CLAIM,
    worker_pool::CLAIM,
    fd_table::CLAIM,
    epoll_file::CLAIM,
    log_scan::CLAIM,
    prefetch_4k::CLAIM,
    json_parse::CLAIM,
    ring_16k::CLAIM,
    echo_16k::CLAIM,
    event_queue::CLAIM,
    depth_curve::CLAIM,
    degrade::CLAIM,
];
