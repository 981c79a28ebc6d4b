//! What several of these tests need.

use std::time::Duration;

use cutwater_rt::net::{TcpListener, TcpStream};
use cutwater_rt::time::sleep;
use cutwater_rt::{Backend, Path, Runtime, RuntimeOptions, counters};
use cutwater_testing::skip;

/// A test that takes longer hangs.
pub(crate) const LONG: Duration = Duration::from_secs(120);

/// Options of a runtime; with `CUTWATER_SCARCE=1` they have the least of everything: a ring of two entries, one
/// shared buffer, one thread for operations and one for closures.
pub(crate) fn options(backend: Backend) -> RuntimeOptions {
    let options = Runtime::options().backend(backend);
    if std::env::var_os("CUTWATER_SCARCE").is_none() {
        return options;
    }
    options.ring_entries(2).shared_buffers(1).pool_threads(1).blocking_threads(1)
}

/// A runtime of one core; prints why it is skipped.
pub(crate) fn runtime(backend: Backend) -> Option<Runtime> {
    let built = options(backend).build();
    built.inspect_err(|e| skip!("{backend:?}: {e}")).ok()
}

/// Runs `test` on each of `backends`.
pub(crate) fn on_each(backends: impl IntoIterator<Item = Backend>, test: impl Fn(&Runtime)) {
    backends.into_iter().filter_map(runtime).for_each(|runtime| test(&runtime));
}

/// Runs `test` over the ring and without it.
pub(crate) fn on_ring_and_pool(test: impl Fn(&Runtime)) {
    on_each([Backend::Ring, Backend::Pool], test);
}

/// Runs `test` for sockets: over the ring, without it, and with a ring that is not used, where sockets
/// wait by epoll instead.
pub(crate) fn on_all_for_sockets(test: impl Fn(&Runtime)) {
    on_ring_and_pool(&test);
    if let Ok(runtime) = options(Backend::Ring).build() {
        runtime.force_path(Some(Path::Cold));
        test(&runtime);
    }
}

/// `n` bytes that repeat after 251.
pub(crate) fn pattern(n: usize) -> Vec<u8> {
    (0..n).map(|i| (i * 31 % 251) as u8).collect()
}

/// Both ends of a connection.
pub(crate) async fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
    let address = listener.local_addr().expect("it has one");
    let client = TcpStream::connect(address, LONG).await.expect("connects");
    (client, listener.accept().await.expect("accepts"))
}

/// Waits until no operation is in flight; cancelled ones end a little later.
///
/// # Panics
/// Where operations are left.
pub(crate) async fn nothing_in_flight() {
    for _ in 0..2000 {
        if counters().in_flight == 0 {
            return;
        }
        sleep(Duration::from_millis(1)).await;
    }
    panic!("operations are left: {:?}", counters());
}
