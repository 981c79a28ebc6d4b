//! [`Io`] and TLS streams under the stream traits of other crates. Each type has `poll_take`, `poll_give`,
//! `poll_sent` and `poll_end`.

use std::io::Result;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::net::{ByteStream, Io};
#[cfg(feature = "tls")]
use crate::tls::Stream;

/// The traits of Tokio and hyper, which have the same methods with another buffer for reads.
#[cfg(any(feature = "tokio", feature = "hyper"))]
macro_rules! read_and_write {
    ($io:ident, $read:path, $write:path, $out:ty) => {
        impl<S: ByteStream> $read for $io<S> {
            #[allow(unused_mut, reason = "hyper gives its buffer by value")]
            fn poll_read(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                mut out: $out,
            ) -> Poll<Result<()>> {
                self.poll_take(cx, |bytes| {
                    let n = bytes.len().min(out.remaining());
                    out.put_slice(&bytes[..n]);
                    n
                })
                .map_ok(drop)
            }
        }

        impl<S: ByteStream> $write for $io<S> {
            fn poll_write(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<Result<usize>> {
                self.poll_give(cx, &[bytes])
            }

            fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
                self.poll_sent(cx)
            }

            fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
                self.poll_end(cx)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_write_vectored(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                pieces: &[std::io::IoSlice<'_>],
            ) -> Poll<Result<usize>> {
                let pieces: Vec<&[u8]> = pieces.iter().map(|piece| &**piece).collect();
                self.poll_give(cx, &pieces)
            }
        }
    };
}

#[cfg(feature = "tokio")]
macro_rules! for_tokio {
    ($io:ident) => {
        read_and_write!(
            $io,
            tokio::io::AsyncRead,
            tokio::io::AsyncWrite,
            &mut tokio::io::ReadBuf<'_>
        );
    };
}

#[cfg(feature = "hyper")]
macro_rules! for_hyper {
    ($io:ident) => {
        read_and_write!($io, hyper::rt::Read, hyper::rt::Write, hyper::rt::ReadBufCursor<'_>);
    };
}

#[cfg(feature = "futures-io")]
macro_rules! for_futures {
    ($io:ident) => {
        impl<S: ByteStream> futures_io::AsyncRead for $io<S> {
            fn poll_read(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                out: &mut [u8],
            ) -> Poll<Result<usize>> {
                self.poll_take(cx, |bytes| {
                    let n = bytes.len().min(out.len());
                    out[..n].copy_from_slice(&bytes[..n]);
                    n
                })
            }
        }

        impl<S: ByteStream> futures_io::AsyncWrite for $io<S> {
            fn poll_write(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<Result<usize>> {
                self.poll_give(cx, &[bytes])
            }

            fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
                self.poll_sent(cx)
            }

            fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
                self.poll_end(cx)
            }
        }
    };
}

#[cfg(feature = "futures-io")]
for_futures!(Io);
#[cfg(feature = "hyper")]
for_hyper!(Io);
#[cfg(feature = "tokio")]
for_tokio!(Io);

#[cfg(all(feature = "futures-io", feature = "tls"))]
for_futures!(Stream);
#[cfg(all(feature = "hyper", feature = "tls"))]
for_hyper!(Stream);
#[cfg(all(feature = "tokio", feature = "tls"))]
for_tokio!(Stream);
