//! An authority that says what a test wants it to say, for what pebble never does: be busy, refuse
//! by a rate limit, answer without end, not answer at all.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::pebble::write_server_certificate;

/// Paths, and the whole answer for each; the same one for every method.
pub(crate) type Script = HashMap<&'static str, String>;

pub(crate) struct Scripted {
    pub(crate) directory_url: String,
    pub(crate) extra_roots: PathBuf,
    _home: tempfile::TempDir,
}

/// An answer of a script.
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} x\r\nContent-Length: {length}\r\nReplay-Nonce: n\r\n{headers}\r\n{body}"
    )
}

impl Scripted {
    /// `script` is given the URL before the paths.
    pub(crate) async fn start(script: impl FnOnce(&str) -> Script) -> Self {
        let home = tempfile::tempdir().unwrap();
        write_server_certificate(home.path());
        let chain = CertificateDer::from_pem_file(home.path().join("server.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(home.path().join("server.key")).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![chain], key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let script = Arc::new(script(&url));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(acceptor.clone(), stream, Arc::clone(&script)));
            }
        });
        let extra_roots = home.path().join("root.pem");
        Self { directory_url: format!("{url}/dir"), extra_roots, _home: home }
    }
}

/// One request for each connection, as the client makes them.
async fn serve(acceptor: TlsAcceptor, stream: TcpStream, script: Arc<Script>) -> Option<()> {
    let mut stream = BufReader::new(acceptor.accept(stream).await.ok()?);
    let mut request = String::new();
    stream.read_line(&mut request).await.ok()?;
    let mut length = 0;
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await.ok()?;
        if header.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let path = request.split(' ').nth(1)?;
    let nothing = answer(404, "", "");
    let answer = script.get(path).unwrap_or(&nothing);
    let answer = match request.split_once(' ')?.0 {
        "HEAD" => format!("{}\r\n\r\n", answer.split_once("\r\n\r\n")?.0),
        _ => answer.clone(),
    };
    stream.write_all(answer.as_bytes()).await.ok()?;
    stream.shutdown().await.ok()
}
