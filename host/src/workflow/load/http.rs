//! The HTTP receiver's own properties (contract 4.2).
//!
//! Whatever would make a receiver less protected than its file says is refused,
//! never ignored (traps T-01 to T-04).

use std::collections::HashSet;

use percent_encoding::percent_decode_str;

use super::fields::{Fields, Found};
use super::findings::Headline as _;
use crate::diagnostics::{codes, quoted};
use crate::workflow::definition::{Basic, HttpReceiver, QueryParameter, VariableDescriptor};

/// What this version's receiver can do of what a file may ask for.
struct Abilities {
    basic_authentication: bool,
    client_certificates: bool,
    certificates_by_thumbprint: bool,
    host_mode: bool,
}

const ABILITIES: Abilities = Abilities {
    basic_authentication: false,
    client_certificates: false,
    certificates_by_thumbprint: false,
    host_mode: false,
};

/// Serialized by the original, without effect in it.
pub(super) const LEGACY_CERTIFICATE_FIELDS: &[&str] = &[
    "CertificateFromFile",
    "CertificatePath",
    "CertificatePassword",
    "CertificateStoreLocation",
    "CertificateStoreName",
    "CertificateX509FindType",
];

/// What a receiver's service name is when the file does not say.
const DEFAULT_SERVICE_NAME: &str = "HL7Soup";

/// The port when the file does not say.
const DEFAULT_PORT: i64 = 8080;

/// Characters that the original's designer takes out of a service name.
const DESIGNER_STRIPS: &[char] = &['&', ';', '?', ':', '@', '=', '+', '$', ',', '#'];

/// Variables that a request may not set: the host's own, and the switch that
/// puts a run in error (contract 9.2).
const RESERVED_VARIABLES: &[&str] = &[
    "ClientIP",
    "CR",
    "CurrentDateTime",
    "HttpMethod",
    "LF",
    "MLLPEnd",
    "MLLPStart",
    "ReceivedDate",
    "UUID",
    "WorkflowError",
    "WorkflowErrorMessage",
    "WorkflowInstanceId",
];

/// Reads the properties and tells what forbids to start the receiver.
pub(super) fn http_receiver(fields: &Fields<'_>) -> HttpReceiver {
    let (service_name_text, service_name) = service_name(fields);
    let (query_parameters, url_sections) = request_variables(fields);
    let receiver = HttpReceiver {
        service_name,
        service_name_text,
        port: port(fields),
        use_ssl: fields.flag("UseSsl", false),
        host_mode: fields.flag("UseIntegrationHostServiceAddress", false),
        use_default_certificate: fields.flag("UseDefaultSSLCertificate", true),
        certificate_thumbprint: fields.text("CertificateThumbPrint").unwrap_or_default(),
        authentication: fields.flag("Authentication", false).then(|| Basic {
            user: fields.template("AuthenticationUserName"),
            password: fields.template("AuthenticationPassword"),
        }),
        require_client_certificate: fields.flag("RequireClientCertificate", false),
        client_thumbprints: fields.text("ClientCertificateThumbPrint").unwrap_or_default(),
        extract_parameters: fields.flag("ExtractParameters", false),
        query_parameters,
        extract_url_sections: fields.flag("ExtractUrlSections", false),
        url_sections,
    };
    check_basic(fields, &receiver);
    check_client_certificate(fields, &receiver);
    check_own_certificate(fields, &receiver);
    check_host_mode(fields, &receiver);
    warn_of_legacy_fields(fields);
    receiver
}

fn port(fields: &Fields<'_>) -> u16 {
    let port = fields.integer("Port", 0, i64::from(u16::MAX)).unwrap_or(DEFAULT_PORT);
    if port == 0 {
        fields.findings().tell(
            codes::PORT_CHOSEN_BY_SYSTEM,
            &fields.pointer_to("Port"),
            |diagnostic| {
                diagnostic
                    .saying("port 0 lets the system choose another port at every start")
                    .help("name a port from 1 to 65535 unless this is a test")
            },
        );
    }
    u16::try_from(port).unwrap_or(0)
}

/// The service name as written without outer slashes, and its segments decoded.
fn service_name(fields: &Fields<'_>) -> (String, Vec<String>) {
    let written = fields.text("ServiceName").unwrap_or_else(|| DEFAULT_SERVICE_NAME.to_owned());
    let text = written.trim_matches('/').to_owned();
    let adjusted = |why: String| {
        fields.findings().tell(
            codes::SERVICE_NAME_ADJUSTED,
            &fields.pointer_to("ServiceName"),
            |diagnostic| diagnostic.saying(why).found(quoted(&written)),
        );
    };
    if text.is_empty() {
        adjusted("the empty ServiceName receives every path of the port".to_owned());
        return (text, Vec::new());
    }
    if text.len() != written.len() {
        adjusted(format!("ServiceName is read without outer slashes, as {}", quoted(&text)));
    }
    if text.contains(DESIGNER_STRIPS) {
        adjusted("ServiceName has characters that senders must percent-encode".to_owned());
    }
    let mut segments = Vec::new();
    for segment in text.split('/') {
        match percent_decode_str(segment).decode_utf8() {
            Ok(decoded) if !matches!(decoded.as_ref(), "" | "." | "..") => {
                segments.push(decoded.into_owned());
            }
            Ok(_) => refuse_service_name(fields, &text, "a segment that is empty, \".\" or \"..\""),
            Err(_) => refuse_service_name(fields, &text, "percent signs that do not spell UTF-8"),
        }
    }
    (text, segments)
}

