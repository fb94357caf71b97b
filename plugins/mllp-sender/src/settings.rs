//! The settings of an MLLP sender.

use std::time::Duration;

use tureen_plugin_sdk::{Choice, Finding, Findings, Placement, Settings};
use tureen_sending::{Charset, ClientCertificate, ResponseType};

use crate::framing::Frame;

const SERVER: &str = "127.0.0.1";
const PORT: i64 = 22222;
const TIMEOUT_SECONDS: i64 = 5;
/// A day: longer than anything waits.
const TIMEOUT_SECONDS_MAX: i64 = 86_400;

/// How the sender proves who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Authentication {
    None,
    /// Means nothing in MLLP (contract 2.2).
    Basic,
    Certificate,
}

const AUTHENTICATIONS: [Choice<Authentication>; 3] = [
    (0, "None", Authentication::None),
    (1, "Basic", Authentication::Basic),
    (2, "Certificate", Authentication::Certificate),
];

/// What is done about an answer (contract 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answering {
    /// Nothing is read.
    Ignored,
    /// It is waited for; a peer that closes without one has taken the message.
    Kept,
    /// It is waited for, and there has to be one.
    Needed,
}

/// What a workflow says of an MLLP sender.
#[derive(Debug)]
pub(crate) struct MllpSettings {
    pub(crate) server: String,
    pub(crate) port: u16,
    pub(crate) frame: Frame,
    pub(crate) keep_open: bool,
    pub(crate) tls: bool,
    pub(crate) certificate: Option<ClientCertificate>,
    pub(crate) timeout: Duration,
    pub(crate) charset: Option<Charset>,
    pub(crate) answering: Answering,
    pub(crate) response: ResponseType,
}

impl MllpSettings {
    pub(crate) fn read(settings: &Settings, placement: &Placement) -> Result<Self, Findings> {
        let mut findings = Findings::default();
        let server = findings.keep(settings.text("Server")).flatten();
        let server = server.filter(|it| !it.trim().is_empty());
        let server = server.map_or_else(|| SERVER.to_owned(), |it| it.trim().to_owned());
        if server.contains(|it: char| it.is_whitespace() || "/${}@".contains(it)) {
            let text = "expected a host name or an address, without variables: an MLLP sender \
                        has one server";
            findings.push(settings.error("Server", "mllp.server", text));
        }
        let port = findings.keep(within(settings, "Port", PORT, u16::MAX.into()));
        let timeout =
            findings.keep(within(settings, "TimeoutSeconds", TIMEOUT_SECONDS, TIMEOUT_SECONDS_MAX));
        let frame = findings.keep(Frame::read(settings));
        let flag = |name: &str, findings: &mut Findings, default: bool| {
            findings.keep(settings.flag(name)).flatten().unwrap_or(default)
        };
        let keep_open = flag("KeepConnectionOpen", &mut findings, false);
        let tls = flag("UseSsl", &mut findings, false);
        let wait = flag("WaitForResponse", &mut findings, true);
        let use_response = flag("UseResponse", &mut findings, false);
        let certificate = findings.keep(certificate(settings, placement, tls)).flatten();
        let charset = findings.keep(charset(settings)).flatten();
        let response = findings.keep(ResponseType::read(settings));
        if use_response && !wait {
            let text = "UseResponse has no effect: without WaitForResponse nothing is read";
            placement.warn(settings.problem("UseResponse", "mllp.response", text));
        }
        let (Some(port), Some(timeout), Some(frame), Some(response)) =
            (port, timeout, frame, response)
        else {
            return Err(findings);
        };
        let scheme = if tls { "tls" } else { "tcp" };
        let url = format!("{scheme}://{}:{port}", bracketed(&server));
        placement.require_server(&url, settings.pointer_to("Server"));
        findings.or(Self {
            server,
            port: u16::try_from(port).unwrap_or_default(),
            frame,
            keep_open,
            tls,
            certificate,
            timeout: Duration::from_secs(timeout.unsigned_abs()),
            charset,
            answering: match (wait, use_response) {
                (false, _) => Answering::Ignored,
                (true, false) => Answering::Kept,
                (true, true) => Answering::Needed,
            },
            response,
        })
    }
}

/// An IPv6 address as URLs have it.
fn bracketed(server: &str) -> String {
    if server.contains(':') && !server.starts_with('[') {
        format!("[{server}]")
    } else {
        server.to_owned()
    }
}

