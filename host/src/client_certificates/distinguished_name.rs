//! Distinguished names as text (RFC 4514).
//!
//! # Invariants
//! - The text has no control characters and none that change the direction of writing: it goes to
//!   the log and into variables, and whoever made the certificate chose its contents.

use std::fmt::Write;

use x509_parser::x509::{AttributeTypeAndValue, RelativeDistinguishedName, X509Name};

/// The names of RFC 4514, 3, and three more that certificates often have.
const SHORT_NAMES: [(&str, &str); 12] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.97", "organizationIdentifier"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
];

/// Starts with the most specific part, as RFC 4514 does: `CN=lab,O=Hospital,C=NZ`.
pub(super) fn text(name: &X509Name<'_>) -> String {
    let parts: Vec<&RelativeDistinguishedName<'_>> = name.iter_rdn().collect();
    let parts = parts.iter().rev().map(|part| {
        let attributes: Vec<String> = part.iter().map(attribute).collect();
        attributes.join("+")
    });
    parts.collect::<Vec<_>>().join(",")
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let identifier = attribute.attr_type().to_id_string();
    let short = SHORT_NAMES.iter().find(|(known, _)| *known == identifier);
    match (short, attribute.as_str()) {
        (Some((_, short)), Ok(value)) => format!("{short}={}", escape(value)),
        (Some((_, short)), Err(_)) => format!("{short}={}", encoding(attribute)),
        (None, _) => format!("{identifier}={}", encoding(attribute)),
    }
}

/// RFC 4514, 2.4. Besides what must be escaped, everything that could forge a log line is.
fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (index, sign) in value.chars().enumerate() {
        let at_an_end = index == 0 || index == last;
        match sign {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => escaped.extend(['\\', sign]),
            ' ' if at_an_end => escaped.push_str("\\ "),
            '#' if index == 0 => escaped.push_str("\\#"),
            _ if sign.is_control() || changes_direction(sign) => {
                let mut bytes = [0; 4];
                for byte in sign.encode_utf8(&mut bytes).bytes() {
                    // Writing to a String does not fail.
                    let _ = write!(escaped, "\\{byte:02X}");
                }
            }
            _ => escaped.push(sign),
        }
    }
    escaped
}

fn changes_direction(sign: char) -> bool {
    matches!(sign, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The whole value in hexadecimal, for what is not text.
fn encoding(attribute: &AttributeTypeAndValue<'_>) -> String {
    let value = attribute.attr_value();
    let tag = u8::try_from(value.header.tag().0).unwrap_or(u8::MAX);
    let length = value.data.len();
    let mut text = match length {
        0..=0x7f => format!("#{tag:02X}{length:02X}"),
        0x80..=0xff => format!("#{tag:02X}81{length:02X}"),
        _ => format!("#{tag:02X}82{:04X}", length.min(0xffff)),
    };
    for byte in value.data {
        let _ = write!(text, "{byte:02X}");
    }
    text
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, DnValue, KeyPair};
    use x509_parser::prelude::{FromDer, X509Certificate};

    use super::*;

    fn check(attributes: &[(DnType, DnValue)], expected: &str) {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in attributes {
            params.distinguished_name.push(kind.clone(), value.clone());
        }
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let (_, parsed) = X509Certificate::from_der(certificate.der()).unwrap();
        assert_eq!(text(parsed.subject()), expected);
    }

    #[test]
    fn names_are_written_as_rfc_4514_says() {
        let utf8 = |text: &str| DnValue::Utf8String(text.to_owned());
        check(&[], "");
        check(
            &[
                (DnType::CountryName, utf8("NZ")),
                (DnType::OrganizationName, utf8("A, B + \"C\"")),
                (DnType::CommonName, utf8("lab")),
            ],
            "CN=lab,O=A\\, B \\+ \\\"C\\\",C=NZ",
        );
        check(&[(DnType::CommonName, utf8("#a b "))], "CN=\\#a b\\ ");
        check(&[(DnType::CommonName, utf8(" "))], "CN=\\ ");
        check(&[(DnType::CommonName, utf8("é"))], "CN=é");
        check(&[(DnType::CommonName, utf8("a\r\nERROR"))], "CN=a\\0D\\0AERROR");
        check(&[(DnType::CommonName, utf8("a\u{202e}b"))], "CN=a\\E2\\80\\AEb");
        check(&[(DnType::from_oid(&[1, 2, 3]), utf8("ab"))], "1.2.3=#0C026162");
        let long = "x".repeat(200);
        let hexadecimal = format!("1.2.3=#0C81C8{}", "78".repeat(200));
        check(&[(DnType::from_oid(&[1, 2, 3]), utf8(&long))], &hexadecimal);
    }
}
