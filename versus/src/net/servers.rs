//! Echo servers: they send back what they receive, with a buffer of 64 KiB, written as in each
//! peer's own examples.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use cutwater_rt::tls::rustls::ServerConfig;
use cutwater_rt::tls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::brake::Brake;
use super::cells::Transport;

/// Bytes of a connection's buffer.
const BUFFER_BYTES: usize = 64 << 10;

/// Who serves what.
pub(super) fn peers(transport: Transport) -> &'static [&'static str] {
    match transport {
        Transport::Plain => &["cutwater-rt", "tokio", "monoio", "compio", "glommio"],
        Transport::Tls => &["cutwater-rt", "tokio"],
        Transport::Udp => &["cutwater-rt", "tokio", "calls"],
    }
}

/// Prints the address, for the process that started this one.
fn announce(address: SocketAddr) {
    use std::io::Write as _;
    let mut out = io::stdout().lock();
    // Where nobody reads it, nobody connects; the process that started this one ends it.
    let _ = writeln!(out, "{address}").and_then(|()| out.flush());
}

/// Serves until the process is ended.
pub(super) fn serve(
    peer: &str,
    transport: Transport,
    tls: Option<&Path>,
    slow: f64,
) -> Result<(), String> {
    let served = match (peer, transport) {
        ("cutwater-rt", Transport::Plain) => ours::tcp(Brake::new(slow)),
        ("cutwater-rt", Transport::Tls) => config(tls).and_then(ours::tls),
        ("cutwater-rt", Transport::Udp) => ours::udp(),
        ("calls", Transport::Udp) => calls::udp(),
        #[cfg(feature = "peer-tokio")]
        ("tokio", Transport::Plain) => of_tokio::tcp(),
        #[cfg(feature = "peer-tokio")]
        ("tokio", Transport::Tls) => config(tls).and_then(of_tokio::tls),
        #[cfg(feature = "peer-tokio")]
        ("tokio", Transport::Udp) => of_tokio::udp(),
        #[cfg(feature = "peer-monoio")]
        ("monoio", Transport::Plain) => of_monoio::tcp(),
        #[cfg(feature = "peer-compio")]
        ("compio", Transport::Plain) => of_compio::tcp(),
        #[cfg(feature = "peer-glommio")]
        ("glommio", Transport::Plain) => of_glommio::tcp(),
        _ => return Err(format!("{peer} was left out of this build")),
    };
    served.map_err(|e| format!("{peer}: {e}"))
}

fn config(dir: Option<&Path>) -> io::Result<Arc<ServerConfig>> {
    let dir = dir.ok_or_else(|| io::Error::other("no certificate"))?;
    let chain = vec![CertificateDer::from(std::fs::read(dir.join("cert.der"))?)];
    let key = PrivateKeyDer::try_from(std::fs::read(dir.join("key.der"))?);
    let builder = ServerConfig::builder().with_no_client_auth();
    let config = builder.with_single_cert(chain, key.map_err(io::Error::other)?);
    Ok(Arc::new(config.map_err(io::Error::other)?))
}

mod ours {
    use std::rc::Rc;

    use cutwater_rt::net::{Datagram, TcpListener, TcpStream, UdpSocket};
    use cutwater_rt::tls::Acceptor;
    use cutwater_rt::{Runtime, spawn};

    use super::*;

    async fn echo(stream: TcpStream, brake: Rc<Brake>) -> io::Result<()> {
        let mut pieces = stream.received();
        let mut buf = Vec::new();
        while let Some(piece) = pieces.next().await? {
            brake.after_a_request();
            let (sent, back) = stream.send_all(piece.into_vec(buf)).await;
            sent?;
            buf = pieces.reuse(back);
        }
        Ok(())
    }

    pub(super) fn tcp(brake: Brake) -> io::Result<()> {
        let brake = Rc::new(brake);
        Runtime::new()?.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            announce(listener.local_addr()?);
            let mut incoming = listener.incoming();
            loop {
                let stream = incoming.next().await?;
                stream.set_nodelay(true)?;
                spawn(echo(stream, Rc::clone(&brake)));
            }
        })
    }

    pub(super) fn tls(config: Arc<ServerConfig>) -> io::Result<()> {
        Runtime::new()?.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            announce(listener.local_addr()?);
            let acceptor = Acceptor::new(config);
            let mut incoming = listener.incoming();
            loop {
                let stream = incoming.next().await?;
                stream.set_nodelay(true)?;
                let acceptor = acceptor.clone();
                spawn(async move {
                    let mut stream = acceptor.accept(stream).await?;
                    let mut buf = vec![0; BUFFER_BYTES];
                    loop {
                        match stream.read(&mut buf).await? {
                            0 => return stream.close().await,
                            n => stream.write_all(&buf[..n]).await?,
                        }
                    }
                });
            }
        })
    }

    pub(super) fn udp() -> io::Result<()> {
        Runtime::new()?.block_on(async {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            announce(socket.local_addr()?);
            let mut packets = socket.packets();
            let (mut many, mut spare) = (Vec::new(), Vec::<Vec<u8>>::new());
            loop {
                let mut next = Some(packets.next().await?);
                while let Some(packet) = next {
                    let mut bytes = spare.pop().unwrap_or_default();
                    bytes.clear();
                    bytes.extend_from_slice(&packet.bytes);
                    many.push(Datagram { bytes, peer: packet.peer });
                    next = packets.try_next();
                }
                for (sent, bytes) in socket.send_many(std::mem::take(&mut many)).await {
                    sent?;
                    spare.push(bytes);
                }
            }
        })
    }
}