fn within(settings: &Settings, name: &str, default: i64, max: i64) -> Result<i64, Finding> {
    let number = settings.number(name)?.unwrap_or(default);
    if (1..=max).contains(&number) {
        return Ok(number);
    }
    let text = format!("expected a number from 1 to {max}, found {number}");
    Err(settings.error(name, "mllp.number", text))
}

fn certificate(
    settings: &Settings,
    placement: &Placement,
    tls: bool,
) -> Result<Option<ClientCertificate>, Findings> {
    const NAME: &str = "AuthenticationType";
    match settings.choice(NAME, &AUTHENTICATIONS)?.unwrap_or(Authentication::None) {
        Authentication::None => Ok(None),
        Authentication::Basic => {
            let text = "MLLP knows no user names: this has no effect";
            placement.warn(settings.problem(NAME, "mllp.authentication", text));
            Ok(None)
        }
        Authentication::Certificate if tls => {
            ClientCertificate::read(settings, placement).map(Some)
        }
        Authentication::Certificate => {
            let text = "a certificate can only be shown over TLS: set UseSsl to true";
            Err(settings.error(NAME, "mllp.authentication", text).into())
        }
    }
}

fn charset(settings: &Settings) -> Result<Option<Charset>, Finding> {
    let charset = Charset::read(settings)?;
    if charset.is_some_and(Charset::is_wide) {
        let text = "bytes of this character set can look like the end of a frame: take utf-8 or \
                    a set of single bytes";
        return Err(settings.error("Encoding", "sender.encoding", text));
    }
    Ok(charset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use tureen_plugin_sdk::{Role, SettingId};

    fn read(settings: Value) -> (Result<MllpSettings, Findings>, String) {
        let placement = Placement::new(SettingId::NONE, Role::Activity);
        let read = MllpSettings::read(&Settings::new(settings), &placement);
        (read, format!("{placement:?}"))
    }

    #[test]
    fn what_is_left_out_is_as_in_the_original() {
        let (settings, told) = read(json!({}));
        let settings = settings.unwrap();
        assert_eq!((settings.server.as_str(), settings.port), ("127.0.0.1", 22222));
        assert_eq!(settings.timeout, Duration::from_secs(5));
        assert_eq!(settings.answering, Answering::Kept);
        assert!(!settings.keep_open && !settings.tls && settings.certificate.is_none());
        assert!(told.contains("outbound:tcp://127.0.0.1:22222"), "{told}");
        let (_, told) = read(json!({ "Server": "fe80::1", "UseSsl": true, "Port": "6661" }));
        assert!(told.contains("outbound:tls://[fe80::1]:6661"), "{told}");
    }

    #[test]
    fn settings_that_cannot_work_are_findings_and_odd_ones_warnings() {
        for (settings, expected) in [
            (json!({ "Server": "a b" }), "mllp.server /Server"),
            (json!({ "Server": "${Host}" }), "mllp.server /Server"),
            (json!({ "Port": 0 }), "mllp.number /Port"),
            (json!({ "Port": 65536 }), "mllp.number /Port"),
            (json!({ "TimeoutSeconds": 0 }), "mllp.number /TimeoutSeconds"),
            (json!({ "Encoding": "utf-16" }), "sender.encoding /Encoding"),
            (json!({ "Encoding": "none" }), "sender.encoding /Encoding"),
            (json!({ "AuthenticationType": 2 }), "mllp.authentication /AuthenticationType"),
            (
                json!({ "AuthenticationType": 2, "UseSsl": true }),
                "sender.certificate /AuthenticationCertificateThumbprint",
            ),
            (json!({ "FrameEnd": [] }), "mllp.frame /FrameEnd"),
        ] {
            let findings = read(settings.clone()).0.unwrap_err();
            let problem = &findings.iter().next().unwrap().problem;
            let found = format!("{} {}", problem.code, problem.place.as_deref().unwrap());
            assert_eq!(found, expected, "{settings}");
        }
        for (settings, expected) in [
            (json!({ "AuthenticationType": 1 }), "mllp.authentication"),
            (json!({ "UseResponse": true, "WaitForResponse": false }), "mllp.response"),
        ] {
            let (read, told) = read(settings.clone());
            assert!(read.is_ok() && told.contains(expected), "{settings}: {told}");
        }
    }
}
