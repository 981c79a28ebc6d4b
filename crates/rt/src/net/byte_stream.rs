//! What all stream sockets have in common.

/// A stream socket: bytes flow over it in order.
pub trait ByteStream: sealed::Sealed {}

pub(crate) mod sealed {
    /// Gives the socket to this crate alone.
    pub trait Sealed {
        #[doc(hidden)]
        fn socket(&self) -> &crate::net::socket::Socket;
    }
}
