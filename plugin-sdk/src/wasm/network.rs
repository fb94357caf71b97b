//! Requests and connections inside the sandbox.

use std::time::Duration;

use crate::Problem;
use crate::bindings::network::tureen::plugin::{connections, http};
use crate::connection::Connector;
use crate::http::{Request, Response};

pub(crate) fn send(request: &Request) -> Result<Response, Problem> {
    let sent = http::Request::new(&request.method, &request.url);
    for (name, value) in &request.headers {
        sent.header(name, value);
    }
    if !request.body.is_empty() {
        sent.body(&request.body);
    }
    if let Some(timeout) = request.timeout {
        sent.timeout_ms(milliseconds(timeout));
    }
    if let Some(thumbprint) = &request.client_certificate {
        sent.client_certificate(thumbprint);
    }
    if let Some(proxy) = &request.proxy {
        let (name, password) = proxy.credentials().unzip();
        sent.proxy(&proxy.url, name, password);
    }
    let response = sent.send()?;
    let (status, headers) = (response.status(), response.headers());
    Ok(Response { status, headers, body: response.body() })
}

pub(crate) struct Connection(connections::Connection);

impl Connection {
    pub(crate) fn connect(to: &Connector) -> Result<Self, Problem> {
        let connector = connections::Connector::new(&to.host, to.port);
        if to.tls {
            connector.tls();
        }
        if let Some(thumbprint) = &to.client_certificate {
            connector.client_certificate(thumbprint);
        }
        if let Some(timeout) = to.timeout {
            connector.timeout_ms(milliseconds(timeout));
        }
        Ok(Self(connector.connect()?))
    }

    pub(crate) fn read(&mut self, max: u32, timeout: Duration) -> Result<Vec<u8>, Problem> {
        Ok(self.0.read(max, milliseconds(timeout))?)
    }

    pub(crate) fn write(&mut self, data: &[u8], timeout: Duration) -> Result<(), Problem> {
        Ok(self.0.write(data, milliseconds(timeout))?)
    }
}

fn milliseconds(timeout: Duration) -> u32 {
    u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX)
}
