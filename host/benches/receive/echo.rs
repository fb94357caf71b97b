//! The bare server that all are compared with: hyper and rustls, nothing else. It
//! gives the body back.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::runtime::Runtime;

pub(crate) struct Echo {
    pub(crate) address: SocketAddr,
    /// Lives as long as its threads are to.
    _runtime: Runtime,
}

impl Echo {
    pub(crate) fn start(home: &Path) -> Self {
        let runtime = crate::threads("echo");
        let address = runtime.block_on(crate::listen(home, |stream| async {
            let _ended = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service_fn(echo))
                .await;
        }));
        Self { address, _runtime: runtime }
    }
}

async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    Ok(Response::new(Full::new(body)))
}
