//! PKCS#12 archives that the real `openssl` made, and made worse.

use proptest::prelude::*;

use super::openssl::{Bench, mode};
use super::*;

fn secret() -> Password {
    Password::new("secret".to_owned())
}

fn import(bench: &Bench, path: &Path, password: Option<&Password>) -> Result<Imported, String> {
    let paths = [path.to_owned()];
    let imported = bench.store.import("it", &paths, password, Existing::Replace);
    imported.map_err(|error| error.to_string())
}

#[test]
fn archives_of_every_kind_are_imported_with_their_chain() {
    let bench = Bench::new();
    let cases: [(&str, usize, bool); 11] = [
        (" -certfile chain.pem", 3, false),
        (" -certfile wrong-order.pem", 3, false),
        (" -certfile wrong-order.pem -legacy", 3, true),
        (" -legacy -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -certfile chain.pem", 3, true),
        (" -certfile chain.pem -name friendly -keysig", 3, false),
        (" -certfile chain.pem -macalg sha512 -iter 1", 3, false),
        (" -certfile chain.pem -passout pass:", 3, false),
        (" -certfile chain.pem -passout pass: -keypbe NONE -certpbe NONE", 3, false),
        (" -certfile chain.pem -nomac", 3, false),
        (" -certfile chain.pem -keypbe AES-128-CBC -certpbe AES-192-CBC", 3, false),
        ("", 1, false),
    ];
    for (options, length, is_weak) in cases {
        let archive = bench.archive(options);
        let password = (!options.contains("pass:")).then(secret);
        let imported = import(&bench, &archive, password.as_ref())
            .unwrap_or_else(|error| panic!("{options}: {error}"));
        assert_eq!(imported.certificate.own(), bench.own.der.as_ref(), "{options}");
        assert_eq!(imported.certificate.chain().len(), length, "{options}");
        let found = imported.warnings.iter().any(|it| it.to_string().contains("easily broken"));
        assert_eq!(found, is_weak, "{options}: {:?}", imported.warnings);
        let key = bench.path("store/it/key.pem");
        assert_eq!(mode(&key), 0o600);
        assert!(std::fs::read_to_string(&key).unwrap().starts_with("-----BEGIN PRIVATE KEY-----"));
        bench.openssl("pkey -in store/it/key.pem -check -noout");
    }
}

#[test]
fn a_wrong_password_a_missing_one_and_a_broken_file_are_told_apart() {
    let bench = Bench::new();
    let wrong = Password::new("Secret".to_owned());
    let beyond = Password::new("se🔑cret".to_owned());
    for options in [" -certfile chain.pem", " -legacy -certfile chain.pem", " -nomac"] {
        let archive = bench.archive(options);
        for password in [&wrong, &beyond] {
            let error = import(&bench, &archive, Some(password)).unwrap_err();
            assert!(error.contains("the password does not open"), "{options}: {error}");
        }
        let error = import(&bench, &archive, None).unwrap_err();
        assert!(error.contains("is protected by a password"), "{options}: {error}");
        let bytes = std::fs::read(&archive).unwrap();
        for length in [bytes.len() - 1, bytes.len() / 2, 60] {
            let cut = bench.put("cut.pfx", &bytes[..length]);
            let error = import(&bench, &cut, Some(&secret())).unwrap_err();
            assert!(error.contains(&format!("{length} of {} bytes", bytes.len())), "{error}");
        }
        let longer = bench.put("longer.pfx", [&bytes[..], b"\r\n"].concat());
        let error = import(&bench, &longer, Some(&secret())).unwrap_err();
        assert!(error.contains("2 bytes follow"), "{error}");
    }
}

#[test]
fn an_archive_that_asks_for_too_much_work_is_refused() {
    let bench = Bench::new();
    let archive = bench.archive(" -iter 1000001");
    let error = import(&bench, &archive, Some(&secret())).unwrap_err();
    assert!(error.contains("rounds of key derivation"), "{error}");
    // A number that nobody could wait for, in the checksum.
    let bytes = std::fs::read(bench.archive(" -macalg sha256 -iter 2049")).unwrap();
    let at = bytes.windows(4).rposition(|it| it == b"\x02\x02\x08\x01").unwrap();
    let mut bytes = bytes;
    bytes[at + 2] = 0xff;
    let archive = bench.put("negative.pfx", bytes);
    let error = import(&bench, &archive, Some(&secret())).unwrap_err();
    assert!(error.contains("rounds of key derivation"), "{error}");
}

