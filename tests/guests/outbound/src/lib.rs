//! Does what its settings say with the network, and tells in the variable
//! `Outbound` what came of it: a status and a body, or a problem's code and
//! whether the server may have got the request.

use std::time::Duration;

use tureen_plugin_sdk::connection::Connector;
use tureen_plugin_sdk::http::{Proxy, Request};
use tureen_plugin_sdk::prelude::*;

struct Outbound {
    /// An URL, or `tcp:host:port`, `tls:host:port`. May hold `${…}`.
    to: String,
    method: String,
    headers: String,
    body: String,
    repeat: usize,
    timeout: Option<Duration>,
    client_certificate: String,
    proxy: String,
}

impl Configure for Outbound {
    fn configure(settings: &Settings, _placement: &Placement) -> Result<Self, Findings> {
        let text = |name: &str| settings.text(name).map(Option::unwrap_or_default);
        let number = |text: String| text.parse().ok();
        Ok(Self {
            to: text("To")?,
            method: settings.text("Method")?.unwrap_or_else(|| "POST".to_owned()),
            headers: text("Headers")?,
            body: text("Body")?,
            repeat: number(text("Repeat")?).unwrap_or(1),
            timeout: text("TimeoutMs")?.parse().ok().map(Duration::from_millis),
            client_certificate: text("ClientCertificate")?,
            proxy: text("Proxy")?,
        })
    }
}

impl Outbound {
    fn request(&self, to: &str) -> Result<String, Problem> {
        let mut request = Request::new(&self.method, to).with_body(self.body.as_bytes());
        for line in self.headers.lines() {
            let (name, value) = line.split_once(": ").unwrap_or((line, ""));
            request = request.with_header(name, value);
        }
        if let Some(timeout) = self.timeout {
            request = request.with_timeout(timeout);
        }
        if !self.client_certificate.is_empty() {
            request = request.with_client_certificate(&self.client_certificate);
        }
        if !self.proxy.is_empty() {
            request = request.through(match self.proxy.split_once(' ') {
                Some((url, user)) => Proxy::new(url).with_credentials(user, "sesame"),
                None => Proxy::new(&self.proxy),
            });
        }
        let response = request.send()?;
        let body = String::from_utf8_lossy(response.body());
        Ok(format!("{} {}", response.status(), body))
    }

    fn connection(&self, host: &str, port: u16, tls: bool) -> Result<String, Problem> {
        let timeout = self.timeout.unwrap_or(Duration::from_secs(20));
        let mut connector = Connector::new(host, port).with_timeout(timeout);
        if tls {
            connector = connector.with_tls();
        }
        if !self.client_certificate.is_empty() {
            connector = connector.with_client_certificate(&self.client_certificate);
        }
        let mut connection = connector.connect()?;
        connection.write(self.body.as_bytes(), timeout)?;
        let answer = connection.read(1_000, timeout)?;
        Ok(format!("read {}", String::from_utf8_lossy(&answer)))
    }

    fn deed(&self, to: &str) -> Result<String, Problem> {
        let (scheme, rest) = to.split_once(':').unwrap_or_default();
        if !matches!(scheme, "tcp" | "tls") {
            return self.request(to);
        }
        let (host, port) = rest.rsplit_once(':').unwrap_or_default();
        self.connection(host, port.parse().unwrap_or_default(), scheme == "tls")
    }
}

impl Activity for Outbound {
    fn process(
        &mut self,
        context: &Context,
        _message: &Message,
    ) -> Result<Option<Message>, StepError> {
        let to = context.expand(&self.to)?;
        let mut told = String::new();
        for _ in 0..self.repeat {
            told = match self.deed(&to) {
                Ok(told) => told,
                Err(problem) => {
                    context.log(Level::Info, &problem.text);
                    let detail = problem.detail.iter().map(|(_, value)| value.as_str());
                    format!("{} {}", problem.code, detail.collect::<String>())
                }
            };
        }
        context.set_variable("Outbound", &told)?;
        Ok(None)
    }
}

tureen_plugin_sdk::activity!(Outbound, handles = ["Test.Outbound"]);
