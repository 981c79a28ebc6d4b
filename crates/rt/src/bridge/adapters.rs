//! [`Reader`](super::Reader) and [`Writer`](super::Writer) under the traits of other crates.

#[cfg(feature = "tokio")]
mod for_tokio {
    use std::io::{Result, SeekFrom};
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use tokio::io::{AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};

    use super::super::reader::Reader;
    use super::super::writer::Writer;

    impl AsyncRead for Reader {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            out: &mut ReadBuf<'_>,
        ) -> Poll<Result<()>> {
            self.poll_take(cx, |bytes| {
                let n = bytes.len().min(out.remaining());
                out.put_slice(&bytes[..n]);
                n
            })
            .map_ok(drop)
        }
    }

    impl AsyncSeek for Reader {
        fn start_seek(mut self: Pin<&mut Self>, to: SeekFrom) -> Result<()> {
            self.seek_to(to).map(drop)
        }

        fn poll_complete(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<u64>> {
            Poll::Ready(Ok(self.position()))
        }
    }

    impl AsyncWrite for Writer {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<Result<usize>> {
            self.poll_give(cx, bytes)
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
            Writer::poll_flush(&mut self, cx)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
            Writer::poll_flush(&mut self, cx)
        }
    }
}

#[cfg(feature = "futures-io")]
mod for_futures {
    use std::io::{Result, SeekFrom};
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use futures_io::{AsyncRead, AsyncSeek, AsyncWrite};

    use super::super::reader::Reader;
    use super::super::writer::Writer;

    impl AsyncRead for Reader {
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

    impl AsyncSeek for Reader {
        fn poll_seek(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            to: SeekFrom,
        ) -> Poll<Result<u64>> {
            Poll::Ready(self.seek_to(to))
        }
    }

    impl AsyncWrite for Writer {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<Result<usize>> {
            self.poll_give(cx, bytes)
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
            Writer::poll_flush(&mut self, cx)
        }

        fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
            Writer::poll_flush(&mut self, cx)
        }
    }
}
