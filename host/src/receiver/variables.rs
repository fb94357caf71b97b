//! Variables that a request sets: declared query parameters and URL sections (contract 4.2,
//! behaviour 5 and 6), the client's certificate and configured header fields.

use hyper::header::HeaderMap;

use super::refusal::Refusal;
use super::route::decode;
use super::{DeclaredParameter, Received, Route};

/// The client's certificate: its subject and issuer in the form of RFC 4514, its serial number in
/// hexadecimal digits, its thumbprints. Not set for a client without certificate.
pub const CLIENT_CERTIFICATE_SUBJECT: &str = "ClientCertificateSubject";
pub const CLIENT_CERTIFICATE_ISSUER: &str = "ClientCertificateIssuer";
pub const CLIENT_CERTIFICATE_SERIAL_NUMBER: &str = "ClientCertificateSerialNumber";
pub const CLIENT_CERTIFICATE_SHA1: &str = "ClientCertificateSha1";
pub const CLIENT_CERTIFICATE_SHA256: &str = "ClientCertificateSha256";
/// What the names of variables with header fields start with; the configured name follows.
pub const HTTP_HEADER_PREFIX: &str = "HttpHeader:";

impl Received {
    /// What the server itself says about the client and its request. Of a name that a declared
    /// parameter has too, this is the value that counts.
    pub fn builtin_variables(&self) -> Vec<(String, String)> {
        let certificate = self.client_certificate.iter().flat_map(|certificate| {
            [
                (CLIENT_CERTIFICATE_SUBJECT.to_owned(), certificate.subject.clone()),
                (CLIENT_CERTIFICATE_ISSUER.to_owned(), certificate.issuer.clone()),
                (CLIENT_CERTIFICATE_SERIAL_NUMBER.to_owned(), certificate.serial.clone()),
                (CLIENT_CERTIFICATE_SHA1.to_owned(), certificate.sha1.to_string()),
                (CLIENT_CERTIFICATE_SHA256.to_owned(), certificate.sha256.to_string()),
            ]
        });
        let headers = self.headers.iter();
        let headers =
            headers.map(|(name, value)| (format!("{HTTP_HEADER_PREFIX}{name}"), value.clone()));
        certificate.chain(headers).collect()
    }
}

/// The values of the header fields with these names, in this order. Several fields of one name are
/// joined with a comma and a space (RFC 9110, 5.3); values that are not visible text are left out.
pub(super) fn header_values(names: &[String], headers: &HeaderMap) -> Vec<(String, String)> {
    let values = |name: &String| {
        let fields = headers.get_all(name).iter();
        let texts = fields.filter_map(|value| std::str::from_utf8(value.as_bytes()).ok());
        let visible: Vec<&str> = texts.filter(|text| !text.chars().any(char::is_control)).collect();
        (!visible.is_empty()).then(|| (name.clone(), visible.join(", ")))
    };
    names.iter().filter_map(values).collect()
}

/// Query parameters first, then URL sections, each in the order of declaration.
///
/// # Errors
/// A declared parameter whose value is not escaped text.
pub(super) fn variables<T>(
    route: &Route<T>,
    query: Option<&str>,
    sections: &[String],
) -> Result<Vec<(String, String)>, Refusal> {
    let mut variables = Vec::new();
    if route.extract_parameters && !route.query.is_empty() {
        let values = parameters(&route.query, query.unwrap_or_default())?;
        for (declared, value) in route.query.iter().zip(values) {
            push(&mut variables, &declared.variable, value, declared.default.as_ref());
        }
    }
    if route.extract_sections {
        for (index, declared) in route.sections.iter().enumerate() {
            let value = sections.get(index).filter(|value| !value.is_empty()).cloned();
            push(&mut variables, &declared.variable, value, declared.default.as_ref());
        }
    }
    Ok(variables)
}

fn push(
    variables: &mut Vec<(String, String)>,
    name: &str,
    value: Option<String>,
    default: Option<&String>,
) {
    if let Some(value) = value.or_else(|| default.cloned()) {
        variables.push((name.to_owned(), value));
    }
}

/// The value of each declared parameter; repeated keys are joined with a comma, empty values do
/// not count.
fn parameters(declared: &[DeclaredParameter], query: &str) -> Result<Vec<Option<String>>, Refusal> {
    let keys: Vec<String> = declared.iter().map(|declared| declared.key.to_lowercase()).collect();
    let mut values: Vec<Option<String>> = vec![None; declared.len()];
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if value.is_empty() {
            continue;
        }
        // A key that cannot be decoded is not one of the declared ones.
        let Ok(key) = decode_form(key) else { continue };
        let key = key.to_lowercase();
        for (declared, found) in keys.iter().zip(&mut values) {
            if *declared == key {
                append(found, &decode_form(value)?);
            }
        }
    }
    Ok(values)
}

fn append(found: &mut Option<String>, value: &str) {
    match found {
        Some(joined) => {
            joined.push(',');
            joined.push_str(value);
        }
        None => *found = Some(value.to_owned()),
    }
}

/// A plus sign is a space in a query, not in a path.
fn decode_form(text: &str) -> Result<String, Refusal> {
    if text.contains('+') { decode(&text.replace('+', " ")) } else { decode(text) }
}

#[cfg(test)]
mod tests;
