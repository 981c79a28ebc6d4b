//! The claims, one file each. To add one: its file, and its line in [`ALL`].

mod arrow;
mod batch_harvest;
mod degrade;
mod depth_curve;
mod descriptors;
mod echo_16k;
mod epoll_file;
mod event_queue;
mod fd_table;
mod hot_small;
mod huge_pages;
mod hybrid_jump;
mod hybrid_seq;
mod iovec_pool;
mod json_parse;
mod log_scan;
mod memory;
mod mmap_cpu;
mod passes;
mod prefetch_4k;
mod registered_files;
mod ring_16k;
mod runtime_reads;
mod sendfile;
mod seq_paths;
mod shared_config;
mod small_packets;
mod small_reads;
mod sqpoll;
mod syscall_share;
mod tail_p99;
mod vectored_seq;
mod wake_10k;
mod willneed;
mod worker_pool;

use super::child::Role;
use super::claim::Claim;

/// All of them.
pub(super) static ALL: [Claim; 31] = [
    seq_paths::CLAIM,
    syscall_share::CLAIM,
    iovec_pool::CLAIM,
    vectored_seq::CLAIM,
    registered_files::CLAIM,
    batch_harvest::CLAIM,
    tail_p99::CLAIM,
    sendfile::CLAIM,
    mmap_cpu::CLAIM,
    hot_small::CLAIM,
    huge_pages::CLAIM,
    hybrid_seq::CLAIM,
    hybrid_jump::CLAIM,
    shared_config::CLAIM,
    arrow::CLAIM,
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
    wake_10k::CLAIM,
    event_queue::CLAIM,
    depth_curve::CLAIM,
    small_packets::CLAIM,
    degrade::CLAIM,
    sqpoll::CLAIM,
];

/// The roles of child processes.
pub(super) static ROLES: [&[(&str, Role)]; 5] =
    [&arrow::ROLES, &json_parse::ROLES, &log_scan::ROLES, &shared_config::ROLES, &wake_10k::ROLES];
