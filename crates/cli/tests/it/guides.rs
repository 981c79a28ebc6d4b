//! The Rust code of the guides under `docs` is compiled, and run where that needs nothing but files.
//!
//! Every block of a guide stands in this file, or in the documentation of a crate whose tests
//! compile it, with the same words; spaces and line breaks may differ.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the guides print")]
#![allow(dead_code, reason = "what needs a network or a second process is compiled only")]

use std::error::Error;
use std::path::Path;

type Done = Result<(), Box<dyn Error>>;

/// Where a block may stand.
const SOURCES: [&str; 4] = [
    include_str!("guides.rs"),
    include_str!("../../../read/src/lib.rs"),
    include_str!("../../../rt/src/lib.rs"),
    include_str!("../../../store/src/lib.rs"),
];

#[test]
fn every_block_of_the_guides_is_compiled_somewhere() {
    let sources = SOURCES.map(words);
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let mut blocks = 0;
    for entry in std::fs::read_dir(docs).expect("the guides") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|end| end != "md") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a guide");
        for block in text.split("```rust\n").skip(1) {
            let (block, _) = block.split_once("```").expect("the end of a block");
            let block_words = words(block);
            let is_there = sources.iter().any(|source| source.contains(&block_words));
            assert!(
                is_there,
                "{}: this block is not compiled by any test:\n{block}",
                path.display()
            );
            blocks += 1;
        }
    }
    assert!(blocks >= 13, "only {blocks} blocks were found");
}

/// The text without the marks of documentation, its hidden lines, spaces and line breaks.
fn words(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let line = line.trim_start();
        line.strip_prefix("//!").or_else(|| line.strip_prefix("///")).unwrap_or(line).trim_start()
    });
    let shown = lines.filter(|line| !line.starts_with("# "));
    shown.flat_map(|line| line.split_whitespace()).collect()
}

/// Runs `guide` in a directory of its own, which is this process's from then on: one test has it.
fn in_directory(guide: impl FnOnce() -> Done) -> Done {
    let dir = tempfile::tempdir()?;
    let before = std::env::current_dir()?;
    std::env::set_current_dir(dir.path())?;
    let done = guide();
    std::env::set_current_dir(before)?;
    done
}

#[test]
fn guides_that_need_only_files_run() -> Done {
    in_directory(|| {
        std::fs::write("data.bin", [7; 100])?;
        std::fs::write("big.bin", [7; 10_000])?;
        append_log()?;
        mapped()?;
        scratch()?;
        metrics()?;
        cutwater_rt::Runtime::new()?.block_on(bridge())?;
        Ok(())
    })
}

#[rustfmt::skip]
fn append_log() -> Done {
    use cutwater_keep::append_log::{AppendLog, LogReader};

    let mut log = AppendLog::open("events.log")?;
    log.append(b"first")?;
    log.append(b"second")?;
    log.publish();                              // readers see both
    log.sync()?;                                // and they survive a crash of the machine

    let mut reader = LogReader::open("events.log")?;   // in any process of this host
    while let Some(record) = reader.read_next()? {
        println!("{} {:?}", record.position, record.payload);
    }
    Ok(())
}

fn parse(_: &[u8]) {}

#[rustfmt::skip]
fn hot_files() -> Done {
    let files = cutwater_keep::hot_files::HotFiles::options().bytes_max(64 << 20).build()?;
    let file = files.get("/etc/service/limits.json")?;
    parse(file.bytes());
    Ok(())
}

#[rustfmt::skip]
fn mapped() -> Done {
    use cutwater::{Mapped, sigbus};

    sigbus::install()?;                     // once per process, on request
    let mapped = Mapped::open("data.bin")?;
    let mut header = [0u8; 64];
    match mapped.read_at(&mut header, 0) {
        Ok(n) => println!("{n} bytes"),     // fewer than 64 only at the end of the file
        Err(fault) if fault.is_truncated() => {
            println!("the file became shorter; {} bytes were copied before", fault.copied());
        }
        Err(fault) => return Err(fault.into()),
    }
    let count: u64 = mapped.read_value(64)?; // copied first, then checked
    println!("{count}");
    Ok(())
}

#[rustfmt::skip]
fn metrics() -> Done {
    let metrics = cutwater::Metrics::start()?;
    let endpoint = metrics.serve("127.0.0.1:0")?;      // GET /metrics, until it is dropped
    println!("http://{}/metrics", endpoint.address());
    let text = metrics.render(cutwater::metrics::Format::Prometheus);   // or in a server of your own
    println!("{} bytes", text.len());
    Ok(())
}

