//! Connections to TCP hosts that the plugin is granted, encrypted by the host
//! where it is asked for.
//!
//! An activity may keep one from message to message; dropping it closes it.
//!
//! ```no_run
//! use std::time::Duration;
//! use tureen_plugin_sdk::connection::Connector;
//!
//! let second = Duration::from_secs(1);
//! let mut connection = Connector::new("lis.example.org", 6661).with_tls().connect()?;
//! connection.write(b"\x0bMSH|^~\\&|A\r\x1c\r", second)?;
//! let answer = connection.read(4_096, second)?;
//! # Ok::<(), tureen_plugin_sdk::Problem>(())
//! ```

use std::fmt;
use std::time::Duration;

use crate::Problem;
#[cfg(not(target_family = "wasm"))]
use crate::testkit::native as backend;
#[cfg(target_family = "wasm")]
use crate::wasm as backend;

/// Where a connection goes. Nothing is checked until it is made.
#[derive(Clone, Debug)]
pub struct Connector {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: bool,
    pub(crate) client_certificate: Option<String>,
    pub(crate) timeout: Option<Duration>,
}

impl Connector {
    /// A name or an address, and a port.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port, tls: false, client_certificate: None, timeout: None }
    }

    /// Encrypted: the host checks the certificate against its trust and the name.
    /// It must be granted in `tls`, instead of `tcp`.
    #[must_use]
    pub fn with_tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Shows a certificate of the home, named by its thumbprint (SHA-1 or SHA-256,
    /// any spelling); it must be granted in `client_certificates`. Only with TLS.
    #[must_use]
    pub fn with_client_certificate(mut self, thumbprint: impl Into<String>) -> Self {
        self.client_certificate = Some(thumbprint.into());
        self
    }

    /// From resolving the name to the end of the TLS handshake. At most what is
    /// left of the call; 30 s until it is given.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The host as it was given.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port as it was given.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Connects.
    ///
    /// # Errors
    /// `network.not-granted`, `network.address`, `network.name`,
    /// `network.refused`, `network.timeout`, `network.tls`, `network.certificate`.
    pub fn connect(&self) -> Result<Connection, Problem> {
        backend::Connection::connect(self).map(Connection)
    }
}

/// An open connection.
pub struct Connection(backend::Connection);

impl Connection {
    /// At most `max` bytes, as soon as there are some. None: the peer closed.
    ///
    /// # Errors
    /// `network.timeout`: nothing came in time; it can be read again.
    /// `network.closed`, `network.tls`: the connection is of no use any more.
    pub fn read(&mut self, max: u32, timeout: Duration) -> Result<Vec<u8>, Problem> {
        self.0.read(max, timeout)
    }

    /// All bytes. After an error some of them may have been sent, and the
    /// connection is of no use any more.
    ///
    /// # Errors
    /// `network.timeout`, `network.closed`.
    pub fn write(&mut self, data: &[u8], timeout: Duration) -> Result<(), Problem> {
        self.0.write(data, timeout)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Connection")
    }
}
