//! [`Io`] and TLS streams under the stream traits of other crates. Each type has `poll_take`, `poll_give`,
//! `poll_sent` and `poll_end`.

use crate::net::Io;

#[cfg(feature = "tokio")]
macro_rules! for_tokio {
    ($io:ident) => {
        impl<S: crate::net::ByteStream> tokio::io::AsyncRead for $io<S> {
            fn poll_read(
                mut self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                out: &mut tokio::io::ReadBuf<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                self.poll_take(cx, |bytes| {
                    let n = bytes.len().min(out.remaining());
                    out.put_slice(&bytes[..n]);
                    n
                })
                .map_ok(drop)
            }
        }

        impl<S: crate::net::ByteStream> tokio::io::AsyncWrite for $io<S> {
            fn poll_write(
                mut self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                bytes: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.poll_give(cx, &[bytes])
            }

            fn poll_flush(
                mut self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                self.poll_sent(cx)
            }

            fn poll_shutdown(
                mut self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                self.poll_end(cx)
            }

            fn poll_write_vectored(
                mut self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                pieces: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let pieces: Vec<&[u8]> = pieces.iter().map(|piece| &**piece).collect();
                self.poll_give(cx, &pieces)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }
        }
    };
}

#[cfg(feature = "futures-io")]
macro_rules! for_futures {
    ($io:ident) => {
        impl<S: crate::net::ByteStream> futures_io::AsyncRead for $io<S> {
            fn poll_read(
                mut self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                out: &mut [u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.poll_take(cx, |bytes| {
                    let n = bytes.len().min(out.len());
                    out[..n].copy_from_slice(&bytes[..n]);
                    n
                })
            }
        }

        impl<S: crate::net::ByteStream> futures_io::AsyncWrite for $io<S> {
            fn poll_write(
                mut self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                bytes: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.poll_give(cx, &[bytes])
            }

            fn poll_flush(
                mut self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                self.poll_sent(cx)
            }

            fn poll_close(
                mut self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                self.poll_end(cx)
            }
        }
    };
}

#[cfg(feature = "hyper")]
macro_rules! for_hyper {
    ($io:ident) => {
        impl<S: crate::net::ByteStream> hyper::rt::Read for $io<S> {
            fn poll_read(
                mut self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                mut out: hyper::rt::ReadBufCursor<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                self.poll_take(cx, |bytes| {
                    let n = bytes.len().min(out.remaining());
                    out.put_slice(&bytes[..n]);
                    n
                })
                .map_ok(drop)
            }
        }

        impl<S: crate::net::ByteStream> hyper::rt::Write for $io<S> {
            fn poll_write(
                mut self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                bytes: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.poll_give(cx, &[bytes])
            }

            fn poll_flush(
                mut self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                self.poll_sent(cx)
            }

            fn poll_shutdown(
                mut self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                self.poll_end(cx)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_write_vectored(
                mut self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                pieces: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let pieces: Vec<&[u8]> = pieces.iter().map(|piece| &**piece).collect();
                self.poll_give(cx, &pieces)
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

#[cfg(feature = "tls")]
mod for_tls {
    use crate::tls::Stream;

    #[cfg(feature = "futures-io")]
    for_futures!(Stream);
    #[cfg(feature = "hyper")]
    for_hyper!(Stream);
    #[cfg(feature = "tokio")]
    for_tokio!(Stream);
}
