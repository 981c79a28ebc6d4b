//! TLS over ring and epoll, against itself and against rustls over plain sockets.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;

use cutwater_rt::net::{TcpListener, TcpStream};
use cutwater_rt::time::timeout;
use cutwater_rt::tls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use cutwater_rt::tls::rustls::server::WebPkiClientVerifier;
use cutwater_rt::tls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned,
};
use cutwater_rt::tls::{Acceptor, Connector, Stream};
use cutwater_rt::{Runtime, spawn};
use cutwater_testing::Dice;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use crate::support::{LONG, on_ring_and_pool, pattern};

/// A certificate authority for one test.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names are fine");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("signs itself"))
    }

    fn certify(&self, name: &str) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &self.0).expect("signs");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("its form");
        (vec![certificate.der().clone()], key)
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).expect("its form");
        roots
    }

    fn server(&self, name: &str) -> ServerConfig {
        let (chain, key) = self.certify(name);
        let builder = ServerConfig::builder().with_no_client_auth();
        let mut config = builder.with_single_cert(chain, key).expect("they fit");
        config.alpn_protocols = vec![b"h2".to_vec(), b"echo".to_vec()];
        config
    }

    fn client(&self) -> ClientConfig {
        let builder = ClientConfig::builder().with_root_certificates(self.roots());
        let mut config = builder.with_no_client_auth();
        config.alpn_protocols = vec![b"echo".to_vec()];
        config
    }
}

fn name() -> ServerName<'static> {
    ServerName::try_from("cutwater.test").expect("a name")
}

async fn pair(
    acceptor: &Acceptor,
    connector: &Connector,
) -> (io::Result<Stream<TcpStream>>, io::Result<Stream<TcpStream>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
    let address = listener.local_addr().expect("it has one");
    let connector = connector.clone();
    let client = spawn(async move {
        let stream = TcpStream::connect(address, LONG).await?;
        connector.connect(name(), stream).await
    });
    let server = acceptor.accept(listener.accept().await.expect("accepts")).await;
    (client.await.expect("it ends"), server)
}

async fn echo(mut stream: Stream<TcpStream>) -> io::Result<u64> {
    let (mut buf, mut total) = (vec![0; 50_000], 0);
    loop {
        match stream.read(&mut buf).await? {
            0 => break,
            n => {
                stream.write_all(&buf[..n]).await?;
                total += n as u64;
            }
        }
    }
    stream.close().await?;
    Ok(total)
}

#[test]
fn bytes_of_all_sizes_come_back_and_both_sides_end_well() {
    let authority = Authority::new("ours");
    let acceptor = Acceptor::new(Arc::new(authority.server("cutwater.test")));
    let connector = Connector::new(Arc::new(authority.client()));
    on_ring_and_pool(|runtime| {
        runtime.block_on(async {
            let (client, server) = pair(&acceptor, &connector).await;
            let (mut client, server) = (client.expect("connects"), server.expect("accepts"));
            assert_eq!(client.alpn(), Some(&b"echo"[..]));
            assert_eq!(client.peer_certificates().map(<[_]>::len), Some(1));
            let server = spawn(echo(server));
            let mut total = 0;
            for size in [1, 64, 4096, 16_384, 16_385, 65_536, 1 << 20, 3] {
                let sent = pattern(size);
                let mut received = vec![0; size];
                // In pieces, so that neither side waits for the other with full buffers.
                for (piece, space) in sent.chunks(60_000).zip(received.chunks_mut(60_000)) {
                    client.write_all(piece).await.expect("sends");
                    client.read_exact(space).await.expect("receives");
                }
                assert!(received == sent, "{size} bytes");
                total += size as u64;
            }
            client.close().await.expect("ends");
            assert_eq!(client.read(&mut [0; 9]).await.expect("the server ends too"), 0);
            assert!(client.write_all(b"more").await.is_err(), "after the end");
            assert_eq!(server.await.expect("it ends").expect("echoes"), total);
        });
    });
}

