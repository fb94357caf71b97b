//! OAuth 2.0 client credentials (RFC 6749, section 4.4), with a cache of tokens.
//!
//! # Invariants
//! - A token lives in this instance's memory alone and is never logged.
//! - A token that no header field can carry is refused when it comes, never kept.
//! - Settings may hold variables, so there may be several tokens; at most
//!   [`TOKENS_MAX`], the oldest goes first.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tureen_conditions::Text;
use tureen_plugin_sdk::http::{Proxy, Request, Response};
use tureen_plugin_sdk::{
    Choice, Context, Finding, Findings, Placement, Problem, Settings, StepError,
};
use tureen_sending::{Credential, network_error, timeout_within};

use crate::target::Target;

/// The longest token that is taken. All header fields of a request together have
/// room in 64 KiB, and servers take less.
const TOKEN_BYTES_MAX: usize = 16 << 10;

/// Tokens that one sender keeps.
const TOKENS_MAX: usize = 16;

/// How long a token is used whose server does not say.
const UNKNOWN_LIFE: Duration = Duration::from_secs(300);

/// No token is kept for longer.
const LIFE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

const SKEW_SECONDS: i64 = 60;
const SKEW_SECONDS_MAX: i64 = 86_400;

/// What a form leaves as it is.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

const GRANT_TYPES: [Choice<()>; 1] = [(0, "ClientCredentials", ())];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClientAuthentication {
    BasicHeader,
    Body,
}

const CLIENT_AUTHENTICATIONS: [Choice<ClientAuthentication>; 2] = [
    (0, "BasicAuthenticationHeader", ClientAuthentication::BasicHeader),
    (1, "RequestBody", ClientAuthentication::Body),
];

/// What the resource is called in the request of a token.
const RESOURCE_PARAMETERS: [Choice<Option<&str>>; 3] =
    [(0, "None", None), (1, "Audience", Some("audience")), (2, "Resource", Some("resource"))];

/// What a workflow says of OAuth.
#[derive(Debug)]
pub(crate) struct OAuthSettings {
    endpoint: Target,
    client_id: Text,
    client_secret: Option<Secret>,
    scope: Text,
    resource: Text,
    resource_parameter: Option<&'static str>,
    authentication: ClientAuthentication,
    skew: Duration,
}

/// A client secret: of the home, or a text with variables (contract 3.4).
#[derive(Debug)]
enum Secret {
    Credential(Credential),
    Template(Text),
}

impl Secret {
    fn value(&self, context: &Context) -> Result<String, Problem> {
        match self {
            Self::Credential(credential) => credential.value(context),
            Self::Template(text) => Ok(text.expand(context)?.into_owned()),
        }
    }
}

/// How the request of a token travels: as the messages do.
pub(crate) struct Way<'w> {
    pub(crate) timeout: Duration,
    pub(crate) proxy: Option<&'w Proxy>,
    pub(crate) certificate: Option<&'w str>,
}

impl OAuthSettings {
    pub(crate) fn read(settings: &Settings, placement: &Placement) -> Result<Self, Findings> {
        let Some(settings) = settings.object("OAuthSettings")? else {
            let text = "AuthenticationMode is OAuth2: expected its settings";
            return Err(settings.error("OAuthSettings", "http.oauth", text).into());
        };
        let mut findings = Findings::default();
        findings.keep(settings.choice("GrantType", &GRANT_TYPES));
        let endpoint = findings.keep(Target::read(&settings, placement, "TokenEndpoint"));
        let text = |name: &str, findings: &mut Findings| {
            Text::new(findings.keep(settings.text(name)).flatten().unwrap_or_default())
        };
        let client_id = text("ClientId", &mut findings);
        if client_id.authored().is_empty() {
            findings.push(settings.error("ClientId", "http.oauth", "expected the client's id"));
        }
        let client_secret = findings.keep(secret(&settings, placement)).flatten();
        let parameter = settings.choice("ResourceParameterType", &RESOURCE_PARAMETERS);
        let style = settings.choice("ClientAuthenticationStyle", &CLIENT_AUTHENTICATIONS);
        let skew = findings.keep(skew(&settings));
        let built = Self {
            client_id,
            client_secret,
            scope: text("Scope", &mut findings),
            resource: text("ResourceOrAudience", &mut findings),
            resource_parameter: findings.keep(parameter).flatten().flatten(),
            authentication: findings
                .keep(style)
                .flatten()
                .unwrap_or(ClientAuthentication::BasicHeader),
            skew: skew.unwrap_or_default(),
            endpoint: match endpoint {
                Some(endpoint) => endpoint,
                None => return Err(findings),
            },
        };
        findings.or(built)
    }