#[rustfmt::skip]
fn metrics_without_a_thread() -> Done {
    let metrics = cutwater::Metrics::options().without_sampler().start()?;   // no thread
    drop(metrics);
    Ok(())
}

#[cfg(feature = "otlp")]
#[rustfmt::skip]
fn pushes(metrics: &cutwater::Metrics) -> Done {
    use cutwater_meter::otlp::{PushOptions, Target};
    let push = PushOptions::default()
        .attribute("service.name", "my-server")
        .start(Target::new("http://localhost:4318")?, metrics.registry(), |failure| eprintln!("{failure}"))?;
    // pushes until it is dropped
    drop(push);
    Ok(())
}

#[rustfmt::skip]
fn scratch() -> Done {
    use std::ops::ControlFlow;
    use cutwater_keep::scratch::Scratch;

    let mut scratch = Scratch::options().memory_max(64 << 20).create()?;
    for i in 0..100_000u64 {
        scratch.append(&i.to_le_bytes())?;
    }
    let mut sum = 0;
    scratch.drain(|bytes| {
        // up to 2 MiB at a time; given back to the system after each
        sum += bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>();
        ControlFlow::<()>::Continue(())
    })?;
    scratch.close()?;
    Ok(())
}

#[rustfmt::skip]
fn served() -> std::io::Result<()> {
    use cutwater_rt::{Runtime, net::TcpListener, spawn};

    Runtime::new()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let mut incoming = listener.incoming();
        loop {
            let stream = incoming.next().await?;
            spawn(async move {
                let (mut pieces, mut buf) = (stream.received(), Vec::new());
                while let Some(piece) = pieces.next().await? {
                    let (sent, back) = stream.send_all(piece.into_vec(buf)).await;
                    sent?;
                    buf = pieces.reuse(back);
                }
                std::io::Result::Ok(())
            });
        }
    })
}

#[rustfmt::skip]
async fn bridge() -> Done {
    use cutwater_rt::bridge::{Bridge, Reader, Writer};

    let bridge = Bridge::new()?;                       // one for the program; clones are cheap
    let file = bridge.open("big.bin").await?;
    let (read, buf) = file.read_at(vec![0; 4096], 0).await;
    let mut reader = Reader::new(file);                // AsyncRead + AsyncSeek, of tokio::io or futures
    let out = bridge.create("copy.bin").await?;
    let mut writer = Writer::new(out, 0);              // AsyncWrite; flush it before it is dropped
    assert_eq!(read?, buf.len());
    std::future::poll_fn(|cx| writer.poll_give(cx, &buf)).await?;
    std::future::poll_fn(|cx| writer.poll_flush(cx)).await?;
    assert_eq!(reader.seek_to(std::io::SeekFrom::Start(1))?, 1);
    Ok(())
}

async fn datagrams(socket: cutwater_rt::net::UdpSocket) -> Done {
    let mut coalesced = socket.coalesced();
    loop {
        let batch = coalesced.next().await?;
        let mut answer = Vec::new();
        for datagram in batch.datagrams() {
            answer.extend_from_slice(datagram);
        }
        // One buffer, cut by the kernel into datagrams of this length; the last may be shorter.
        let (sent, _) = socket.send_segments_to(answer, batch.segment_bytes, batch.peer).await;
        sent?;
    }
}

#[rustfmt::skip]
fn cores() -> Done {
    use cutwater_rt::Runtime;

    let runtime = Runtime::options().cores(2).pinned(true).build()?;
    let counters = runtime.block_on(async {
        let there = cutwater_rt::spawn_on(1, || async { cutwater_rt::counters() })?;
        there.await.map_err(std::io::Error::other)
    })?;
    println!("{counters:?}");
    Ok(())
}

mod shared {
    use super::Done;
    use cutwater_keep::shared_config::{Publisher, Shared, SharedConfig, zerocopy};
    use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

    #[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
    #[repr(C)]
    struct Limits {
        requests_max: u64,
    }

    impl Shared for Limits {
        const FORMAT: u64 = 1;

        fn validate(&self) -> Result<(), String> {
            if self.requests_max == 0 { Err("requests_max is 0".into()) } else { Ok(()) }
        }
    }

    #[rustfmt::skip]
    fn config(limits: Limits) -> Done {
        let publisher = Publisher::<Limits>::bind("/run/service/limits.sock")?;
        publisher.publish(&limits)?;                    // refused here if it is bad

        let config = SharedConfig::<Limits>::subscribe("/run/service/limits.sock")?;
        let mut reader = config.reader();               // one per thread
        println!("{}", reader.get().requests_max);      // one atomic load while nothing changes
        Ok(())
    }
}
