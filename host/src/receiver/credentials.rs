//! HTTP Basic authentication (RFC 7617) of one receiver.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The expected user name and password, kept as a digest of both.
#[derive(Clone)]
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

    /// Whether these are the presented ones. The time taken does not depend on which of user name
    /// and password is wrong, nor on where: digests of both together are compared.
    pub(super) fn are(&self, presented: &PresentedCredentials) -> bool {
        let Some(digest) = &presented.digest else { return false };
        verify_slices_are_equal(digest, &self.digest).is_ok()
    }
}

/// What an `Authorization` field carries.
pub(super) struct PresentedCredentials {
    /// Empty when the field cannot be read.
    user_name: Vec<u8>,
    /// `None` when the field cannot be read.
    digest: Option<[u8; 32]>,
}

impl PresentedCredentials {
    pub(super) fn read(authorization: &[u8]) -> Self {
        let decoded = basic_parameter(authorization).map(|encoded| STANDARD.decode(encoded));
        let Some(Ok(decoded)) = decoded else {
            return Self { user_name: Vec::new(), digest: None };
        };
        let user_name = decoded.split(|byte| *byte == b':').next().unwrap_or_default().to_vec();
        Self { user_name, digest: Some(Sha256::digest(decoded).into()) }
    }

    pub(super) fn user_name(&self) -> &[u8] {
        &self.user_name
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
            let presented = PresentedCredentials::read(authorization.as_bytes());
            assert_eq!(credentials.are(&presented), expected, "{authorization}");
        }
        assert_eq!(PresentedCredentials::read(right.as_bytes()).user_name(), b"aladdin");
        assert_eq!(format!("{credentials:?}"), "BasicCredentials(..)");
    }
}
