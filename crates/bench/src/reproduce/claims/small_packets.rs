//! Small UDP packets with buffers from a pool or allocated each time.

use std::io::IoSlice;
use std::net::UdpSocket;
use std::time::Instant;

use cutwater_meter::Checksum;
use cutwater_sys::alloc_count::allocations;
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, sendmmsg};

use super::passes::failed;
use crate::reproduce::claim::{Claim, Measured};

const BYTES: usize = 128;
/// Packets of one call; a socket's buffer holds as many on any host.
const BATCH: usize = 32;

pub(super) const CLAIM: Claim = Claim {
    id: "small-packets",
    text: "UDP packets of 128 bytes: buffers from a pool and prepared iovecs, against allocating each time",
    claimed_ratio: Some(3.2),
    measure: |bed| {
        let batches = bed.sized(6000, 1500);
        let pair = Pair::new()?;
        let mut counts = [0; 3];
        let names = ["pooled", "allocated", "allocated, a call each"];
        let sides = bed.interleave(&names, "ns a packet", |side| {
            let before = allocations();
            let started = Instant::now();
            let sum = match side {
                0 => pair.pooled(batches),
                1 => pair.allocated(batches),
                _ => pair.one_by_one(batches),
            }?;
            let packets = (batches * BATCH as u64) as f64;
            counts[side] = (allocations() - before) / batches;
            Ok((started.elapsed().as_secs_f64() * 1e9 / packets, sum))
        })?;
        Ok(Measured::less(sides, |s| {
            let (pooled, allocated, each) = (s[0].median(), s[1].median(), s[2].median());
            let [few, many, _] = counts;
            format!(
                "{few} allocations for {BATCH} packets against {many}, and {pooled:.0} ns a packet, sent and received, against {allocated:.0}; with a call for each packet instead of for {BATCH} it is {each:.0}"
            )
        }))
    },
};

/// Two sockets on loopback.
struct Pair {
    from: UdpSocket,
    to: UdpSocket,
}

impl Pair {
    fn new() -> Result<Self, String> {
        let bind = || UdpSocket::bind("127.0.0.1:0").map_err(failed);
        let (from, to) = (bind()?, bind()?);
        from.connect(to.local_addr().map_err(failed)?).map_err(failed)?;
        // A packet that the kernel dropped must not be waited for.
        to.set_read_timeout(Some(std::time::Duration::from_secs(1))).map_err(failed)?;
        Ok(Self { from, to })
    }

    /// One buffer for all packets, cut by headers that are made once for each call, on the stack.
    fn pooled(&self, batches: u64) -> Result<u64, String> {
        let (mut out, mut back) = ([0; BYTES * BATCH], [0; BYTES]);
        let mut sum = Checksum::new();
        for n in 0..batches {
            for (k, packet) in out.chunks_exact_mut(BYTES).enumerate() {
                fill(packet, n, k);
            }
            let parts: [[IoSlice<'_>; 1]; BATCH] =
                std::array::from_fn(|k| [IoSlice::new(&out[k * BYTES..(k + 1) * BYTES])]);
            let mut control: [_; BATCH] = std::array::from_fn(|_| SendAncillaryBuffer::default());
            let mut parts = parts.iter();
            let headers =
                control.each_mut().map(|c| MMsgHdr::new(parts.next().map_or(&[], |p| &p[..]), c));
            self.send(headers)?;
            for k in 0..BATCH {
                self.receive(&mut back)?;
                sum.add(place(n, k), &back);
            }
        }
        Ok(sum.value())
    }

    /// A buffer for each packet, and arrays for each call.
    fn allocated(&self, batches: u64) -> Result<u64, String> {
        let mut sum = Checksum::new();
        for n in 0..batches {
            let packets: Vec<Vec<u8>> = (0..BATCH).map(|k| made(n, k)).collect();
            let parts: Vec<Vec<IoSlice<'_>>> =
                packets.iter().map(|packet| vec![IoSlice::new(packet)]).collect();
            let mut control: Vec<_> = (0..BATCH).map(|_| SendAncillaryBuffer::default()).collect();
            let headers: Vec<_> =
                parts.iter().zip(&mut control).map(|(p, c)| MMsgHdr::new(p, c)).collect();
            self.send(headers)?;
            for k in 0..BATCH {
                let mut back = vec![0; BYTES];
                self.receive(&mut back)?;
                sum.add(place(n, k), &back);
            }
        }
        Ok(sum.value())
    }

    fn one_by_one(&self, batches: u64) -> Result<u64, String> {
        let mut sum = Checksum::new();
        for n in 0..batches {
            for k in 0..BATCH {
                self.from.send(&made(n, k)).map_err(failed)?;
            }
            for k in 0..BATCH {
                let mut back = vec![0; BYTES];
                self.receive(&mut back)?;
                sum.add(place(n, k), &back);
            }
        }
        Ok(sum.value())
    }

    fn send<'a>(&self, mut headers: impl AsMut<[MMsgHdr<'a>]>) -> Result<(), String> {
        let mut left = headers.as_mut();
        while !left.is_empty() {
            let sent = sendmmsg(&self.from, left, SendFlags::empty()).map_err(failed)?;
            left = &mut left[sent..];
        }
        Ok(())
    }

    fn receive(&self, buf: &mut [u8]) -> Result<(), String> {
        match self.to.recv(buf) {
            Ok(BYTES) => Ok(()),
            Ok(n) => Err(format!("a packet of {BYTES} bytes came as {n}")),
            Err(e) => Err(format!("a packet was lost on loopback: {e}")),
        }
    }
}

fn place(n: u64, k: usize) -> u64 {
    (n * BATCH as u64 + k as u64) * BYTES as u64
}

fn fill(packet: &mut [u8], n: u64, k: usize) {
    packet.fill(n as u8 ^ 0x5a);
    packet[0] = k as u8;
}

fn made(n: u64, k: usize) -> Vec<u8> {
    let mut packet = vec![0; BYTES];
    fill(&mut packet, n, k);
    packet
}
