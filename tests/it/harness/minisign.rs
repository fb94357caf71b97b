//! Signatures as minisign makes them, of files that are only known when a test
//! runs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{KeyPair, PKCS_ED25519, SigningKey as _};

use super::openssl;

/// The kinds of minisign: a key, and a signature of a digest.
const KEY: &[u8; 2] = b"Ed";
const OF_DIGEST: &[u8; 2] = b"ED";

/// Somebody who signs plugins.
pub(crate) struct Signer {
    key: KeyPair,
    id: [u8; 8],
}

impl Signer {
    /// `id` tells the signers of one test apart.
    pub(crate) fn new(id: u8) -> Self {
        Self { key: KeyPair::generate_for(&PKCS_ED25519).unwrap(), id: [id; 8] }
    }

    /// What stands in `[trust]`.
    pub(crate) fn public(&self) -> String {
        STANDARD.encode([KEY, self.id.as_slice(), self.key.public_key_raw()].concat())
    }

    /// The text of a `.minisig` file.
    pub(crate) fn sign(&self, bytes: &[u8], comment: &str) -> String {
        let digest = openssl::digest("-blake2b512", bytes);
        let digest: Vec<u8> = (0..digest.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&digest[at..at + 2], 16).unwrap())
            .collect();
        let signature = self.key.sign(&digest).unwrap();
        let global = self.key.sign(&[&signature, comment.as_bytes()].concat()).unwrap();
        let signed = [OF_DIGEST, self.id.as_slice(), &signature].concat();
        format!(
            "untrusted comment: a test\n{}\ntrusted comment: {comment}\n{}\n",
            STANDARD.encode(signed),
            STANDARD.encode(global)
        )
    }
}