/// A program that makes the calls itself.
mod calls {
    use super::*;

    pub(super) fn udp() -> io::Result<()> {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
        announce(socket.local_addr()?);
        let mut buf = [0; 2048];
        loop {
            let (n, peer) = socket.recv_from(&mut buf)?;
            socket.send_to(&buf[..n], peer)?;
        }
    }
}

#[cfg(feature = "peer-tokio")]
mod of_tokio {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, UdpSocket};

    use super::*;

    fn runtime() -> io::Result<tokio::runtime::Runtime> {
        tokio::runtime::Builder::new_current_thread().enable_io().build()
    }

    async fn echo(
        mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    ) -> io::Result<()> {
        let mut buf = vec![0; BUFFER_BYTES];
        loop {
            match stream.read(&mut buf).await? {
                0 => return stream.shutdown().await,
                n => {
                    stream.write_all(&buf[..n]).await?;
                    stream.flush().await?;
                }
            }
        }
    }

    pub(super) fn tcp() -> io::Result<()> {
        runtime()?.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            announce(listener.local_addr()?);
            loop {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                tokio::spawn(echo(stream));
            }
        })
    }

    pub(super) fn tls(config: Arc<ServerConfig>) -> io::Result<()> {
        runtime()?.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            announce(listener.local_addr()?);
            let acceptor = tokio_rustls::TlsAcceptor::from(config);
            loop {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                let acceptor = acceptor.clone();
                tokio::spawn(async move { echo(acceptor.accept(stream).await?).await });
            }
        })
    }

    pub(super) fn udp() -> io::Result<()> {
        runtime()?.block_on(async {
            let socket = UdpSocket::bind("127.0.0.1:0").await?;
            announce(socket.local_addr()?);
            let mut buf = [0; 2048];
            loop {
                let (n, peer) = socket.recv_from(&mut buf).await?;
                socket.send_to(&buf[..n], peer).await?;
            }
        })
    }
}

#[cfg(feature = "peer-monoio")]
mod of_monoio {
    use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
    use monoio::net::{TcpListener, TcpStream};

    use super::*;

    async fn echo(mut stream: TcpStream) -> io::Result<()> {
        let mut buf = Vec::with_capacity(BUFFER_BYTES);
        loop {
            let (received, back) = stream.read(buf).await;
            buf = back;
            if received? == 0 {
                return Ok(());
            }
            let (sent, back) = stream.write_all(buf).await;
            sent?;
            buf = back;
            buf.clear();
        }
    }

    pub(super) fn tcp() -> io::Result<()> {
        let builder = monoio::RuntimeBuilder::<monoio::IoUringDriver>::new();
        builder.build()?.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            announce(listener.local_addr()?);
            loop {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                monoio::spawn(echo(stream));
            }
        })
    }
}

#[cfg(feature = "peer-compio")]
mod of_compio {
    use compio::BufResult;
    use compio::io::{AsyncRead, AsyncWriteExt};
    use compio::net::{TcpListener, TcpStream};

    use super::*;

    async fn echo(mut stream: TcpStream) -> io::Result<()> {
        let mut buf = Vec::with_capacity(BUFFER_BYTES);
        loop {
            let BufResult(received, back) = stream.read(buf).await;
            buf = back;
            if received? == 0 {
                return Ok(());
            }
            let BufResult(sent, back) = stream.write_all(buf).await;
            sent?;
            buf = back;
            buf.clear();
        }
    }

    pub(super) fn tcp() -> io::Result<()> {
        compio::runtime::Runtime::new()?.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            announce(listener.local_addr()?);
            loop {
                let (stream, _) = listener.accept().await?;
                compio::runtime::spawn(echo(stream)).detach();
            }
        })
    }
}

#[cfg(feature = "peer-glommio")]
mod of_glommio {
    use futures_lite::{AsyncReadExt, AsyncWriteExt};
    use glommio::net::{TcpListener, TcpStream};
    use glommio::{LocalExecutorBuilder, Placement};

    use super::*;

    fn text(e: impl std::fmt::Display) -> io::Error {
        io::Error::other(e.to_string())
    }

    async fn echo(mut stream: TcpStream) -> io::Result<()> {
        let mut buf = vec![0; BUFFER_BYTES];
        loop {
            match stream.read(&mut buf).await? {
                0 => return Ok(()),
                n => stream.write_all(&buf[..n]).await?,
            }
        }
    }

    pub(super) fn tcp() -> io::Result<()> {
        let executor = LocalExecutorBuilder::new(Placement::Unbound).make();
        executor.map_err(text)?.run(async {
            let listener = TcpListener::bind("127.0.0.1:0").map_err(text)?;
            announce(listener.local_addr().map_err(text)?);
            loop {
                let stream = listener.accept().await.map_err(text)?;
                stream.set_nodelay(true).map_err(text)?;
                glommio::spawn_local(echo(stream)).detach();
            }
        })
    }
}