#[test]
fn the_peer_may_be_plain_rustls() {
    let authority = Authority::new("ours");
    let acceptor = Acceptor::new(Arc::new(authority.server("cutwater.test")));
    on_ring_and_pool(|runtime| {
        for versions in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
            let address = listener.local_addr().expect("it has one");
            let builder = ClientConfig::builder_with_protocol_versions(&[versions]);
            let config = builder.with_root_certificates(authority.roots()).with_no_client_auth();
            let peer = std::thread::spawn(move || {
                let tcp = std::net::TcpStream::connect(address).expect("connects");
                let tls = ClientConnection::new(Arc::new(config), name()).expect("begins");
                let mut stream = StreamOwned::new(tls, tcp);
                for size in [10usize, 200_000, 1] {
                    let sent = pattern(size);
                    let mut received = vec![0; size];
                    for (piece, space) in sent.chunks(9_000).zip(received.chunks_mut(9_000)) {
                        stream.write_all(piece).expect("sends");
                        stream.read_exact(space).expect("receives");
                    }
                    assert!(received == sent);
                }
                stream.conn.send_close_notify();
                stream.flush().expect("ends");
                let mut rest = Vec::new();
                stream.read_to_end(&mut rest).map(|_| rest.len())
            });
            let total = runtime.block_on(async {
                let stream = listener.accept().await.expect("accepts");
                echo(acceptor.accept(stream).await.expect("shakes hands")).await
            });
            assert_eq!(total.expect("echoes"), 200_011);
            assert_eq!(peer.join().expect("it ends").expect("our end is well"), 0);
        }
    });
}

#[test]
fn a_connection_that_is_cut_is_an_error() {
    let authority = Authority::new("ours");
    let acceptor = Acceptor::new(Arc::new(authority.server("cutwater.test")));
    let connector = Connector::new(Arc::new(authority.client()));
    on_ring_and_pool(|runtime| {
        runtime.block_on(async {
            let (client, server) = pair(&acceptor, &connector).await;
            let (mut client, mut server) = (client.expect("connects"), server.expect("accepts"));
            client.write_all(b"some").await.expect("sends");
            // As somebody on the path could do it.
            client.get_ref().shutdown(Shutdown::Write).expect("cuts");
            server.read_exact(&mut [0; 4]).await.expect("receives what was sent");
            let cut = server.read(&mut [0; 4]).await.map_err(|e| e.kind());
            assert_eq!(cut, Err(io::ErrorKind::UnexpectedEof));
        });
    });
}

#[test]
fn strangers_are_refused_with_a_reason() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let acceptor = Acceptor::new(Arc::new(ours.server("cutwater.test")));
    let another = Acceptor::new(Arc::new(ours.server("another.test")));
    on_ring_and_pool(|runtime| {
        runtime.block_on(async {
            let stranger = Connector::new(Arc::new(theirs.client()));
            let (client, server) = pair(&acceptor, &stranger).await;
            let why = client.expect_err("the authority is not known").to_string();
            assert!(why.contains("UnknownIssuer"), "{why}");
            let alert = server.expect_err("the client has gone").to_string();
            assert!(alert.contains("UnknownCA") || alert.contains("CertificateUnknown"), "{alert}");
            let connector = Connector::new(Arc::new(ours.client()));
            let (client, _) = pair(&another, &connector).await;
            let why = client.expect_err("the name is another").to_string();
            assert!(why.contains("not valid for name"), "{why}");
        });
        // A peer that does not speak TLS is an error and not a hang.
        let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
        let address = listener.local_addr().expect("it has one");
        let mut peer = std::net::TcpStream::connect(address).expect("connects");
        peer.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").expect("sends");
        let failed = runtime.block_on(async {
            let stream = listener.accept().await.expect("accepts");
            timeout(LONG, acceptor.accept(stream)).await.expect("in time")
        });
        assert_eq!(failed.map(drop).map_err(|e| e.kind()), Err(io::ErrorKind::InvalidData));
    });
}

#[test]
fn clients_are_asked_for_their_certificates() {
    let authority = Authority::new("ours");
    let verifier = WebPkiClientVerifier::builder(Arc::new(authority.roots()));
    let (chain, key) = authority.certify("cutwater.test");
    let builder = ServerConfig::builder();
    let builder = builder.with_client_cert_verifier(verifier.build().expect("it has a root"));
    let acceptor = Acceptor::new(Arc::new(builder.with_single_cert(chain, key).expect("they fit")));
    let (chain, key) = authority.certify("client.test");
    let builder = ClientConfig::builder().with_root_certificates(authority.roots());
    let known = builder.with_client_auth_cert(chain, key).expect("they fit");
    on_ring_and_pool(|runtime| {
        runtime.block_on(async {
            let (client, server) = pair(&acceptor, &Connector::new(Arc::new(known.clone()))).await;
            client.expect("connects");
            assert_eq!(server.expect("accepts").peer_certificates().map(<[_]>::len), Some(1));
            let unknown = Connector::new(Arc::new(authority.client()));
            let (_, server) = pair(&acceptor, &unknown).await;
            assert_eq!(server.map(drop).map_err(|e| e.kind()), Err(io::ErrorKind::InvalidData));
        });
    });
}

