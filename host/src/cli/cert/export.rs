//! `tureen cert export`.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use zeroize::Zeroizing;

use super::super::{Ended, HomeArgument, output};
use super::password::PasswordArgument;
use crate::certificates::{Certificate, write_private_file};

/// Give a certificate out: for clients to trust, or with its key to move it.
///
/// Without --with-key nothing secret is written. With it the file can be read by its owner only;
/// a PFX is encrypted with AES-256 under a password that is asked for.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    tureen cert export default > trust-this.pem\n  \
    tureen cert export www --format pem --out chain.pem\n  \
    tureen cert export www --format pfx --with-key --out www.pfx")]
pub(in crate::cli) struct Export {
    #[command(flatten)]
    home: HomeArgument,

    /// Which one, by name or thumbprint
    #[arg(value_name = "NAME")]
    name: String,

    #[arg(long, value_enum, default_value_t = Format::Certificate)]
    format: Format,

    /// With the private key
    #[arg(long, requires = "out")]
    with_key: bool,

    /// Write a new file instead of printing
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    #[command(flatten)]
    password: PasswordArgument,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The chain in PEM, the server's own certificate first
    Pem,
    /// A PKCS#12 archive, for Windows and Java
    Pfx,
    /// The certificate alone in PEM, which clients trust
    Certificate,
}

impl Export {
    pub(super) fn run(self) -> anyhow::Result<Ended> {
        let certificate = super::store(&self.home)?.named(&self.name)?;
        if let Some(out) = self.out.as_deref().filter(|out| out.symlink_metadata().is_ok()) {
            let out = out.display();
            output::error(&format!("cannot make {out}: it is there already and stays as it is"));
            return Ok(Ended::Badly);
        }
        let bytes = self.bytes(&certificate)?;
        let Some(out) = &self.out else {
            output::line(String::from_utf8_lossy(&bytes).trim_end());
            return Ok(Ended::Well);
        };
        if self.with_key {
            write_private_file(out, &bytes)?;
        } else {
            let mut file = std::fs::File::create_new(out)
                .with_context(|| format!("cannot make {}", out.display()))?;
            std::io::Write::write_all(&mut file, &bytes)
                .with_context(|| format!("cannot write {}", out.display()))?;
        }
        output::line(&format!("wrote {}", out.display()));
        Ok(Ended::Well)
    }

    fn bytes(&self, certificate: &Certificate) -> anyhow::Result<Zeroizing<Vec<u8>>> {
        let text = match (self.format, self.with_key) {
            (Format::Certificate, false) => certificate.pem(),
            (Format::Pem, false) => certificate.chain_pem(),
            (Format::Pem | Format::Certificate, true) => {
                let first = if self.format == Format::Pem {
                    certificate.chain_pem()
                } else {
                    certificate.pem()
                };
                first + &certificate.key_pem()
            }
            (Format::Pfx, true) => {
                return Ok(Zeroizing::new(certificate.pfx(&self.password.for_new_file()?)?));
            }
            (Format::Pfx, false) => {
                bail!("a PFX is for moving a certificate with its key: add --with-key, or use pem")
            }
        };
        Ok(Zeroizing::new(text.into_bytes()))
    }
}
