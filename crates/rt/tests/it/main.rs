//! The tests of the runtime in one program. Next to it are `descriptors` and `simulation`, which need a
//! process of its own, and `loom`, which is built in another way.

mod blocking;
#[cfg(feature = "tokio")]
mod bridge;
mod conformance;
mod cores;
mod examples;
mod executor;
mod fallback;
#[cfg(all(feature = "hyper", feature = "tls"))]
mod http;
#[cfg(feature = "metrics")]
mod metrics;
mod net;
#[cfg(feature = "tls")]
mod proxy;
mod refused;
mod resting;
mod scarcity;
mod segments;
mod sockets;
mod starving;
mod support;
#[cfg(feature = "tls")]
mod tls;
