//! Whether the kernel divides and joins a socket's datagrams, and what it has refused.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};

use cutwater_sys::udp;
use rustix::fd::AsFd;
use rustix::io::Errno;

/// Batches in a row that were refused without a reason and then went through one by one. After this many, the
/// kernel is taken not to divide any, as each attempt costs a call.
const REFUSALS_MAX: u32 = 8;

/// Why a socket's datagrams go one by one though they should go together; `None` where they do go
/// together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OffloadRefused {
    /// `UDP_SEGMENT`: datagrams are sent one by one.
    pub segmentation: Option<String>,
    /// `UDP_GRO`: datagrams are received one by one.
    pub coalescing: Option<String>,
}

/// No answer yet.
const UNTRIED: i32 = -1;
/// It works. Other values are the kernel's error.
const WORKS: i32 = 0;

/// What is known of a socket, for all its clones.
#[derive(Debug)]
pub(super) struct Offload {
    segmentation: AtomicI32,
    refusals: AtomicU32,
    coalescing: AtomicI32,
    /// Somebody has asked for coalescing: datagrams can no longer be received one by one.
    coalesced: AtomicBool,
}

impl Default for Offload {
    fn default() -> Self {
        Self {
            segmentation: AtomicI32::new(UNTRIED),
            refusals: AtomicU32::new(0),
            coalescing: AtomicI32::new(UNTRIED),
            coalesced: AtomicBool::new(false),
        }
    }
}

impl Offload {
    /// Whether the kernel takes several datagrams at once; it is asked the first time.
    pub(super) fn segments(&self, socket: impl AsFd) -> bool {
        if self.segmentation.load(Ordering::Relaxed) == UNTRIED {
            match udp::knows_segments(socket) {
                Ok(()) => self.segmentation.store(WORKS, Ordering::Relaxed),
                Err(errno) => self.segments_refused(errno),
            }
        }
        self.segmentation.load(Ordering::Relaxed) == WORKS
    }

    /// A batch went through.
    pub(super) fn sent_segments(&self) {
        if self.refusals.load(Ordering::Relaxed) != 0 {
            self.refusals.store(0, Ordering::Relaxed);
        }
    }

    /// A batch was refused with `errno`: whether its datagrams are to be sent one by one.
    pub(super) fn go_one_by_one(&self, errno: Errno) -> bool {
        match errno {
            // A device without checksums, or a path through IPsec: this lasts.
            Errno::IO | Errno::OPNOTSUPP => {
                self.segments_refused(errno);
                true
            }
            // The segment is longer than the path to this peer takes; others may have wider paths. Before
            // Linux 6.14 the error is EINVAL, as for everything else.
            Errno::MSGSIZE | Errno::INVAL => true,
            _ => false,
        }
    }

    /// All datagrams of a batch that was refused with `errno` went one by one, so nothing else was wrong
    /// with them. Only such batches count: otherwise one bad address could end segments for all
    /// peers.
    pub(super) fn went_one_by_one(&self, errno: Errno) {
        if errno == Errno::INVAL
            && self.refusals.fetch_add(1, Ordering::Relaxed) + 1 >= REFUSALS_MAX
        {
            self.segments_refused(errno);
        }
    }

    fn segments_refused(&self, errno: Errno) {
        self.segmentation.store(errno.raw_os_error(), Ordering::Relaxed);
        let why = io::Error::from(errno);
        tracing::info!(%why, "no UDP_SEGMENT: datagrams are sent one by one");
    }

    /// Asks the kernel to join datagrams, where that was not done.
    pub(super) fn coalesce(&self, socket: impl AsFd) {
        self.coalesced.store(true, Ordering::Relaxed);
        if self.coalescing.load(Ordering::Relaxed) == WORKS {
            return;
        }
        let answer = match udp::coalesce(socket) {
            Ok(()) => WORKS,
            Err(errno) => {
                let why = io::Error::from(errno);
                tracing::info!(%why, "no UDP_GRO: datagrams are received one by one");
                errno.raw_os_error()
            }
        };
        self.coalescing.store(answer, Ordering::Relaxed);
    }

    /// Whether datagrams can still be received one by one.
    pub(super) fn may_receive_one(&self) -> io::Result<()> {
        if !self.coalesced.load(Ordering::Relaxed) {
            return Ok(());
        }
        let why = "this socket receives datagrams together since `UdpSocket::coalesced` was \
                   called, and only what that returned can tell them apart; receive from it";
        Err(io::Error::new(io::ErrorKind::InvalidInput, why))
    }

    pub(super) fn refused(&self) -> OffloadRefused {
        let why = |answer: &AtomicI32| {
            let answer = answer.load(Ordering::Relaxed);
            (answer > WORKS).then(|| io::Error::from_raw_os_error(answer).to_string())
        };
        OffloadRefused { segmentation: why(&self.segmentation), coalescing: why(&self.coalescing) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket() -> std::net::UdpSocket {
        std::net::UdpSocket::bind("127.0.0.1:0").expect("binds")
    }

    #[test]
    fn a_device_that_cannot_is_not_asked_again_and_there_is_a_reason() {
        let (offload, socket) = (Offload::default(), socket());
        if !offload.segments(&socket) {
            return cutwater_testing::skip!("{:?}", offload.refused());
        }
        assert_eq!(offload.refused(), OffloadRefused::default());
        assert!(offload.go_one_by_one(Errno::IO));
        assert!(!offload.segments(&socket));
        let why = offload.refused().segmentation.expect("there is a reason");
        assert!(why.contains("Input/output"), "{why}");
    }

    #[test]
    fn a_peer_with_a_narrow_path_does_not_end_it_for_the_others() {
        let (offload, socket) = (Offload::default(), socket());
        if !offload.segments(&socket) {
            return cutwater_testing::skip!("{:?}", offload.refused());
        }
        for _ in 0..REFUSALS_MAX {
            (1..REFUSALS_MAX).for_each(|_| offload.went_one_by_one(Errno::INVAL));
            offload.went_one_by_one(Errno::MSGSIZE);
            // A refusal after which the single datagrams failed too.
            assert!(offload.go_one_by_one(Errno::INVAL) && offload.go_one_by_one(Errno::MSGSIZE));
            assert!(offload.segments(&socket));
            offload.sent_segments();
        }
        assert!(offload.segments(&socket));
        (0..REFUSALS_MAX).for_each(|_| offload.went_one_by_one(Errno::INVAL));
        assert!(!offload.segments(&socket) && offload.refused().segmentation.is_some());
    }

    #[test]
    fn errors_that_are_not_about_segments_are_the_callers() {
        let offload = Offload::default();
        for errno in [Errno::CONNREFUSED, Errno::PERM, Errno::NETUNREACH, Errno::NOBUFS] {
            assert!(!offload.go_one_by_one(errno));
        }
        assert_eq!(offload.refused(), OffloadRefused::default());
    }
}