#[test]
fn sessions_are_resumed_and_certificates_replaced_without_losing_connections() {
    let authority = Authority::new("ours");
    let acceptor = Acceptor::new(Arc::new(authority.server("cutwater.test")));
    on_ring_and_pool(|runtime| {
        let connector = Connector::new(Arc::new(authority.client()));
        runtime.block_on(async {
            let mut old = None;
            for round in 0..2 {
                let (client, server) = pair(&acceptor, &connector).await;
                let (mut client, server) = (client.expect("connects"), server.expect("accepts"));
                assert_eq!(client.resumed(), round == 1, "round {round}");
                let server = spawn(echo(server));
                client.write_all(b"x").await.expect("sends");
                client.read_exact(&mut [0]).await.expect("receives");
                old = Some((client, server));
            }
            let (mut client, server) = old.expect("there is one");
            let before = client.peer_certificates().map(<[_]>::to_vec);
            acceptor.replace(Arc::new(authority.server("cutwater.test")));
            let fresh = Connector::new(Arc::new(authority.client()));
            let (newer, _server) = pair(&acceptor, &fresh).await;
            assert_ne!(newer.expect("connects").peer_certificates().map(<[_]>::to_vec), before);
            client.write_all(b"still").await.expect("sends");
            client.read_exact(&mut [0; 5]).await.expect("receives");
            client.close().await.expect("ends");
            server.await.expect("it ends").expect("echoes");
        });
    });
}

#[test]
fn damaged_handshakes_are_errors_and_nothing_worse() {
    let authority = Authority::new("ours");
    let acceptor = Acceptor::new(Arc::new(authority.server("cutwater.test")));
    let mut hello = Vec::new();
    let mut client = ClientConnection::new(Arc::new(authority.client()), name()).expect("begins");
    client.write_tls(&mut hello).expect("into memory");
    let Ok(runtime) = Runtime::new() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
    let address = listener.local_addr().expect("it has one");
    for seed in 0..300u64 {
        let mut damaged = hello.clone();
        let mut dice = Dice::new(seed);
        for _ in 0..1 + seed % 4 {
            let at = dice.below(damaged.len() as u64) as usize;
            damaged[at] ^= 1 << dice.below(8);
        }
        damaged.truncate(damaged.len() - dice.below(8) as usize);
        let mut peer = std::net::TcpStream::connect(address).expect("connects");
        peer.write_all(&damaged).expect("sends");
        peer.shutdown(Shutdown::Write).expect("ends");
        let shaken = runtime.block_on(async {
            let stream = listener.accept().await.expect("accepts");
            timeout(LONG, acceptor.accept(stream)).await.expect("in time")
        });
        assert!(shaken.is_err(), "seed {seed}: the client never answers");
    }
}

#[test]
fn a_damaged_record_fails_and_stays_failed() {
    let authority = Authority::new("ours");
    let acceptor = Acceptor::new(Arc::new(authority.server("cutwater.test")));
    let connector = Connector::new(Arc::new(authority.client()));
    on_ring_and_pool(|runtime| {
        runtime.block_on(async {
            let (client, server) = pair(&acceptor, &connector).await;
            let (client, mut server) = (client.expect("connects"), server.expect("accepts"));
            // A record of application data that no key made.
            let record = [&[23, 3, 3, 0, 40][..], &[7; 40]].concat();
            client.get_ref().send_all(record).await.0.expect("sends");
            for _ in 0..3 {
                let failed = server.read(&mut [0; 9]).await.map_err(|e| e.kind());
                assert_eq!(failed, Err(io::ErrorKind::InvalidData));
                assert!(server.write_all(b"x").await.is_err());
            }
            let _ = server.close().await;
        });
    });
}
