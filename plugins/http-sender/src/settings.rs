//! The settings of an HTTP sender.

use std::time::Duration;

use tureen_plugin_sdk::{Choice, Finding, Findings, Placement, Settings};
use tureen_sending::{Charset, ClientCertificate, Credential, ResponseType};

use crate::headers::{self, Field};
use crate::oauth::OAuthSettings;
use crate::target::Target;

const CONTENT_TYPE: &str = "text/plain";
const TIMEOUT_SECONDS: i64 = 30;
/// A day: longer than anything waits.
const TIMEOUT_SECONDS_MAX: i64 = 86_400;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Post,
    Get,
    Put,
    Delete,
}

impl Method {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

const METHODS: [Choice<Method>; 4] = [
    (0, "POST", Method::Post),
    (1, "GET", Method::Get),
    (2, "PUT", Method::Put),
    (3, "DELETE", Method::Delete),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    None,
    Basic,
    OAuth2,
}

const MODES: [Choice<Mode>; 3] =
    [(0, "None", Mode::None), (1, "Basic", Mode::Basic), (2, "OAuth2", Mode::OAuth2)];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ProxyUse {
    Default,
    Manual,
    None,
}

const PROXY_USES: [Choice<ProxyUse>; 3] = [
    (0, "UseDefaultProxy", ProxyUse::Default),
    (1, "ManualProxy", ProxyUse::Manual),
    (2, "None", ProxyUse::None),
];

/// How the sender proves who it is.
#[derive(Debug)]
pub(crate) enum Authentication {
    None,
    Basic { user_name: Option<Credential>, password: Option<Credential> },
    OAuth2(Box<OAuthSettings>),
}

/// A proxy on the way.
#[derive(Debug)]
pub(crate) struct ProxySettings {
    pub(crate) url: String,
    pub(crate) user_name: Option<Credential>,
    pub(crate) password: Option<Credential>,
}

/// What a workflow says of an HTTP sender.
#[derive(Debug)]
pub(crate) struct HttpSettings {
    pub(crate) server: Target,
    pub(crate) method: Method,
    /// `None` where the header fields bring their own.
    pub(crate) content_type: Option<String>,
    pub(crate) authentication: Authentication,
    pub(crate) certificate: Option<ClientCertificate>,
    pub(crate) proxy: Option<ProxySettings>,
    pub(crate) timeout: Duration,
    pub(crate) fields: Vec<Field>,
    pub(crate) charset: Option<Charset>,
    pub(crate) wait_for_response: bool,
    pub(crate) response: ResponseType,
}

impl HttpSettings {
    pub(crate) fn read(settings: &Settings, placement: &Placement) -> Result<Self, Findings> {
        let mut findings = Findings::default();
        let server = findings.keep(Target::read(settings, placement, "Server"));
        let method = findings.keep(settings.choice("Method", &METHODS)).flatten();
        let fields = findings.keep(headers::read(settings)).unwrap_or_default();
        let content_type = findings.keep(content_type(settings, placement, &fields)).flatten();
        let authentication = findings.keep(authentication(settings, placement, &fields));
        let certificate = findings.keep(certificate(settings, placement)).flatten();
        let proxy = findings.keep(proxy(settings, placement)).flatten();
        let timeout = findings.keep(timeout(settings));
        let charset = findings.keep(Charset::read(settings)).flatten();
        let wait = findings.keep(settings.flag("WaitForResponse")).flatten();
        let response = findings.keep(ResponseType::read(settings));
        let (Some(server), Some(authentication), Some(timeout), Some(response)) =
            (server, authentication, timeout, response)
        else {
            return Err(findings);
        };
        findings.or(Self {
            server,
            method: method.unwrap_or(Method::Post),
            content_type,
            authentication,
            certificate,
            proxy,
            timeout,
            fields,
            charset,
            wait_for_response: wait.unwrap_or(true),
            response,
        })
    }
}

fn has_field(fields: &[Field], name: &str) -> bool {
    fields.iter().any(|field| field.name.eq_ignore_ascii_case(name))
}

fn content_type(
    settings: &Settings,
    placement: &Placement,
    fields: &[Field],
) -> Result<Option<String>, Finding> {
    const NAME: &str = "ContentType";
    let written = settings.text(NAME)?.filter(|it| !it.trim().is_empty());
    if has_field(fields, "Content-Type") {
        if written.is_some() {
            let text = "Headers name a Content-Type, too: that one is sent";
            placement.warn(settings.problem(NAME, "http.header", text));
        }
        return Ok(None);
    }
    let content_type = written.map_or_else(|| CONTENT_TYPE.to_owned(), |it| it.trim().to_owned());
    if !content_type.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        let text = "expected a content type such as application/json";
        return Err(settings.error(NAME, "http.header", text));
    }
    Ok(Some(content_type))
}

