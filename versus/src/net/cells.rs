//! What is sent, over how many connections.

/// How bytes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// TCP.
    Plain,
    /// TLS 1.3 over TCP.
    Tls,
    /// Datagrams.
    Udp,
}

/// One cell.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub(crate) transport: Transport,
    pub(crate) bytes: usize,
    pub(crate) connections: usize,
}

impl Cell {
    /// Its name, without what is measured.
    pub(crate) fn name(&self) -> String {
        let transport = match self.transport {
            Transport::Plain => "tcp",
            Transport::Tls => "tls",
            Transport::Udp => "udp",
        };
        let bytes = match self.bytes {
            n if n >= 1 << 20 => format!("{}m", n >> 20),
            n if n >= 1 << 10 => format!("{}k", n >> 10),
            n => n.to_string(),
        };
        format!("{transport}-{bytes}-c{}", self.connections)
    }
}

/// The cells of a run.
pub(crate) fn all(quick: bool) -> Vec<Cell> {
    let (sizes, connections): (&[usize], &[usize]) = if quick {
        (&[64, 4096, 65_536], &[1, 64])
    } else {
        (&[64, 512, 4096, 16_384, 65_536, 1 << 20], &[1, 16, 64, 1000])
    };
    let mut cells = Vec::new();
    for transport in [Transport::Plain, Transport::Tls] {
        for &bytes in sizes {
            for &connections in connections {
                // By TLS, the sizes matter more than the number of connections.
                let wanted = transport == Transport::Plain || matches!(connections, 1 | 64);
                // A megabyte in flight on each of 1000 connections would measure the kernel's memory.
                if wanted && bytes * connections <= 64 << 20 {
                    cells.push(Cell { transport, bytes, connections });
                }
            }
        }
    }
    cells.extend([64, 128].map(|bytes| Cell { transport: Transport::Udp, bytes, connections: 64 }));
    cells
}
