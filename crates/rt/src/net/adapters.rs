//! [`Io`] as what others' code expects.

use std::pin::Pin;
use std::task::{Context, Poll};

use super::{ByteStream, Io};

#[cfg(feature = "tokio")]
mod tokio_io {
    use std::io;

    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    use super::*;

    impl<S: ByteStream> AsyncRead for Io<S> {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            out: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            self.poll_take(cx, |bytes| {
                let n = bytes.len().min(out.remaining());
                out.put_slice(&bytes[..n]);
                n
            })
            .map_ok(drop)
        }
    }

    impl<S: ByteStream> AsyncWrite for Io<S> {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.poll_give(cx, &[bytes])
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.poll_sent(cx)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.poll_end(cx)
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            pieces: &[io::IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let pieces: Vec<&[u8]> = pieces.iter().map(|piece| &**piece).collect();
            self.poll_give(cx, &pieces)
        }

        fn is_write_vectored(&self) -> bool {
            true
        }
    }
}

#[cfg(feature = "futures-io")]
mod futures_io_io {
    use std::io;

    use futures_io::{AsyncRead, AsyncWrite};

    use super::*;

    impl<S: ByteStream> AsyncRead for Io<S> {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            out: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            self.poll_take(cx, |bytes| {
                let n = bytes.len().min(out.len());
                out[..n].copy_from_slice(&bytes[..n]);
                n
            })
        }
    }

    impl<S: ByteStream> AsyncWrite for Io<S> {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.poll_give(cx, &[bytes])
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.poll_sent(cx)
        }

        fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.poll_end(cx)
        }
    }
}

#[cfg(feature = "hyper")]
mod hyper_io {
    use std::io;

    use hyper::rt::{Read, ReadBufCursor, Write};

    use super::*;

    impl<S: ByteStream> Read for Io<S> {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            mut out: ReadBufCursor<'_>,
        ) -> Poll<io::Result<()>> {
            self.poll_take(cx, |bytes| {
                let n = bytes.len().min(out.remaining());
                out.put_slice(&bytes[..n]);
                n
            })
            .map_ok(drop)
        }
    }

    impl<S: ByteStream> Write for Io<S> {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.poll_give(cx, &[bytes])
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.poll_sent(cx)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.poll_end(cx)
        }

        fn is_write_vectored(&self) -> bool {
            true
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            pieces: &[io::IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let pieces: Vec<&[u8]> = pieces.iter().map(|piece| &**piece).collect();
            self.poll_give(cx, &pieces)
        }
    }
}
