//! A process that has no descriptors left. It is a program of its own, because the limit applies to the
//! whole process.

use std::fs::File;
use std::time::Duration;

use cutwater_rt::net::TcpListener;
use cutwater_rt::time::{sleep, timeout};
use cutwater_rt::{Backend, Runtime, counters, spawn};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

#[test]
fn accepting_waits_for_descriptors_without_spinning_and_goes_on() {
    for backend in [Backend::Ring, Backend::Pool] {
        let Ok(runtime) = Runtime::options().backend(backend).build() else {
            cutwater_testing::skip!("{backend:?}");
            continue;
        };
        let before = getrlimit(Resource::Nofile);
        runtime.block_on(async {
            for many in [false, true] {
                let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
                let address = listener.local_addr().expect("it has one");
                let peer = std::net::TcpStream::connect(address).expect("connects");
                let low = Rlimit { current: Some(256), maximum: before.maximum };
                setrlimit(Resource::Nofile, low).expect("a limit may be lowered");
                let taken: Vec<File> =
                    std::iter::from_fn(|| File::open("/dev/null").ok()).take(300).collect();
                assert!(taken.len() < 300, "the limit holds");
                let accept = spawn(async move {
                    if many { listener.incoming().next().await } else { listener.accept().await }
                });
                let polls = counters().polls;
                sleep(Duration::from_millis(100)).await;
                let spent = counters().polls - polls;
                assert!(!accept.is_finished(), "there is no descriptor for it");
                // A try every 20 ms takes a few polls. The bound leaves room for a slow machine; a
                // busy loop would poll tens of thousands of times.
                assert!(spent < 1000, "{spent} polls");
                drop(taken);
                let accepted = timeout(Duration::from_secs(60), accept).await.expect("in time");
                accepted.expect("it ends").expect("accepts");
                setrlimit(Resource::Nofile, before).expect("and raised again");
                drop(peer);
            }
        });
    }
}
