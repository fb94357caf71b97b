//! HTTP Basic authentication (RFC 7617) of one receiver.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The expected user name and password, kept as a digest of both.
#[derive(Clone, PartialEq, Eq)]
pub struct BasicCredentials {
    digest: [u8; 32],
}

impl fmt::Debug for BasicCredentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("BasicCredentials(..)")
    }
}

impl BasicCredentials {
    pub fn new(user_name: &str, password: &str) -> Self {
        Self { digest: Sha256::digest(format!("{user_name}:{password}")).into() }
    }

    /// Whether an `Authorization` value carries these credentials. The time taken does not depend
    /// on where a wrong value differs, because digests are compared.
    pub(super) fn match_header(&self, authorization: &[u8]) -> bool {
        let Some(encoded) = basic_parameter(authorization) else { return false };
        let Ok(presented) = STANDARD.decode(encoded) else { return false };
        let presented: [u8; 32] = Sha256::digest(presented).into();
        let difference =
            presented.iter().zip(&self.digest).fold(0, |all, (one, other)| all | (one ^ other));
        difference == 0
    }
}

fn basic_parameter(authorization: &[u8]) -> Option<&[u8]> {
    let (scheme, parameter) = authorization.split_at_checked(6)?;
    scheme.eq_ignore_ascii_case(b"basic ").then(|| parameter.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_credentials_match() {
        let credentials = BasicCredentials::new("aladdin", "open: sesame");
        let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
        let right = basic("aladdin:open: sesame");
        let cases = [
            (right.clone(), true),
            (right.replace("Basic ", "basic   "), true),
            (right.replace("Basic", "Bearer"), false),
            (basic("aladdin:open: sesam"), false),
            (basic("Aladdin:open: sesame"), false),
            (basic(""), false),
            (basic(":"), false),
            ("Basic".to_owned(), false),
            ("Basic %%%".to_owned(), false),
            (String::new(), false),
        ];
        for (authorization, expected) in cases {
            let found = credentials.match_header(authorization.as_bytes());
            assert_eq!(found, expected, "{authorization}");
        }
        assert_eq!(format!("{credentials:?}"), "BasicCredentials(..)");
    }
}
