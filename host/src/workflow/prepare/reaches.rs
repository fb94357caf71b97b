//! What settings name outside the sandbox: servers, secrets, client certificates.
//! What is not granted is found here, at its place in the file, before a message
//! meets it.
//!
//! Knows: grants, names of the home. Deliberately does not know: what a plugin
//! does with any of them; and what is only known when a message is there.

use tureen_sandbox::{Destination, Grants, Host, Reach, Reaching, Scheme};
use tureen_template::Purpose;

use super::{Installed, Preparation};
use crate::diagnostics::{self, Diagnostic, codes, quoted};
use crate::workflow::definition;

impl Preparation<'_> {
    /// Tells what of it the step may not reach.
    pub(super) fn reaches(
        &mut self,
        step: &definition::Step,
        installed: &Installed,
        grants: &Grants,
        reaches: Vec<Reaching>,
    ) {
        let plugin = installed.plugin.name.clone();
        for Reaching { to, pointer } in reaches {
            let found = match &to {
                Reach::Server(url) => server(grants, &plugin, url),
                Reach::Secret(name) => self.secret(grants, &plugin, name),
                Reach::Certificate(thumbprint) => certificate(grants, &plugin, thumbprint),
            };
            let Some(found) = found else { continue };
            let severity = match self.purpose.forgives_grants() {
                true => diagnostics::Severity::Warning,
                false => found.severity,
            };
            self.report(step, &pointer, found.as_severity(severity));
        }
    }

    fn secret(&self, grants: &Grants, plugin: &str, name: &str) -> Option<Diagnostic> {
        match self.vocabulary.purpose(name) {
            Some(Purpose::Secret) => {
                let granted = grants.secrets.iter().any(|it| it.eq_ignore_ascii_case(name));
                let what = format!("the secret {}", quoted(name));
                (!granted).then(|| missing(plugin, &what, &line("secrets", name)))
            }
            Some(Purpose::Text) => None,
            // Told where texts are judged.
            Some(Purpose::ConnectionString) => None,
            None => {
                let text = format!("this home has neither a secret nor a global {}", quoted(name));
                Some(
                    Diagnostic::new(codes::GRANT_MISSING, text)
                        .as_severity(diagnostics::Severity::Warning)
                        .help("add it to [secrets] of tureen.toml: as it is, messages fail, unless a step sets a variable of that name"),
                )
            }
        }
    }
}

fn server(grants: &Grants, plugin: &str, url: &str) -> Option<Diagnostic> {
    let Some((scheme, host, port)) = parsed(url) else {
        let text = format!("this is no server that can be reached: {}", quoted(url));
        return Some(Diagnostic::new(codes::PLUGIN_FINDING, text).help(
            "expected a host name or an address in its usual spelling, and a port from 1 to 65535",
        ));
    };
    let (granted, key) = match scheme {
        Scheme::Http | Scheme::Https => (&grants.http, "http"),
        Scheme::Tcp => (&grants.tcp, "tcp"),
        Scheme::Tls => (&grants.tls, "tls"),
    };
    if granted.iter().any(|it: &Destination| it.covers(scheme, &host, port)) {
        return None;
    }
    let written = match scheme {
        Scheme::Http | Scheme::Https if scheme.default_port() == Some(port) => {
            format!("{}://{host}", scheme.name())
        }
        Scheme::Http | Scheme::Https => format!("{}://{host}:{port}", scheme.name()),
        Scheme::Tcp | Scheme::Tls => format!("{host}:{port}"),
    };
    Some(missing(plugin, &format!("the server {written}"), &line(key, &written)))
}

/// `scheme://host[:port]`.
fn parsed(url: &str) -> Option<(Scheme, Host, u16)> {
    let (scheme, authority) = url.split_once("://")?;
    let schemes = [Scheme::Http, Scheme::Https, Scheme::Tcp, Scheme::Tls];
    let scheme = schemes.into_iter().find(|it| it.name().eq_ignore_ascii_case(scheme))?;
    let (host, port) = match authority.rsplit_once(':') {
        // A colon inside the brackets of an IPv6 address is none of a port.
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()?),
        _ => (authority, scheme.default_port()?),
    };
    Some((scheme, Host::parse(host).ok()?, port)).filter(|(_, _, port)| *port != 0)
}

fn certificate(grants: &Grants, plugin: &str, thumbprint: &str) -> Option<Diagnostic> {
    if grants.client_certificates.covers_thumbprint(thumbprint) {
        return None;
    }
    Some(missing(plugin, "this client certificate", &line("client_certificates", thumbprint)))
}

fn line(key: &str, value: &str) -> String {
    format!("{key} = [{value:?}]")
}

fn missing(plugin: &str, what: &str, line: &str) -> Diagnostic {
    Diagnostic::new(codes::GRANT_MISSING, format!("the plugin {plugin} is not granted {what}"))
        .help(format!("if you trust it with that, add to tureen.toml:\n[plugins.{plugin}]\n{line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(grants: &Grants, url: &str) -> Option<String> {
        server(grants, "sender", url).map(|found| format!("{found}"))
    }

    #[test]
    fn a_server_is_granted_by_scheme_host_and_port() {
        let grants = Grants {
            http: vec![
                Destination::http("https://*.example.org").unwrap(),
                Destination::http("http://127.0.0.1:8080").unwrap(),
            ],
            tls: vec![Destination::tls("lis.example.org:6661").unwrap()],
            ..Grants::default()
        };
        for (url, granted) in [
            ("https://lab.example.org", true),
            ("HTTPS://LAB.example.org:443", true),
            ("https://lab.example.org:8443", false),
            ("http://lab.example.org", false),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:8080", false),
            ("tls://lis.example.org:6661", true),
            ("tcp://lis.example.org:6661", false),
        ] {
            assert_eq!(told(&grants, url).is_none(), granted, "{url}");
        }
    }

    #[test]
    fn what_is_missing_comes_with_the_line_to_add() {
        for (url, line) in [
            ("https://lab.example.org:443", "http = [\"https://lab.example.org\"]"),
            ("http://lab.example.org:81", "http = [\"http://lab.example.org:81\"]"),
            ("tcp://10.0.0.1:6661", "tcp = [\"10.0.0.1:6661\"]"),
            ("tls://[::1]:6661", "tls = [\"[::1]:6661\"]"),
        ] {
            let told = told(&Grants::default(), url).unwrap();
            assert!(told.contains("[plugins.sender]") && told.contains(line), "{told}");
        }
        for url in ["tls://lis.example.org", "https://a b", "https://a:0", "https://0x7f.1"] {
            assert!(told(&Grants::default(), url).unwrap().contains("no server"), "{url}");
        }
    }
}
