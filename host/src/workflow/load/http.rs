//! The HTTP receiver's own properties (contract 4.2).
//!
//! Whatever would make a receiver less protected than its file says is refused,
//! never ignored (traps T-01 to T-04). What depends on the server's
//! configuration, such as TLS of the shared address, `app/access.rs` judges.

use std::collections::HashSet;
use std::error::Error as _;

use percent_encoding::percent_decode_str;

use super::fields::{Fields, Found};
use super::findings::Headline as _;
use crate::certificates::{Thumbprint, ThumbprintError};
use crate::client_certificates::{ThumbprintList, ThumbprintListError};
use crate::diagnostics::{codes, quoted};
use crate::workflow::definition::{
    Basic, HttpReceiver, OwnCertificate, QueryParameter, VariableDescriptor,
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
    "ClientCertificateIssuer",
    "ClientCertificateSerialNumber",
    "ClientCertificateSha1",
    "ClientCertificateSha256",
    "ClientCertificateSubject",
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

/// Begins the variables of request headers, in lower case.
const RESERVED_PREFIX: &str = "httpheader:";

/// Reads the properties and tells what forbids to start the receiver.
pub(super) fn http_receiver(fields: &Fields<'_>) -> HttpReceiver {
    let host_mode = fields.flag("UseIntegrationHostServiceAddress", false);
    let (service_name_text, service_name) = service_name(fields);
    let (query_parameters, url_sections) = request_variables(fields);
    let receiver = HttpReceiver {
        service_name,
        service_name_text,
        port: port(fields, host_mode),
        use_ssl: fields.flag("UseSsl", false),
        host_mode,
        certificate: own_certificate(fields),
        authentication: fields.flag("Authentication", false).then(|| Basic {
            user: fields.template("AuthenticationUserName"),
            password: fields.template("AuthenticationPassword"),
        }),
        require_client_certificate: fields.flag("RequireClientCertificate", false),
        client_thumbprints: client_thumbprints(fields),
        extract_parameters: fields.flag("ExtractParameters", false),
        query_parameters,
        extract_url_sections: fields.flag("ExtractUrlSections", false),
        url_sections,
    };
    check_basic(fields, &receiver);
    warn_of_inert_fields(fields, &receiver);
    warn_of_legacy_fields(fields);
    receiver
}

fn port(fields: &Fields<'_>, host_mode: bool) -> u16 {
    let port = fields.integer("Port", 0, i64::from(u16::MAX)).unwrap_or(DEFAULT_PORT);
    if port == 0 && !host_mode {
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
    let reserved = RESERVED_VARIABLES.iter().any(|name| name.eq_ignore_ascii_case(&variable))
        || variable.to_ascii_lowercase().starts_with(RESERVED_PREFIX);
    if reserved {
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

/// Each part must be one whole thumbprint: the original's test for a substring
/// lets partial and glued values match (T-03). An empty list is judged where
/// authorities are known.
fn client_thumbprints(fields: &Fields<'_>) -> Vec<Thumbprint> {
    let property = "ClientCertificateThumbPrint";
    let list = match ThumbprintList::parse(&fields.text(property).unwrap_or_default()) {
        Ok(list) => list,
        Err(ThumbprintListError::Empty) => return Vec::new(),
        Err(error) => {
            let reason = error.source().map(|source| format!(": {source}")).unwrap_or_default();
            tell_thumbprint(fields, property, &format!("{error}{reason}"));
            return Vec::new();
        }
    };
    if list.has_sha1 {
        fields.findings().tell(codes::WEAK_THUMBPRINT, &fields.pointer_to(property), |diagnostic| {
            diagnostic
                .saying("a client certificate is known by its SHA-1 thumbprint, which can be forged")
                .expected("the SHA-256 thumbprint, 64 hexadecimal digits")
                .help("`tureen cert show FILE` prints both of a certificate")
        });
    }
    list.thumbprints
}

fn own_certificate(fields: &Fields<'_>) -> OwnCertificate {
    if fields.flag("UseDefaultSSLCertificate", true) {
        return OwnCertificate::Default;
    }
    let property = "CertificateThumbPrint";
    let text = fields.text(property).unwrap_or_default();
    if !Thumbprint::is_blank(&text) {
        return match text.parse() {
            Ok(thumbprint) => OwnCertificate::Thumbprint(thumbprint),
            Err(error) => {
                // Nothing is started then.
                tell_thumbprint(fields, property, &ThumbprintError::to_string(&error));
                OwnCertificate::Default
            }
        };
    }
    if fields.flag("UseSsl", false) && !fields.flag("UseIntegrationHostServiceAddress", false) {
        let pointer = fields.pointer_to("UseDefaultSSLCertificate");
        fields.findings().tell(codes::CERTIFICATE_NOT_NAMED, &pointer, |diagnostic| {
            diagnostic
                .saying("the receiver is to use a certificate of its own but names none")
                .expected("CertificateThumbPrint with a thumbprint")
                .help("set UseDefaultSSLCertificate to true, or name the certificate")
        });
    }
    OwnCertificate::Default
}

fn tell_thumbprint(fields: &Fields<'_>, property: &str, found: &str) {
    fields.findings().tell(codes::THUMBPRINT, &fields.pointer_to(property), |diagnostic| {
        diagnostic
            .saying("a certificate is not named by a whole thumbprint")
            .expected("SHA-1 (40 hexadecimal digits) or SHA-256 (64); several separated by commas")
            .found(found)
    });
}

/// Properties whose switch is off: somebody may believe that they protect.
fn warn_of_inert_fields(fields: &Fields<'_>, receiver: &HttpReceiver) {
    let written = |name: &str| fields.text(name).is_some_and(|text| !Thumbprint::is_blank(&text));
    let own_tls = receiver.use_ssl && !receiver.host_mode;
    let cases = [
        ("AuthenticationUserName", receiver.authentication.is_none(), "Authentication is false"),
        (
            "ClientCertificateThumbPrint",
            !receiver.require_client_certificate,
            "RequireClientCertificate is false: every client may send",
        ),
        (
            "CertificateThumbPrint",
            own_tls && fields.flag("UseDefaultSSLCertificate", true),
            "UseDefaultSSLCertificate is true",
        ),
        ("CertificateThumbPrint", receiver.host_mode, "the shared address has its own certificate"),
        ("CertificateThumbPrint", !receiver.use_ssl && !receiver.host_mode, "UseSsl is false"),
    ];
    for (name, off, why) in cases {
        if off && written(name) {
            warn_of_inert(fields, name, why);
        }
    }
    if receiver.host_mode && receiver.use_ssl {
        warn_of_inert(fields, "UseSsl", "tureen.toml decides about TLS of the shared address");
    }
    if !receiver.extract_parameters && !receiver.query_parameters.is_empty() {
        warn_of_inert(fields, "QueryStringParameters", "ExtractParameters is false");
    }
    if !receiver.extract_url_sections && !receiver.url_sections.is_empty() {
        warn_of_inert(fields, "UrlSections", "ExtractUrlSections is false");
    }
}

fn warn_of_inert(fields: &Fields<'_>, name: &str, why: &str) {
    fields.findings().tell(codes::INERT_PROPERTY, &fields.pointer_to(name), |diagnostic| {
        diagnostic
            .saying(format!("{name} has no effect: {why}"))
            .help("take it out, or turn on what it belongs to")
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