    /// Everything that a token is for; also what the cache knows it by.
    fn expand(&self, context: &Context) -> Result<Asked, StepError> {
        let secret = self.client_secret.as_ref().map(|it| it.value(context)).transpose();
        Ok(Asked {
            endpoint: self.endpoint.expand(context)?,
            client_id: self.client_id.expand(context)?.into_owned(),
            client_secret: secret
                .map_err(|problem| StepError::Failed(problem.at("OAuthSettings/ClientSecret")))?
                .unwrap_or_default(),
            scope: self.scope.expand(context)?.into_owned(),
            resource: self.resource.expand(context)?.into_owned(),
        })
    }

    fn request(&self, asked: &Asked) -> Request {
        let mut form = vec![("grant_type", "client_credentials")];
        if !asked.scope.is_empty() {
            form.push(("scope", &asked.scope));
        }
        if let Some(name) = self.resource_parameter
            && !asked.resource.is_empty()
        {
            form.push((name, &asked.resource));
        }
        let request = Request::post(&asked.endpoint)
            .with_header("Content-Type", "application/x-www-form-urlencoded")
            .with_header("Accept", "application/json");
        match self.authentication {
            ClientAuthentication::BasicHeader => {
                // Each part is encoded as in a form first (RFC 6749, 2.3.1).
                let pair = format!("{}:{}", escape(&asked.client_id), escape(&asked.client_secret));
                let value = format!("Basic {}", STANDARD.encode(pair));
                request.with_header("Authorization", value).with_body(encode_form(&form))
            }
            ClientAuthentication::Body => {
                form.push(("client_id", &asked.client_id));
                form.push(("client_secret", &asked.client_secret));
                request.with_body(encode_form(&form))
            }
        }
    }
}

fn secret(settings: &Settings, placement: &Placement) -> Result<Option<Secret>, Finding> {
    let credential = Credential::read(settings, placement, "ClientSecret")?;
    Ok(credential.map(|credential| match credential {
        Credential::Literal(text) => Secret::Template(Text::new(text)),
        named @ Credential::Named(_) => Secret::Credential(named),
    }))
}

fn skew(settings: &Settings) -> Result<Duration, Finding> {
    const NAME: &str = "ExpirySkewSeconds";
    let seconds = settings.number(NAME)?.unwrap_or(SKEW_SECONDS);
    if !(0..=SKEW_SECONDS_MAX).contains(&seconds) {
        let text = format!("expected 0 to {SKEW_SECONDS_MAX} seconds, found {seconds}");
        return Err(settings.error(NAME, "http.oauth", text));
    }
    Ok(Duration::from_secs(seconds.unsigned_abs()))
}

#[derive(Clone, PartialEq, Eq)]
struct Asked {
    endpoint: String,
    client_id: String,
    client_secret: String,
    scope: String,
    resource: String,
}

struct Token {
    asked: Asked,
    value: String,
    usable_until: Instant,
}

/// The tokens of one sender.
#[derive(Default)]
pub(crate) struct Tokens(VecDeque<Token>);

impl Tokens {
    /// The token for one message: a cached one, unless it has to be `fresh`.
    ///
    /// # Errors
    /// The token endpoint cannot be reached, or gives none.
    pub(crate) fn token(
        &mut self,
        context: &Context,
        settings: &OAuthSettings,
        way: &Way<'_>,
        fresh: bool,
    ) -> Result<String, StepError> {
        let asked = settings.expand(context)?;
        let now = Instant::now();
        if fresh {
            self.0.retain(|token| token.asked != asked);
        }
        self.0.retain(|token| token.usable_until > now);
        if let Some(token) = self.0.iter().find(|token| token.asked == asked) {
            return Ok(token.value.clone());
        }
        let mut request =
            settings.request(&asked).with_timeout(timeout_within(context, way.timeout));
        if let Some(proxy) = way.proxy {
            request = request.through(proxy.clone());
        }
        if let Some(certificate) = way.certificate {
            request = request.with_client_certificate(certificate);
        }
        let place = settings.endpoint.property();
        let response = request.send().map_err(|problem| network_error(problem, place))?;
        let Granted { value, life } = granted(&response)?;
        if self.0.len() >= TOKENS_MAX {
            self.0.pop_front();
        }
        let usable_until = now + life.min(LIFE_MAX).saturating_sub(settings.skew);
        self.0.push_back(Token { asked, value: value.clone(), usable_until });
        Ok(value)
    }

    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Granted {
    value: String,
    life: Duration,
}

/// Reads what a token endpoint answered. Nothing of it is told but the error
/// codes that the standard names.
fn granted(response: &Response) -> Result<Granted, StepError> {
    let status = response.status();
    let body: Value = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
    let problem = |text: String| Problem::new("http.token", text).at("OAuthSettings/TokenEndpoint");
    if !response.is_success() {
        let named = body.get("error").and_then(Value::as_str);
        let named = named.filter(|it| ERRORS.contains(it)).map(|it| format!(" ({it})"));
        let text = format!(
            "the token endpoint answered with status {status}{}",
            named.unwrap_or_default()
        );
        return Err(match status {
            408 | 429 | 500..=599 => StepError::Retryable { problem: problem(text), after: None },
            _ => StepError::Failed(problem(text)),
        });
    }
    let kind = body.get("token_type").and_then(Value::as_str).unwrap_or("Bearer");
    let value = body.get("access_token").and_then(Value::as_str).unwrap_or_default();
    if value.is_empty() || !kind.eq_ignore_ascii_case("bearer") {
        let text = "the token endpoint answered without a bearer token in JSON".to_owned();
        return Err(StepError::Failed(problem(text)));
    }
    if let Some(why) = unsendable(value) {
        let text = format!("the token endpoint answered with a token that cannot be sent: {why}");
        return Err(StepError::Failed(problem(text)));
    }
    let life = body.get("expires_in").and_then(seconds).unwrap_or(UNKNOWN_LIFE);
    Ok(Granted { value: value.to_owned(), life })
}

/// Why a header field cannot carry the token, without a word of it.
fn unsendable(token: &str) -> Option<String> {
    let length = token.len();
    if length > TOKEN_BYTES_MAX {
        return Some(format!(
            "it has {length} bytes, and a header field has room for {TOKEN_BYTES_MAX}; let the \
             server issue a shorter one, for example for a smaller Scope"
        ));
    }
    let is_sendable = token.bytes().all(|byte| byte.is_ascii_graphic());
    let why = "it has characters that a header field must not have, such as a space or a line \
               end; the server that issues it is at fault";
    (!is_sendable).then(|| why.to_owned())
}

/// Some servers write the number as text.
fn seconds(value: &Value) -> Option<Duration> {
    let number = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())?;
    Some(Duration::from_secs(number))
}

