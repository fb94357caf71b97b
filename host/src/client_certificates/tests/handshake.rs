//! Bad certificates over real TLS: none is accepted, and each for its own reason.

use rcgen::{
    BasicConstraints, CustomExtension, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    KeyUsagePurpose, NameConstraints, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::pki::*;
use crate::certificates::Thumbprint;
use crate::client_certificates::*;

const CHAIN_BYTES_MAX: usize = 32 * 1024;
const VERSIONS: [&rustls::SupportedProtocolVersion; 2] =
    [&rustls::version::TLS12, &rustls::version::TLS13];

/// Handshake, then judgement, as the receiver does it.
async fn shake(
    version: &'static rustls::SupportedProtocolVersion,
    policy: &std::sync::Arc<ClientPolicy>,
    client: Option<&Client>,
) -> Result<(), ClientRefusal> {
    let ask = AskForCertificate::new(CHAIN_BYTES_MAX, std::slice::from_ref(policy));
    let (config, trusted) = server_config(ask);
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let connector = TlsConnector::from(client_config(version, trusted, client));
    let connecting = tokio::spawn(async move {
        let stream = TcpStream::connect(address).await.unwrap();
        // In TLS 1.3 a client is done before the server has looked at its certificate.
        let _ = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await;
    });
    let (stream, _) = socket.accept().await.unwrap();
    let accepted = TlsAcceptor::from(config).accept(stream).await;
    connecting.await.unwrap();
    let stream = accepted.map_err(|error| {
        let refusal = ClientRefusal::in_handshake(&error).cloned();
        refusal.unwrap_or_else(|| panic!("the handshake failed for another reason: {error:?}"))
    })?;
    let (_, session) = stream.get_ref();
    assert_eq!(session.protocol_version(), Some(version.version));
    let presented = session.peer_certificates().map(|chain| {
        let chain = chain.iter().map(|one| one.clone().into_owned()).collect();
        ClientCertificate::parse(chain, CHAIN_BYTES_MAX).unwrap()
    });
    policy.judge(presented.as_ref(), jiff::Timestamp::now())
}

struct Case {
    name: &'static str,
    policy: std::sync::Arc<ClientPolicy>,
    client: Option<Client>,
    expected: &'static str,
}

/// Collects cases.
#[derive(Default)]
struct Cases(Vec<Case>);

impl Cases {
    fn add(
        &mut self,
        name: &'static str,
        policy: &std::sync::Arc<ClientPolicy>,
        client: impl Into<Option<Client>>,
        expected: &'static str,
    ) {
        let (policy, client) = (policy.clone(), client.into());
        self.0.push(Case { name, policy, client, expected });
    }
}

fn changed(der: &CertificateDer<'_>, from: &[u8], to: &[u8]) -> CertificateDer<'static> {
    let at = der.windows(from.len()).position(|window| window == from).unwrap();
    let mut bytes = der.to_vec();
    bytes[at..at + from.len()].copy_from_slice(to);
    bytes.into()
}

fn extension(oid: &[u64], content: &[u8], critical: bool) -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(oid, content.to_vec());
    extension.set_criticality(critical);
    extension
}

/// What is wrong with a certificate by itself.
fn bad_leaves(cases: &mut Cases) {
    let root = authority("root");
    let issued = issued_by(&[&root], &[]);
    let mut both = |pinned_name, issued_name, params: &rcgen::CertificateParams, expected| {
        let client = client(params, &root, &[]);
        cases.add(pinned_name, &pinned(&client), client.clone(), expected);
        cases.add(issued_name, &issued, client, expected);
    };
    let mut params = client_params("partner", 1);
    params.not_after = date_time_ymd(2021, 1, 1);
    both("expired, pinned", "expired, issued", &params, "Expired");
    let mut params = client_params("partner", 1);
    params.not_before = date_time_ymd(2099, 1, 1);
    both("not yet valid, pinned", "not yet valid, issued", &params, "NotYetValid");
    let mut params = client_params("partner", 1);
    params.key_usages = vec![KeyUsagePurpose::KeyEncipherment];
    both("key usage, pinned", "key usage, issued", &params, "KeyUsage");
    let mut params = client_params("partner", 1);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    both("signs certificates only, pinned", "the same, issued", &params, "KeyUsage");
    let mut params = client_params("partner", 1);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    both("serverAuth only, pinned", "serverAuth only, issued", &params, "ExtendedKeyUsage");
    let mut params = client_params("partner", 1);
    params.custom_extensions = vec![extension(&[2, 5, 29, 15], &[0xff, 0xff], true)];
    both("unreadable key usage, pinned", "the same, issued", &params, "Malformed");
    let mut params = client_params("partner", 1);
    params.custom_extensions = vec![extension(&[1, 2, 3, 4], &[5, 0], true)];
    both("unknown critical extension, pinned", "the same, issued", &params, "Malformed");
    let mut params = client_params("partner", 1);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any];
    cases.add("any usage, issued", &issued, client(&params, &root, &[]), "ExtendedKeyUsage");
    let mut first_version = client(&client_params("partner", 1), &root, &[]);
    first_version.chain[0] =
        changed(&first_version.chain[0], &[0xa0, 3, 2, 1, 2], &[0xa0, 3, 2, 1, 0]);
    cases.add("version 1, pinned", &pinned(&first_version), first_version.clone(), "Malformed");
    let mut garbage = client(&client_params("partner", 1), &root, &[]);
    garbage.chain[0] = CertificateDer::from(vec![0x30, 3, 1, 2, 3]);
    cases.add("garbage, pinned", &pinned(&garbage), garbage.clone(), "Malformed");
    let mut followed = client(&client_params("partner", 1), &root, &[]);
    followed.chain[0] = [followed.chain[0].as_ref(), &[0]].concat().into();
    cases.add("more bytes after it, pinned", &pinned(&followed), followed.clone(), "Malformed");
}