fn authentication(
    settings: &Settings,
    placement: &Placement,
    fields: &[Field],
) -> Result<Authentication, Findings> {
    let mode = settings.choice("AuthenticationMode", &MODES)?.unwrap_or(Mode::None);
    // Files of old versions have the switch alone (contract 5.2).
    let legacy = settings.flag("Authentication")?.unwrap_or(false);
    if mode == Mode::OAuth2 {
        if has_field(fields, "Authorization") {
            let text = "the Authorization of Headers is left out: the token takes its place";
            placement.warn(settings.problem("Headers", "http.header", text));
        }
        let oauth = OAuthSettings::read(settings, placement)?;
        return Ok(Authentication::OAuth2(Box::new(oauth)));
    }
    if mode == Mode::Basic || legacy {
        if has_field(fields, "Authorization") {
            let text = "the Authorization of Headers is left out: Basic takes its place";
            placement.warn(settings.problem("Headers", "http.header", text));
        }
        return basic(settings, placement);
    }
    if settings.flag("UseDefaultCredentials")?.unwrap_or(false) {
        let text = "the server has no credentials of a user to send: set AuthenticationMode and \
                    UserName and Password, or a client certificate";
        return Err(settings.error("UseDefaultCredentials", "http.credentials", text).into());
    }
    if settings.text("Password")?.is_some_and(|it| !it.is_empty()) {
        let text = "it has no effect: AuthenticationMode is 0 and Authentication is not true";
        placement.warn(settings.problem("Password", "http.credentials", text));
    }
    Ok(Authentication::None)
}

fn basic(settings: &Settings, placement: &Placement) -> Result<Authentication, Findings> {
    let user_name = Credential::read(settings, placement, "UserName")?;
    if matches!(&user_name, Some(Credential::Literal(name)) if name.contains(':')) {
        let text = "the user name of Basic authentication may not hold a colon";
        return Err(settings.error("UserName", "http.credentials", text).into());
    }
    let password = Credential::read(settings, placement, "Password")?;
    warn_of_a_literal(settings, placement, "Password", password.as_ref());
    Ok(Authentication::Basic { user_name, password })
}

/// T-07: a password in the file is read by everybody who reads the file.
fn warn_of_a_literal(
    settings: &Settings,
    placement: &Placement,
    name: &str,
    credential: Option<&Credential>,
) {
    if matches!(credential, Some(Credential::Literal(_))) {
        let text = "a password stands in the workflow file: put it into [secrets] of tureen.toml \
                    and write ${Name} here";
        placement.warn(settings.problem(name, "http.password", text));
    }
}

fn certificate(
    settings: &Settings,
    placement: &Placement,
) -> Result<Option<ClientCertificate>, Findings> {
    match settings.flag("UseAuthenticationCertificate")?.unwrap_or(false) {
        true => ClientCertificate::read(settings, placement).map(Some),
        false => Ok(None),
    }
}

fn proxy(settings: &Settings, placement: &Placement) -> Result<Option<ProxySettings>, Findings> {
    const NAME: &str = "ProxyAddress";
    let proxy_use = settings.choice("UseProxy", &PROXY_USES)?.unwrap_or(ProxyUse::Default);
    if proxy_use != ProxyUse::Manual {
        return Ok(None);
    }
    let address = settings.text(NAME)?.unwrap_or_default();
    let address = address.trim().trim_end_matches('/');
    let url = match address.split_once("://") {
        None => format!("http://{address}"),
        Some(_) => address.to_owned(),
    };
    let authority = url.strip_prefix("http://").unwrap_or_default();
    if authority.is_empty() || authority.contains(['/', '@', '$', ' ']) {
        let text = "expected the address of an HTTP proxy, such as http://proxy.example.org:3128";
        return Err(settings.error(NAME, "http.proxy", text).into());
    }
    placement.require_server(&url, settings.pointer_to(NAME));
    let user_name = Credential::read(settings, placement, "ProxyUserName")?;
    let password = Credential::read(settings, placement, "ProxyPassword")?;
    warn_of_a_literal(settings, placement, "ProxyPassword", password.as_ref());
    Ok(Some(ProxySettings { url, user_name, password }))
}

fn timeout(settings: &Settings) -> Result<Duration, Finding> {
    const NAME: &str = "TimeoutSeconds";
    let seconds = settings.number(NAME)?.unwrap_or(TIMEOUT_SECONDS);
    if (1..=TIMEOUT_SECONDS_MAX).contains(&seconds) {
        return Ok(Duration::from_secs(seconds.unsigned_abs()));
    }
    let text = format!("expected 1 to {TIMEOUT_SECONDS_MAX} seconds, found {seconds}");
    Err(settings.error(NAME, "http.timeout", text))
}
