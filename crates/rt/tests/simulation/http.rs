//! hyper's client and server over a simulated kernel.

use std::convert::Infallible;
use std::time::Duration;

use cutwater_rt::hyper::{Executor, Timer};
use cutwater_rt::net::UnixStream;
use cutwater_rt::spawn;
use cutwater_rt::time::timeout;
use cutwater_testing::Dice;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};

use crate::{Case, LIMIT, all_ends, byte};

/// Sends the body back.
async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await;
    Ok(Response::new(Full::from(body.map_or_else(|_| Bytes::new(), |b| b.to_bytes()))))
}

fn body(n: usize) -> Bytes {
    (0..n).map(byte).collect::<Vec<_>>().into()
}

/// Requests with bodies, over one connection. The first error ends it, where operations fail.
async fn exchange(mut dice: Dice) -> hyper::Result<()> {
    let (client, server) = UnixStream::pair().expect("a pair");
    let mut builder = hyper::server::conn::http2::Builder::new(Executor);
    builder.timer(Timer).keep_alive_interval(Some(Duration::from_secs(60)));
    builder.keep_alive_timeout(Duration::from_secs(600));
    let server = builder.serve_connection(server.into_io(), service_fn(echo));
    let server = spawn(async move { drop(server.await) });
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(Executor, client.into_io()).await?;
    let connection = spawn(async move { drop(connection.await) });
    for _ in 0..1 + dice.below(4) {
        let most = [10, 3000, 100_000][dice.below(3) as usize];
        let size = dice.below(most) as usize;
        let request = Request::post("http://x/").body(Full::<Bytes>::from(body(size)));
        let answer = sender.send_request(request.expect("it is one")).await?;
        let answer = answer.into_body().collect().await?.to_bytes();
        // The server answers with nothing where the body did not come whole.
        assert!(answer == body(size) || answer.is_empty(), "wrong bytes");
    }
    drop(sender);
    connection.await.expect("no panic");
    server.await.expect("no panic");
    Ok(())
}

pub(crate) fn run(case: &Case) {
    let runtime = case.runtime();
    let done = runtime.try_block_on(timeout(LIMIT, async {
        let done = exchange(Dice::new(case.seed)).await;
        if done.is_ok() {
            all_ends().await;
        }
        done
    }));
    let done = done.expect("no deadlock").expect("it does not hang");
    // A clock that jumps may end the connection, too.
    assert!(case.fails || done.is_ok(), "{done:?}");
}