/// Certificates that are not the expected ones.
fn strangers(cases: &mut Cases) {
    let (root, other) = (authority("root"), authority("other"));
    let issued = issued_by(&[&root], &[]);
    let partner = client(&client_params("partner", 1), &root, &[]);
    let pinned_partner = pinned(&partner);
    cases.add("nothing, pinned", &pinned_partner, None, "Missing");
    cases.add("nothing, issued", &issued, None, "Missing");
    let neighbour = client(&client_params("neighbour", 2), &root, &[]);
    cases.add("of the same authority, pinned", &pinned_partner, neighbour.clone(), "NotAllowed");
    let renewed = client_params("partner", 1).signed_by(&*partner.key, &root).unwrap();
    let renewed = Client { chain: vec![renewed.der().clone()], key: partner.key.clone() };
    cases.add("same key, other certificate", &pinned_partner, renewed, "NotAllowed");
    let twin = client(&client_params("partner", 1), &root, &[]);
    cases.add("same name, other key", &pinned_partner, twin, "NotAllowed");
    let mut behind = neighbour.clone();
    behind.chain.push(partner.chain[0].clone());
    cases.add("the pinned one as second", &pinned_partner, behind, "NotAllowed");
    let pinned_root = ClientPolicy::new(vec![Thumbprint::sha256(&der(&root))], None).unwrap();
    cases.add("below a pinned root", &pinned_root.into(), partner.clone(), "NotAllowed");
    let foreign = client(&client_params("partner", 1), &other, &[&other]);
    cases.add("of another authority", &issued, foreign.clone(), "UnknownIssuer");
    cases.add("self-signed", &issued, self_signed(&client_params("partner", 1)), "UnknownIssuer");
    let namesake = authority("root");
    let forged = client(&client_params("partner", 1), &namesake, &[&namesake]);
    cases.add("of an authority of that name", &issued, forged, "BadSignature");
    let both = |client: &Client| {
        let thumbprint = Thumbprint::sha256(&client.chain[0]);
        let policy = ClientPolicy::new(vec![thumbprint], Some(authorities(&[&root], &[])));
        std::sync::Arc::new(policy.unwrap())
    };
    cases.add("both, listed, of another authority", &both(&foreign), foreign, "UnknownIssuer");
    cases.add("both, not listed", &both(&partner), neighbour, "NotAllowed");
    let mut stolen = partner.clone();
    stolen.key = rcgen::KeyPair::generate().unwrap().into();
    cases.add("without its key, pinned", &pinned_partner, stolen.clone(), "BadSignature");
    cases.add("without its key, issued", &issued, stolen, "BadSignature");
    let mut tampered = partner.clone();
    tampered.chain[0] = changed(&partner.chain[0], b"partner", b"pirates");
    cases.add("changed after it was signed", &issued, tampered, "BadSignature");
    let itself = Client {
        chain: vec![der(&root)],
        key: rcgen::KeyPair::from_pem(&root.key().serialize_pem()).unwrap().into(),
    };
    cases.add("the authority itself", &issued, itself, "AuthorityCertificate");
}

/// Chains that lead nowhere, or are too long.
fn bad_chains(cases: &mut Cases) {
    let root = authority("root");
    let issued = issued_by(&[&root], &[]);
    let between = intermediate(authority_params("between"), &root);
    let partner = client_params("partner", 1);
    cases.add("no intermediate", &issued, client(&partner, &between, &[]), "UnknownIssuer");
    let mut expired = authority_params("between");
    expired.not_after = date_time_ymd(2021, 1, 1);
    let expired = intermediate(expired, &root);
    let client_of = |issuer: &Authority| client(&partner, issuer, &[issuer]);
    cases.add("expired intermediate", &issued, client_of(&expired), "ChainDates");
    let leaf = intermediate(params("between"), &root);
    cases.add("issued by a client", &issued, client_of(&leaf), "Chain");
    let mut short = authority_params("short");
    short.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let short = intermediate(short, &root);
    let below = intermediate(authority_params("below"), &short);
    let deep = client(&partner, &below, &[&below, &short]);
    cases.add("longer than a path may be", &issued, deep, "Chain");
    let mut narrow = authority_params("narrow");
    narrow.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![GeneralSubtree::DnsName("hospital.example".to_owned())],
        excluded_subtrees: Vec::new(),
    });
    let narrow = intermediate(narrow, &root);
    let mut outside = partner.clone();
    outside.subject_alt_names =
        vec![rcgen::SanType::DnsName("elsewhere.example".try_into().unwrap())];
    let outside = client(&outside, &narrow, &[&narrow]);
    cases.add("a name outside of its constraints", &issued, outside, "Chain");
    let mut many = client(&partner, &root, &[]);
    many.chain.extend(std::iter::repeat_n(der(&root), CHAIN_CERTIFICATES_MAX));
    cases.add("too many certificates, pinned", &pinned(&many), many.clone(), "TooLong");
    let mut long = partner.clone();
    long.custom_extensions = vec![extension(&[1, 2, 3, 4], &vec![0; CHAIN_BYTES_MAX], false)];
    let long = client(&long, &root, &[]);
    cases.add("too many bytes, pinned", &pinned(&long), long.clone(), "TooLong");
}