fn refuse_service_name(fields: &Fields<'_>, text: &str, found: &str) {
    fields.findings().tell(codes::SERVICE_NAME, &fields.pointer_to("ServiceName"), |diagnostic| {
        diagnostic
            .saying("no request can ever have this ServiceName as its path")
            .expected("path segments joined by single slashes, such as adt/in")
            .found(format!("{found} in {}", quoted(text)))
    });
}

/// Query parameters and URL sections that become variables.
fn request_variables(fields: &Fields<'_>) -> (Vec<QueryParameter>, Vec<VariableDescriptor>) {
    let mut names = HashSet::new();
    let mut keys = HashSet::new();
    let mut parameters: Vec<QueryParameter> = Vec::new();
    for (key, found) in fields.dictionary("QueryStringParameters") {
        let pointer = found.pointer.clone();
        if !keys.insert(key.to_lowercase()) {
            fields.findings().tell(codes::REQUEST_VARIABLE, &pointer, |diagnostic| {
                diagnostic
                    .saying(format!("query parameter {} is declared twice", quoted(key)))
                    .help("names of query parameters are compared without regard to case")
            });
            continue;
        }
        if let Some(read) = descriptor(fields, found, Some(key), &mut names) {
            let VariableDescriptor { variable, default } = read;
            parameters.push(QueryParameter { key: key.to_owned(), variable, default });
        }
    }
    let sections = fields.array("UrlSections");
    let sections =
        sections.into_iter().filter_map(|found| descriptor(fields, found, None, &mut names));
    let sections = sections.collect();
    (parameters, sections)
}

/// A variable descriptor (contract 9.6); the key stands in for a missing name.
fn descriptor(
    fields: &Fields<'_>,
    found: Found<'_>,
    key: Option<&str>,
    names: &mut HashSet<String>,
) -> Option<VariableDescriptor> {
    let pointer = found.pointer.clone();
    let of = fields.object("a variable", found)?;
    let variable = of.text("VariableName").filter(|name| !name.trim().is_empty());
    let Some(variable) = variable.or_else(|| key.map(str::to_owned)) else {
        fields.findings().tell(codes::WRONG_KIND, &pointer, |diagnostic| {
            diagnostic
                .saying("a URL section names no variable")
                .expected("an object with VariableName")
                .found(of.node.shape())
        });
        return None;
    };
    if RESERVED_VARIABLES.iter().any(|reserved| reserved.eq_ignore_ascii_case(&variable)) {
        fields.findings().tell(codes::RESERVED_VARIABLE, &pointer, |diagnostic| {
            diagnostic
                .saying(format!("a request may not set the variable {}", quoted(&variable)))
                .help("give the variable another VariableName; the parameter may keep its name")
        });
    }
    if !names.insert(variable.to_lowercase()) {
        fields.findings().tell(codes::REQUEST_VARIABLE, &pointer, |diagnostic| {
            diagnostic
                .saying(format!("two parts of the request set variable {}", quoted(&variable)))
                .help("the last one counts; names are compared without regard to case")
        });
    }
    let has_default = of.flag("SampleValueIsDefaultValue", false);
    let default = of.text("SampleVariableValue").filter(|_| has_default);
    Some(VariableDescriptor { variable, default })
}

fn check_basic(fields: &Fields<'_>, receiver: &HttpReceiver) {
    let Some(basic) = &receiver.authentication else { return };
    let pointer = fields.pointer_to("Authentication");
    if !receiver.use_ssl || receiver.host_mode {
        fields.findings().tell(codes::BASIC_WITHOUT_TLS, &pointer, |diagnostic| {
            diagnostic
                .saying("Basic authentication is asked for without TLS of the receiver's own")
                .expected("UseSsl true, and UseIntegrationHostServiceAddress false")
                .found(if receiver.host_mode { "host mode" } else { "plain HTTP" })
                .help("set UseSsl to true: the original ignores this and lets everyone in")
        });
    } else if !ABILITIES.basic_authentication {
        not_available(fields, "Authentication", "HTTP Basic authentication");
    }
    for (name, template) in
        [("AuthenticationUserName", &basic.user), ("AuthenticationPassword", &basic.password)]
    {
        if template.source().is_empty() {
            fields.findings().tell(
                codes::CREDENTIALS_EMPTY,
                &fields.pointer_to(name),
                |diagnostic| {
                    diagnostic
                        .saying(format!("{name} is empty although Authentication is on"))
                        .help("name the credentials, or a global variable as ${Name}")
                },
            );
        }
    }
}