/// The errors that RFC 6749, section 5.2, names.
const ERRORS: [&str; 6] = [
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "unauthorized_client",
    "unsupported_grant_type",
];

fn encode_form(form: &[(&str, &str)]) -> String {
    let pairs = form.iter().map(|(name, value)| format!("{name}={}", escape(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn escape(text: &str) -> String {
    utf8_percent_encode(text, FORM).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_encoded_as_servers_read_it() {
        assert_eq!(encode_form(&[("a", "x y&z=ü"), ("b", "-._~")]), "a=x%20y%26z%3D%C3%BC&b=-._~");
    }

    #[test]
    fn a_token_is_a_bearer_token_with_a_life() {
        let read = |body: &str| granted(&Response::new(200).with_body(body)).ok();
        let token = |seconds| Granted { value: "t0k".into(), life: Duration::from_secs(seconds) };
        assert_eq!(read(r#"{"access_token":"t0k","expires_in":60}"#), Some(token(60)));
        let read_text = read(r#"{"access_token":"t0k","token_type":"bearer","expires_in":"60"}"#);
        assert_eq!(read_text, Some(token(60)));
        assert_eq!(read(r#"{"access_token":"t0k"}"#), Some(token(300)));
        for body in [
            "",
            "[]",
            "{}",
            r#"{"access_token":""}"#,
            r#"{"access_token":"a\r\nb"}"#,
            r#"{"access_token":"t","token_type":"mac"}"#,
        ] {
            assert_eq!(read(body), None, "{body}");
        }
    }

    #[test]
    fn a_token_that_no_header_field_carries_is_told_as_such() {
        let long = "t".repeat(TOKEN_BYTES_MAX);
        for (token, expected) in [
            (long.clone(), None),
            (format!("{long}t"), Some("it has 16385 bytes")),
            ("Ekholm token".to_owned(), Some("it has characters")),
            ("Ekholm\n".to_owned(), Some("it has characters")),
            ("Ekholm\u{fc}".to_owned(), Some("it has characters")),
        ] {
            let body = serde_json::json!({ "access_token": token }).to_string();
            let error = granted(&Response::new(200).with_body(body)).err();
            let told = error.map(|error| error.to_string()).unwrap_or_default();
            assert_eq!(told.is_empty(), expected.is_none(), "{told}");
            assert!(told.contains(expected.unwrap_or_default()), "{told}");
            assert!(!told.contains("Ekholm"), "{told}");
        }
    }

    #[test]
    fn what_a_token_endpoint_says_is_told_only_in_the_words_of_the_standard() {
        let told =
            |status, body: &str| granted(&Response::new(status).with_body(body)).unwrap_err();
        let error = told(400, r#"{"error":"invalid_client","error_description":"for Ekholm"}"#);
        assert!(
            matches!(error, StepError::Failed(_)) && error.to_string().contains("invalid_client")
        );
        assert!(!error.to_string().contains("Ekholm"));
        let error = told(400, r#"{"error":"Ekholm"}"#);
        assert!(!error.to_string().contains("Ekholm"));
        assert!(matches!(told(503, ""), StepError::Retryable { .. }));
    }
}
