//! A connection of either version, for what both must do alike.

use super::{Answer, Http1, Http2, Server};

pub(crate) enum Connection {
    One(Box<Http1>),
    Two(Http2),
}

impl Connection {
    /// A new one of each, with the name of its version.
    pub(crate) fn both(server: &Server) -> [(&'static str, Self); 2] {
        [("HTTP/1.1", Self::one(server)), ("HTTP/2", Self::Two(server.http2()))]
    }

    pub(crate) fn one(server: &Server) -> Self {
        Self::One(Box::new(server.http1()))
    }

    /// A new one of the same version.
    pub(crate) fn another(&self, server: &Server) -> Self {
        match self {
            Self::One(_) => Self::one(server),
            Self::Two(_) => Self::Two(server.http2()),
        }
    }

    pub(crate) fn request(&mut self, method: &str, path: &str, body: impl AsRef<[u8]>) -> Answer {
        match self {
            Self::One(http) => http.request(method, path, body),
            Self::Two(http) => http.request(method, path, body),
        }
    }

    /// As [`Connection::request`], with header fields.
    pub(crate) fn request_with(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Answer {
        match self {
            Self::One(http) => http.request_with(method, path, headers, body),
            Self::Two(http) => http.request_with(method, path, headers, body),
        }
    }

    pub(crate) fn post(&mut self, path: &str, body: impl AsRef<[u8]>) -> Answer {
        self.request("POST", path, body)
    }
}