fn revoked(cases: &mut Cases) {
    let root = authority("root");
    let mut between = authority_params("between");
    between.serial_number = Some(77_u64.into());
    let between = intermediate(between, &root);
    let partner = client(&client_params("partner", 5), &between, &[&between]);
    let policy = |lists: &[_]| issued_by(&[&root], lists);
    let of_root = |revoked: &[u64]| revocation_list(&root, 2100, revoked);
    let of_between = |ends_in, revoked: &[u64]| revocation_list(&between, ends_in, revoked);
    let lists = policy(&[of_root(&[]), of_between(2100, &[4, 5])]);
    cases.add("revoked", &lists, partner.clone(), "Revoked");
    let lists = policy(&[of_root(&[77]), of_between(2100, &[])]);
    cases.add("intermediate revoked", &lists, partner.clone(), "Revoked");
    let lists = policy(&[of_root(&[])]);
    cases.add("no list of its issuer", &lists, partner.clone(), "RevocationUnknown");
    let lists = policy(&[of_between(2100, &[])]);
    cases.add("no list of its issuer's issuer", &lists, partner.clone(), "RevocationUnknown");
    let lists = policy(&[of_root(&[]), of_between(2021, &[])]);
    cases.add("list out of date", &lists, partner.clone(), "RevocationListExpired");
    let namesake = revocation_list(&authority("between"), 2100, &[]);
    let lists = policy(&[of_root(&[]), namesake]);
    cases.add("list that another has signed", &lists, partner, "RevocationUnknown");
}

#[tokio::test]
async fn no_bad_certificate_is_accepted_and_each_has_its_own_reason() {
    let mut cases = Cases::default();
    bad_leaves(&mut cases);
    strangers(&mut cases);
    bad_chains(&mut cases);
    revoked(&mut cases);
    for version in VERSIONS {
        for case in &cases.0 {
            let name = format!("{} ({:?})", case.name, version.version);
            let refusal = match shake(version, &case.policy, case.client.as_ref()).await {
                Ok(()) => panic!("{name} was accepted"),
                Err(refusal) => refusal,
            };
            assert_eq!(variant(&refusal), case.expected, "{name}: {refusal}");
        }
    }
}

#[tokio::test]
async fn good_certificates_are_accepted() {
    let root = authority("root");
    let between = intermediate(authority_params("between"), &root);
    let issued = issued_by(&[&root], &[]);
    let lists = [revocation_list(&root, 2100, &[1]), revocation_list(&between, 2100, &[2])];
    let checked = issued_by(&[&root], &lists);
    let direct = client(&client_params("direct", 3), &root, &[]);
    let with_root = client(&client_params("with its root", 3), &between, &[&between, &root]);
    let no_usage = client(&params("no usage said"), &between, &[&between]);
    let mut any = client_params("any usage", 9);
    any.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any];
    let any = self_signed(&any);
    // What `openssl req -x509` makes: its own authority.
    let own = self_signed(&authority_params("its own authority"));
    let sha1 = |client: &Client| {
        let other = Thumbprint::sha256(b"another");
        let thumbprints = vec![other, Thumbprint::sha1(&client.chain[0])];
        std::sync::Arc::new(ClientPolicy::new(thumbprints, None).unwrap())
    };
    let both = ClientPolicy::new(
        vec![Thumbprint::sha256(&direct.chain[0])],
        Some(authorities(&[&root], &[])),
    );
    let cases = [
        (&issued, &direct),
        (&issued, &with_root),
        (&issued, &no_usage),
        (&checked, &direct),
        (&checked, &with_root),
        (&pinned(&any), &any),
        (&pinned(&own), &own),
        (&sha1(&direct), &direct),
        (&std::sync::Arc::new(both.unwrap()), &direct),
    ];
    for version in VERSIONS {
        for (policy, client) in cases {
            let subject = ClientCertificate::parse(client.chain.clone(), usize::MAX).unwrap();
            let found = shake(version, policy, Some(client)).await;
            assert_eq!(found, Ok(()), "{} {:?}", subject.subject, version.version);
        }
    }
}