fn check_client_certificate(fields: &Fields<'_>, receiver: &HttpReceiver) {
    if !receiver.require_client_certificate {
        return;
    }
    if !receiver.use_ssl && !receiver.host_mode {
        let pointer = fields.pointer_to("RequireClientCertificate");
        fields.findings().tell(codes::CLIENT_CERTIFICATE_WITHOUT_TLS, &pointer, |diagnostic| {
            diagnostic
                .saying("a client certificate is required on plain HTTP, where there is none")
                .expected("UseSsl true")
                .found("plain HTTP")
                .help("set UseSsl to true: the original ignores this and lets everyone in")
        });
    } else if !ABILITIES.client_certificates {
        not_available(fields, "RequireClientCertificate", "a required client certificate");
    }
    check_thumbprints(fields, &receiver.client_thumbprints);
}

/// Each part must be one whole thumbprint: the original's test for a substring
/// lets partial and glued values match (T-03).
fn check_thumbprints(fields: &Fields<'_>, list: &str) {
    let mut parts = list.split(',').map(str::trim).filter(|part| !part.is_empty()).peekable();
    let none = parts.peek().is_none();
    let bad = parts.find(|part| !is_thumbprint(part));
    if !none && bad.is_none() {
        return;
    }
    let pointer = fields.pointer_to("ClientCertificateThumbPrint");
    fields.findings().tell(codes::THUMBPRINT, &pointer, |diagnostic| {
        diagnostic
            .saying("an allowed client certificate is not named by a whole thumbprint")
            .expected("SHA-1 (40 hexadecimal digits) or SHA-256 (64), separated by commas")
            .found(match bad {
                Some(part) => format!("a part of {} characters", part.chars().count()),
                None => "an empty list, which would let nobody in".to_owned(),
            })
    });
}

/// 40 or 64 hexadecimal digits, once blanks, colons, dashes and the invisible
/// marks that certificate dialogues put in front are left out.
fn is_thumbprint(part: &str) -> bool {
    let ignored = |character: &char| {
        character.is_whitespace()
            || matches!(character, ':' | '-' | '\u{200E}' | '\u{200F}' | '\u{200B}' | '\u{FEFF}')
    };
    let mut digits = 0;
    for character in part.chars().filter(|character| !ignored(character)) {
        if !character.is_ascii_hexdigit() {
            return false;
        }
        digits += 1;
    }
    matches!(digits, 40 | 64)
}

fn check_own_certificate(fields: &Fields<'_>, receiver: &HttpReceiver) {
    if !receiver.use_ssl || receiver.use_default_certificate || receiver.host_mode {
        return;
    }
    if receiver.certificate_thumbprint.trim().is_empty() {
        let pointer = fields.pointer_to("UseDefaultSSLCertificate");
        fields.findings().tell(codes::CERTIFICATE_NOT_NAMED, &pointer, |diagnostic| {
            diagnostic
                .saying("the receiver is to use a certificate of its own but names none")
                .expected("CertificateThumbPrint with a thumbprint")
                .help("set UseDefaultSSLCertificate to true, or name the certificate")
        });
    } else if !ABILITIES.certificates_by_thumbprint {
        not_available(
            fields,
            "CertificateThumbPrint",
            "a receiver's own certificate by thumbprint",
        );
    }
}

fn check_host_mode(fields: &Fields<'_>, receiver: &HttpReceiver) {
    if receiver.host_mode && !ABILITIES.host_mode {
        let name = "UseIntegrationHostServiceAddress";
        not_available(fields, name, "attaching a receiver to a shared address (host mode)");
    }
}

fn not_available(fields: &Fields<'_>, name: &str, what: &str) {
    fields.findings().tell(codes::NOT_AVAILABLE, &fields.pointer_to(name), |diagnostic| {
        diagnostic
            .saying(format!("{what} is not available in this version"))
            .help(format!("the workflow is not started: it would run without what {name} asks for"))
    });
}

fn warn_of_legacy_fields(fields: &Fields<'_>) {
    let present: Vec<&str> = LEGACY_CERTIFICATE_FIELDS
        .iter()
        .copied()
        .filter(|name| fields.node.get(name).is_some())
        .collect();
    if let Some(first) = present.first() {
        fields.findings().tell(
            codes::LEGACY_CERTIFICATE_FIELDS,
            &fields.pointer_to(first),
            |diagnostic| {
                diagnostic
                    .saying("certificate properties of an old version have no effect")
                    .found(present.join(", "))
                    .help("certificates are named by CertificateThumbPrint")
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::is_thumbprint;

    #[test]
    fn a_thumbprint_is_forty_or_sixty_four_digits_in_any_spelling() {
        let forty = "0123456789abcdef0123456789ABCDEF01234567";
        for (text, expected) in [
            (forty.to_owned(), true),
            (format!("\u{200E}{forty}"), true),
            ("01:23:45:67:89:ab:cd:ef:01:23:45:67:89:ab:cd:ef:01:23:45:67".to_owned(), true),
            (format!("{forty}0123456789abcdef01234567"), true),
            (forty.replace('0', "g"), false),
            (format!("{forty}0"), false),
            (forty.repeat(2), false),
            (String::new(), false),
        ] {
            assert_eq!(is_thumbprint(&text), expected, "{text}");
        }
    }
}
