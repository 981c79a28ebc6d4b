//! Drives rustls' state machine until it needs the network or has done what was asked.

use std::io;

use rustls::client::UnbufferedClientConnection;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus, WriteTraffic,
};
use rustls::{CommonState, Error};

/// The most bytes that a record adds to its contents.
const RECORD_OVERHEAD: usize = 64;

/// The most bytes in a record.
const RECORD_BYTES_MAX: usize = 16 << 10;

/// Either side.
pub(super) enum Connection {
    Client(Box<UnbufferedClientConnection>),
    Server(Box<UnbufferedServerConnection>),
}

/// Takes decrypted bytes; returns how many.
pub(super) type Take<'a> = dyn FnMut(&[u8]) -> usize + 'a;

/// What a connection is asked to do; each is done once.
#[derive(Default)]
pub(super) struct Ask<'a> {
    /// Called with decrypted bytes; returns how many it took.
    pub(super) take: Option<&'a mut Take<'a>>,
    /// Bytes to encrypt.
    pub(super) give: Option<&'a [u8]>,
    /// Whether to send `close_notify`.
    pub(super) close: bool,
}

/// What a connection did.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Did {
    /// This many decrypted bytes were taken.
    Took(usize),
    /// The bytes have been encrypted.
    Gave,
    /// It needs bytes from the peer.
    Needs,
    /// The peer has sent `close_notify`.
    PeerClosed,
    /// Both sides have.
    Closed,
}

/// The result of one state.
enum Step {
    Go,
    Did(Did),
}

/// The buffers of a connection, except for received bytes.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// Encrypted and not sent yet.
    pub(super) outgoing: Vec<u8>,
    /// Decrypted and not taken yet.
    pub(super) plain: Vec<u8>,
}

impl Connection {
    pub(super) fn common(&self) -> &CommonState {
        match self {
            Self::Client(connection) => connection,
            Self::Server(connection) => connection,
        }
    }

    /// Runs until something of `ask` is done or bytes are needed. Returns how many bytes of `incoming` were
    /// used. After an error, the alert for the peer is in `outgoing`.
    pub(super) fn drive(
        &mut self,
        incoming: &mut [u8],
        buffers: &mut Buffers,
        mut ask: Ask<'_>,
    ) -> (usize, Result<Did, Error>) {
        let mut done = 0;
        loop {
            let rest = incoming.get_mut(done..).unwrap_or(&mut []);
            let (discard, step) = self.step(rest, buffers, &mut ask);
            done += discard;
            match step {
                Ok(Step::Go) => {}
                Ok(Step::Did(did)) => return (done, Ok(did)),
                Err(e) => {
                    self.encode_alert(buffers);
                    return (done, Err(e));
                }
            }
        }
    }

    fn step(
        &mut self,
        incoming: &mut [u8],
        buffers: &mut Buffers,
        ask: &mut Ask<'_>,
    ) -> (usize, Result<Step, Error>) {
        match self {
            Self::Client(c) => handle(c.process_tls_records(incoming), buffers, ask),
            Self::Server(c) => handle(c.process_tls_records(incoming), buffers, ask),
        }
    }

    /// Encodes the alert for an error. rustls must not see the same bytes again: it would find the same error,
    /// and allows one alert.
    fn encode_alert(&mut self, buffers: &mut Buffers) {
        while self.common().wants_write() {
            let (_, step) = self.step(&mut [], buffers, &mut Ask::default());
            if !matches!(step, Ok(Step::Go)) {
                return;
            }
        }
    }
}

fn handle<Data>(
    status: UnbufferedStatus<'_, '_, Data>,
    buffers: &mut Buffers,
    ask: &mut Ask<'_>,
) -> (usize, Result<Step, Error>) {
    let UnbufferedStatus { mut discard, state } = status;
    let step = match state {
        Err(e) => Err(e),
        Ok(ConnectionState::ReadTraffic(mut traffic)) => {
            let mut step = Ok(Step::Go);
            while let Some(record) = traffic.next_record() {
                match record {
                    Ok(record) => {
                        discard += record.discard;
                        if let Some(taken) = take(record.payload, buffers, ask) {
                            step = Ok(Step::Did(Did::Took(taken)));
                        }
                    }
                    Err(e) => step = Err(e),
                }
            }
            step
        }
        // An attacker can replay them, and nobody here knows what that does.
        Ok(ConnectionState::ReadEarlyData(_)) => Err(Error::General(
            "early data are not supported: leave max_early_data_size at 0".into(),
        )),
        Ok(ConnectionState::EncodeTlsData(data)) => encode(data, &mut buffers.outgoing),
        // It is sent in order with everything else.
        Ok(ConnectionState::TransmitTlsData(data)) => {
            data.done();
            Ok(Step::Go)
        }
        Ok(ConnectionState::WriteTraffic(traffic)) => write(traffic, buffers, ask),
        Ok(ConnectionState::PeerClosed) => Ok(Step::Did(Did::PeerClosed)),
        Ok(ConnectionState::Closed) => Ok(Step::Did(Did::Closed)),
        // Blocked, or a state of a later version that we cannot handle.
        Ok(_) => Ok(Step::Did(Did::Needs)),
    };
    (discard, step)
}

fn take(payload: &[u8], buffers: &mut Buffers, ask: &mut Ask<'_>) -> Option<usize> {
    // An empty record is allowed, and must not look like the end.
    if payload.is_empty() {
        return None;
    }
    let taken = ask.take.take().map(|take| take(payload).min(payload.len()));
    buffers.plain.extend_from_slice(&payload[taken.unwrap_or(0)..]);
    taken
}

fn encode<Data>(mut data: EncodeTlsData<'_, Data>, outgoing: &mut Vec<u8>) -> Result<Step, Error> {
    let at = outgoing.len();
    let mut room = RECORD_OVERHEAD;
    // The second try has the room that the first asked for.
    for _ in 0..2 {
        outgoing.resize(at + room, 0);
        match data.encode(&mut outgoing[at..]) {
            Ok(n) => {
                outgoing.truncate(at + n);
                return Ok(Step::Go);
            }
            Err(EncodeError::InsufficientSize(needed)) => room = needed.required_size,
            Err(EncodeError::AlreadyEncoded) => break,
        }
    }
    outgoing.truncate(at);
    Err(Error::General("a record could not be encoded".into()))
}

fn write<Data>(
    mut traffic: WriteTraffic<'_, Data>,
    buffers: &mut Buffers,
    ask: &mut Ask<'_>,
) -> Result<Step, Error> {
    let bytes = ask.give.take();
    if bytes.is_none() && !ask.close {
        return Ok(Step::Did(Did::Needs));
    }
    let at = buffers.outgoing.len();
    let len = bytes.map_or(0, <[u8]>::len);
    let mut room = len + (len / RECORD_BYTES_MAX + 1) * RECORD_OVERHEAD;
    for _ in 0..2 {
        buffers.outgoing.resize(at + room, 0);
        let space = &mut buffers.outgoing[at..];
        let written = match bytes {
            Some(bytes) => traffic.encrypt(bytes, space),
            None => traffic.queue_close_notify(space),
        };
        match written {
            Ok(n) => {
                buffers.outgoing.truncate(at + n);
                return Ok(Step::Did(Did::Gave));
            }
            Err(EncryptError::InsufficientSize(needed)) => room = needed.required_size,
            Err(EncryptError::EncryptExhausted) => break,
        }
    }
    buffers.outgoing.truncate(at);
    Err(Error::EncryptError)
}

/// An error of rustls as one of I/O.
pub(super) fn invalid(e: Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, e)
}
