//! The real `openssl`, in a directory with a chain of four.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::authority::{Authority, Issued, pem, write_private};
use crate::certificates::CertificateStore;

/// A chain of four as files, and an empty store.
pub(crate) struct Bench {
    directory: tempfile::TempDir,
    pub(crate) store: CertificateStore,
    pub(crate) own: Issued,
    pub(crate) root: Authority,
    pub(crate) lower: Authority,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = CertificateStore::open(&directory.path().join("store")).unwrap();
        let root = Authority::root("Root");
        let upper = root.intermediate("Upper");
        let lower = upper.intermediate("Lower");
        let own = lower.issue("server.example");
        let bench = Self { directory, store, own, root, lower };
        bench.put("key.pem", bench.own.key_pem());
        bench.put("own.pem", bench.own.pem());
        bench.put("root.pem", pem(&[&bench.root.der]));
        bench.put("chain.pem", pem(&[&bench.lower.der, &upper.der, &bench.root.der]));
        bench.put("wrong-order.pem", pem(&[&bench.root.der, &upper.der, &bench.lower.der]));
        bench
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        write_private(&path, bytes);
        path
    }

    /// Runs it on the files; what is said on the command line is split at blanks.
    pub(crate) fn openssl(&self, arguments: &str) -> Output {
        let mut command = Command::new("openssl");
        command.args(arguments.split(' ')).current_dir(self.directory.path());
        let output = command
            .output()
            .unwrap_or_else(|error| panic!("this test needs the program openssl: {error}"));
        assert!(output.status.success(), "openssl {arguments}: {output:?}");
        output
    }

    /// Makes an archive; the password is `secret` unless the options say otherwise.
    pub(crate) fn archive(&self, options: &str) -> PathBuf {
        let password = if options.contains("-passout") { "" } else { " -passout pass:secret" };
        let certificates = if options.contains("-in ") { "" } else { " -in own.pem" };
        let key = if options.contains("-inkey ") { "" } else { " -inkey key.pem" };
        let options = format!("pkcs12 -export -out it.pfx{certificates}{key}{password}{options}");
        self.openssl(&options);
        self.path("it.pfx")
    }
}

pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
