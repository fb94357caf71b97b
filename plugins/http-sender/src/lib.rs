//! The HTTP sender of the workflow format: `HttpSenderSetting` (contract 5.2).
//!
//! Sends a message as the body of a request and takes what comes back as the
//! response. An error status fails the message; its class says whose fault it
//! is. Names, addresses, TLS and trust are the host's; redirects are never
//! followed.
//!
//! # Invariants
//! - A message is sent once; once more only when the server refused the first
//!   attempt with 401 and a new token may help (T-62).
//! - No URL, credential, header or body is logged or told.

mod coding;
mod headers;
mod oauth;
mod settings;
mod status;
mod target;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use oauth::{Tokens, Way};
use settings::{Authentication, HttpSettings, Method, ProxySettings};
use tureen_conditions::Own;
use tureen_plugin_sdk::http::{Proxy, Request, Response};
use tureen_plugin_sdk::prelude::*;
use tureen_sending::{Charset, Credential, network_error, timeout_within};

/// The status of a request whose credentials were not accepted.
const UNAUTHORIZED: u16 = 401;

/// The HTTP sender of one activity.
struct HttpSender {
    settings: HttpSettings,
    own: Own,
    tokens: Tokens,
}

impl Configure for HttpSender {
    fn configure(settings: &Settings, placement: &Placement) -> Result<Self, Findings> {
        Ok(Self {
            settings: HttpSettings::read(settings, placement)?,
            own: headers::own(placement),
            tokens: Tokens::default(),
        })
    }
}

impl Activity for HttpSender {
    fn process(
        &mut self,
        context: &Context,
        message: &Message,
    ) -> Result<Option<Message>, StepError> {
        let head = self.head(context, message)?;
        let response = self.sent(context, message, head)?;
        if !response.is_success() {
            return Err(status::error(&response));
        }
        self.response(response).map(Some)
    }

    fn close(&mut self, _context: &Context) {
        self.tokens.forget();
    }
}

impl HttpSender {
    /// The request without its body and what proves who sends it.
    fn head(&self, context: &Context, message: &Message) -> Result<Request, StepError> {
        let settings = &self.settings;
        let mut request = Request::new(settings.method.name(), settings.server.expand(context)?);
        if let Some(content_type) = &settings.content_type {
            request = request.with_header("Content-Type", content_type);
        }
        let ours = !matches!(settings.authentication, Authentication::None);
        for field in &settings.fields {
            if ours && field.name.eq_ignore_ascii_case("Authorization") {
                continue;
            }
            request = request.with_header(&field.name, field.value(context, message, &self.own)?);
        }
        if let Some(certificate) = &settings.certificate {
            request = request.with_client_certificate(certificate.thumbprint());
        }
        Ok(request)
    }

    fn sent(
        &mut self,
        context: &Context,
        message: &Message,
        head: Request,
    ) -> Result<Response, StepError> {
        let Self { settings, tokens, .. } = self;
        let proxy = settings.proxy.as_ref().map(|proxy| proxy_of(context, proxy)).transpose()?;
        let head = match &proxy {
            Some(proxy) => head.through(proxy.clone()),
            None => head,
        };
        // Made for each attempt, and not copied: the memory has no room for many.
        let body = || match settings.method {
            Method::Get => Ok(Vec::new()),
            _ => tureen_sending::body(context, message, settings.charset),
        };
        let send = |body: Vec<u8>, authorization: Option<String>| {
            let mut request = head.clone().with_body(body);
            if let Some(value) = authorization {
                request = request.with_header("Authorization", value);
            }
            let request = request.with_timeout(timeout_within(context, settings.timeout));
            request.send().map_err(|problem| network_error(problem, settings.server.property()))
        };
        // What cannot be sent is told before anything is asked for.
        let first = body()?;
        match &settings.authentication {
            Authentication::None => send(first, None),
            Authentication::Basic { user_name, password } => {
                let user_name = value_of(context, user_name.as_ref(), "UserName")?;
                let password = value_of(context, password.as_ref(), "Password")?;
                let pair = STANDARD.encode(format!("{user_name}:{password}"));
                send(first, Some(format!("Basic {pair}")))
            }
            Authentication::OAuth2(oauth) => {
                let certificate = settings.certificate.as_ref().map(|it| it.thumbprint());
                let way = Way { timeout: settings.timeout, proxy: proxy.as_ref(), certificate };
                let token = tokens.token(context, oauth, &way, false)?;
                let response = send(first, Some(format!("Bearer {token}")))?;
                if response.status() != UNAUTHORIZED {
                    return Ok(response);
                }
                drop(response);
                context.log(Level::Info, "the token was not accepted: once more with a new one");
                let token = tokens.token(context, oauth, &way, true)?;
                send(body()?, Some(format!("Bearer {token}")))
            }
        }
    }

    /// What came back, as a message.
    fn response(&self, response: Response) -> Result<Message, StepError> {
        let settings = &self.settings;
        if !settings.wait_for_response {
            return settings.response.message(b"", None);
        }
        let asks = |field: &headers::Field| field.name.eq_ignore_ascii_case("Accept-Encoding");
        coding::check(&response, settings.fields.iter().any(asks))?;
        // What is got has the character set that it is said to have.
        let own = settings.charset.filter(|_| settings.method != Method::Get);
        // ASCII says nothing of what is outside it, so the other may say more.
        let own = own.filter(|set| *set != Charset::Ascii);
        let told = own.or_else(|| charset_of(response.header("Content-Type")?));
        settings.response.message(response.into_body(), told)
    }
}

fn proxy_of(context: &Context, settings: &ProxySettings) -> Result<Proxy, StepError> {
    let proxy = Proxy::new(&settings.url);
    let Some(user_name) = &settings.user_name else { return Ok(proxy) };
    let user_name = value_of(context, Some(user_name), "ProxyUserName")?;
    let password = value_of(context, settings.password.as_ref(), "ProxyPassword")?;
    Ok(proxy.with_credentials(user_name, password))
}

fn value_of(
    context: &Context,
    credential: Option<&Credential>,
    property: &str,
) -> Result<String, StepError> {
    let Some(credential) = credential else { return Ok(String::new()) };
    credential.value(context).map_err(|problem| StepError::Failed(problem.at(property)))
}

/// The character set of a `Content-Type`, where it names one that is known.
fn charset_of(content_type: &str) -> Option<Charset> {
    let mut parameters = content_type.split(';').skip(1);
    let value = parameters.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    })?;
    Charset::from_name(value)
}

tureen_plugin_sdk::activity!(
    HttpSender,
    handles = ["HL7Soup.Functions.Settings.Senders.HttpSenderSetting"],
);

#[cfg(test)]
mod tests;
