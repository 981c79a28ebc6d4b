//! The methods that all streams have.

/// The methods of a stream; each calls the method of the same name of `Socket`.
macro_rules! stream_methods {
    ($stream:ident) => {
        impl std::os::fd::AsFd for $stream {
            fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
                std::os::fd::AsFd::as_fd(&self.socket.fd)
            }
        }

        impl crate::net::byte_stream::sealed::Sealed for $stream {
            fn socket(&self) -> &crate::net::socket::Socket {
                &self.socket
            }
        }

        impl crate::net::ByteStream for $stream {}

        impl $stream {
            /// Receives into `buf`, as much as there is and fits; 0 once the peer has shut down.
            ///
            /// # Errors
            /// As `recv(2)`.
            pub async fn recv(&self, buf: Vec<u8>) -> crate::operation::BufResult {
                self.socket.recv(buf, 0).await
            }

            /// Fills `buf`; the kernel receives until it is full. Where the peer shuts down before,
            /// `buf` is what came.
            ///
            /// # Errors
            /// As `recv(2)`, and [`std::io::ErrorKind::UnexpectedEof`].
            pub async fn recv_exact(&self, buf: Vec<u8>) -> (std::io::Result<()>, Vec<u8>) {
                self.socket.recv_exact(buf).await
            }

            /// Receives piece by piece, into buffers that the core's connections share. While nothing
            /// comes, none is held.
            #[must_use]
            pub fn received(&self) -> crate::net::Received {
                crate::net::Received::new(self.socket.clone())
            }

            /// Sends all of `buf`. A peer that is gone is an error and not a signal.
            ///
            /// # Errors
            /// As `send(2)`.
            pub async fn send_all(&self, buf: Vec<u8>) -> (std::io::Result<()>, Vec<u8>) {
                self.socket.send_all(buf).await
            }

            /// Sends `buf[..len]`: for a buffer that is received into again and keeps its length.
            ///
            /// # Errors
            /// As `send(2)`; `InvalidInput` where the buffer is shorter.
            pub async fn send_first(
                &self,
                buf: Vec<u8>,
                len: usize,
            ) -> (std::io::Result<()>, Vec<u8>) {
                self.socket.send_part(buf, 0, len).await
            }

            /// Sends all of `bufs`, one after the other; up to 1,024 in one operation
            /// (`sendmsg(2)`).
            ///
            /// # Errors
            /// As the call.
            pub async fn send_vectored(
                &self,
                bufs: Vec<Vec<u8>>,
            ) -> (std::io::Result<()>, Vec<Vec<u8>>) {
                self.socket.send_vectored(bufs).await
            }

            /// Shuts down one direction or both (`shutdown(2)`).
            ///
            /// # Errors
            /// As the call.
            pub fn shutdown(&self, how: std::net::Shutdown) -> std::io::Result<()> {
                self.socket.shutdown(how)
            }

            /// Shuts down sending, and waits until the peer shuts down too or `limit` is over. What comes
            /// meanwhile is dropped. If this closed at once and something was not received, the kernel
            /// would reset the connection, and the peer could lose what it was sent.
            ///
            /// # Errors
            /// As `shutdown(2)`. A peer that is gone already is not an error.
            pub async fn close(self, limit: std::time::Duration) -> std::io::Result<()> {
                self.socket.close(limit).await
            }

            /// Two halves, for a task each. Both are this stream.
            #[must_use]
            pub fn into_split(self) -> (Self, Self) {
                (Self { socket: self.socket.clone() }, self)
            }

            /// For code that wants `AsyncRead` and `AsyncWrite`.
            #[must_use]
            pub fn into_io(self) -> crate::net::Io<Self> {
                crate::net::Io::new(self)
            }
        }
    };
}
pub(crate) use stream_methods;
