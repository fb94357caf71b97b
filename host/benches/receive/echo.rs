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
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tureen::certificates::{CertificateStore, DEFAULT_NAME, ServedCertificate, https_config};

pub(crate) struct Echo {
    pub(crate) address: SocketAddr,
    /// Lives as long as its threads are to.
    _runtime: Runtime,
}

impl Echo {
    pub(crate) fn start(home: &Path) -> Self {
        let runtime = crate::threads("echo");
        Self { address: runtime.block_on(start_echo(home)), _runtime: runtime }
    }
}

async fn start_echo(home: &Path) -> SocketAddr {
    let store = CertificateStore::open(&home.join("certificates")).unwrap();
    let certificate = store.load(DEFAULT_NAME).unwrap();
    let tls = TlsAcceptor::from(https_config(ServedCertificate::new(&certificate), None).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            socket.set_nodelay(true).unwrap();
            let tls = tls.clone();
            tokio::spawn(async move {
                let Ok(stream) = tls.accept(socket).await else { return };
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service_fn(echo))
                    .await;
            });
        }
    });
    address
}

async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    Ok(Response::new(Full::new(body)))
}
