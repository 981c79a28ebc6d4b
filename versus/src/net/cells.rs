//! What is sent, over how many connections.

/// How bytes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// TCP.
    Plain,
    /// TLS 1.3 over TCP.
    Tls,
    /// Datagrams.
    Udp,
}

/// One cell.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    pub(super) kind: Kind,
    pub(super) bytes: usize,
    pub(super) connections: usize,
}

impl Cell {
    /// Its name, without what is measured.
    pub(super) fn name(&self) -> String {
        let kind = match self.kind {
            Kind::Plain => "tcp",
            Kind::Tls => "tls",
            Kind::Udp => "udp",
        };
        let bytes = match self.bytes {
            n if n >= 1 << 20 => format!("{}m", n >> 20),
            n if n >= 1 << 10 => format!("{}k", n >> 10),
            n => n.to_string(),
        };
        format!("{kind}-{bytes}-c{}", self.connections)
    }
}

/// The cells of a run.
pub(super) fn all(quick: bool) -> Vec<Cell> {
    let (sizes, connections): (&[usize], &[usize]) = if quick {
        (&[64, 4096, 65_536], &[1, 64])
    } else {
        (&[64, 512, 4096, 16_384, 65_536, 1 << 20], &[1, 16, 64, 1000])
    };
    let mut cells = Vec::new();
    for kind in [Kind::Plain, Kind::Tls] {
        for &bytes in sizes {
            for &connections in connections {
                // TLS asks for every size, and one number of connections tells.
                let wanted = kind == Kind::Plain || matches!(connections, 1 | 64);
                // A megabyte in flight for each of a thousand is the kernel's memory, not ours.
                if wanted && bytes * connections <= 64 << 20 {
                    cells.push(Cell { kind, bytes, connections });
                }
            }
        }
    }
    cells.extend([64, 128].map(|bytes| Cell { kind: Kind::Udp, bytes, connections: 64 }));
    cells
}