#[test]
fn an_archive_in_the_store_is_used_with_the_password_beside_it() {
    let bench = Bench::new();
    let archive = std::fs::read(bench.archive(" -certfile chain.pem")).unwrap();
    let bare = std::fs::read(bench.archive(" -certfile chain.pem -passout pass:")).unwrap();
    let put = |name: &str, bytes: &[u8]| bench.put(&format!("store/{name}"), bytes);
    put("bare.p12", &bare);
    put("given.pfx", &archive);
    put("given.pfx.password", b"\xef\xbb\xbfsecret\r\n");
    put("none.pfx", &archive);
    put("shown.pfx", &archive);
    let password = put("shown.pfx.password", b"secret");
    authority::set_mode(&password, 0o644);
    put("wrong.pfx", &archive);
    put("wrong.pfx.password", b"Secret");
    let scan = bench.store.scan().unwrap();
    let names: Vec<_> = scan.certificates.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["bare", "given"]);
    let problems: Vec<_> = scan.problems.iter().map(ToString::to_string).collect();
    let expected = ["put it into", "chmod 600", "the password does not open"];
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for (problem, expected) in problems.iter().zip(expected) {
        assert!(problem.contains(expected), "{expected}: {problem}");
    }
}

#[test]
fn what_is_exported_verifies_and_comes_back() {
    let bench = Bench::new();
    import(&bench, &bench.archive(" -certfile wrong-order.pem"), Some(&secret())).unwrap();
    let certificate = bench.store.load("it").unwrap();
    bench.put("exported.pem", certificate.chain_pem());
    let verify = "verify -CAfile root.pem -purpose sslserver -verify_hostname server.example";
    bench.openssl(&format!("{verify} -untrusted exported.pem exported.pem"));
    bench.put("alone.pem", certificate.pem());
    bench.openssl(&format!("{verify} -untrusted chain.pem alone.pem"));
    let password = Password::new("another one".to_owned());
    let archive = bench.put("exported.pfx", certificate.pfx(&password).unwrap());
    bench.put("password", "another one");
    let info = bench.openssl("pkcs12 -in exported.pfx -passin file:password -info -noout");
    let info = String::from_utf8_lossy(&info.stderr).into_owned();
    assert_eq!(info.matches("AES-256-CBC").count(), 2, "{info}");
    assert!(info.contains("MAC: sha256"), "{info}");
    let again = import(&bench, &archive, Some(&password)).unwrap();
    assert_eq!(again.certificate.chain(), certificate.chain());
    assert!(again.warnings.is_empty(), "{:?}", again.warnings);
    let empty = Password::new(String::new());
    assert!(matches!(certificate.pfx(&empty), Err(CertificateError::EmptyPassword)));
}

/// Archives whose inside is reached by mutations: without checksum, with few rounds.
fn seeds() -> &'static [Vec<u8>] {
    static SEEDS: std::sync::OnceLock<Vec<Vec<u8>>> = std::sync::OnceLock::new();
    SEEDS.get_or_init(|| {
        let bench = Bench::new();
        let options = [
            " -iter 1 -certfile chain.pem",
            " -iter 1 -nomac",
            " -iter 1 -nomac -legacy -certfile chain.pem",
            " -nomac -keypbe NONE -certpbe NONE -certfile chain.pem",
        ];
        let mut seeds: Vec<_> =
            options.map(|options| std::fs::read(bench.archive(options)).unwrap()).into();
        bench.openssl("pkcs8 -topk8 -in key.pem -passout pass:secret -iter 1 -out encrypted.pem");
        let encrypted = std::fs::read(bench.path("encrypted.pem")).unwrap();
        let chain = std::fs::read(bench.path("chain.pem")).unwrap();
        seeds.push([bench.own.pem().as_bytes(), &encrypted, &chain].concat());
        seeds.push(bench.own.der.to_vec());
        seeds.push(bench.own.key.serialize_der());
        seeds
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn no_bytes_make_an_import_panic(
        seed in 0_usize..7,
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in proptest::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let mut bytes = seeds()[seed].clone();
        for (at, byte) in &edits {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let path = Path::new("mutated");
        match material::read(path, &bytes, Some(&secret())) {
            Ok(material) => {
                let origin = load::Origin { certificate: path, key: path };
                // Unchanged seeds with key and certificate have to work, whatever else happens.
                let is_whole = edits.is_empty() && cut.is_none() && seed < 5;
                let assembled = load::assemble("mutated", &origin, material);
                prop_assert!(assembled.is_ok() || !is_whole);
            }
            Err(error) => prop_assert!(!error.to_string().contains("secret")),
        }
    }
}
