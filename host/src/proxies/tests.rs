use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{HeaderName, HeaderValue};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use proptest::prelude::*;

use super::*;
use crate::client_certificates::tests::pki;

fn proxies(address: ClientAddressHeader, certificate: ClientCertificateHeader) -> TrustedProxies {
    let trusted = ["10.0.0.0/8", "2001:db8::/32"].map(|network| network.parse().unwrap());
    let config = config::Proxies {
        trusted: trusted.to_vec(),
        client_address: address,
        client_certificate: certificate,
    };
    TrustedProxies::new(&config, 8 * 1024)
}

fn headers(fields: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let name: HeaderName = name.parse().unwrap();
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

const PROXY: &str = "10.0.0.1";

fn check(header: ClientAddressHeader, name: &str, cases: &[(&[&str], &str)]) {
    let proxies = proxies(header, ClientCertificateHeader::None);
    for (values, expected) in cases {
        let fields: Vec<_> = values.iter().map(|value| (name, *value)).collect();
        let found = proxies.client_address(PROXY.parse().unwrap(), &headers(&fields));
        assert_eq!(found.to_string(), *expected, "{values:?}");
    }
}

#[test]
fn x_forwarded_for_is_read_from_the_right() {
    check(
        ClientAddressHeader::XForwardedFor,
        "X-Forwarded-For",
        &[
            (&[], PROXY),
            (&[""], PROXY),
            (&["192.0.2.1"], "192.0.2.1"),
            (&["203.0.113.9, 192.0.2.1"], "192.0.2.1"),
            (&["203.0.113.9,192.0.2.1 , 10.9.9.9"], "192.0.2.1"),
            (&["203.0.113.9", "192.0.2.1"], "192.0.2.1"),
            (&["203.0.113.9", "192.0.2.1, 2001:db8::5, 10.0.0.7"], "192.0.2.1"),
            (&["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
            (&["192.0.2.1:4711"], "192.0.2.1"),
            (&["2001:db9::1"], "2001:db9::1"),
            (&["[2001:db9::1]:4711"], "2001:db9::1"),
            (&["[2001:db9::1]"], "2001:db9::1"),
            (&["::ffff:192.0.2.1"], "192.0.2.1"),
            // Garbage left of the client is the client's own.
            (&["<script>, 192.0.2.1"], "192.0.2.1"),
            (&["é, 192.0.2.1"], PROXY),
            (&["192.0.2.1, unknown"], PROXY),
            (&["192.0.2.1, "], PROXY),
            (&["192.0.2.1 10.0.0.2"], PROXY),
            (&["192.0.2.1:port"], PROXY),
            (&["999.0.2.1"], PROXY),
            (&["[192.0.2.1]"], PROXY),
        ],
    );
}

#[test]
fn forwarded_is_read_from_the_right() {
    check(
        ClientAddressHeader::Forwarded,
        "Forwarded",
        &[
            (&[], PROXY),
            (&["for=192.0.2.1"], "192.0.2.1"),
            (&["For=\"192.0.2.1:80\"; proto=https ;by=10.0.0.1"], "192.0.2.1"),
            (&["for=203.0.113.9, for=192.0.2.1, for=10.0.0.3"], "192.0.2.1"),
            (&["for=203.0.113.9", "for=192.0.2.1"], "192.0.2.1"),
            (&["for=\"[2001:db9::17]:4711\""], "2001:db9::17"),
            (&["for=\"[2001:db9::17]\";host=\"a,b;for=1.1.1.1\""], "2001:db9::17"),
            (&["for=\"[2001:db9::17]:_port\""], "2001:db9::17"),
            (&["for=\"192\\.0.2.1\""], "192.0.2.1"),
            (&["for=_hidden, for=192.0.2.1"], "192.0.2.1"),
            (&["for=192.0.2.1, for=_hidden"], PROXY),
            (&["for=unknown"], PROXY),
            (&["proto=https"], PROXY),
            (&["for=192.0.2.1;for=203.0.113.9"], PROXY),
            // A quote that a client opened hides its address and forges none.
            (&["for=\"203.0.113.9, for=192.0.2.1"], PROXY),
            (&["for=\"203.0.113.9, for=\"[2001:db9::17]\""], PROXY),
            (&["for=\"203.0.113.9", "for=192.0.2.1"], "192.0.2.1"),
            (&["for=2001:db9::17"], PROXY),
            (&["for=192.0.2.1,"], PROXY),
            (&["for"], PROXY),
            (&["=192.0.2.1"], PROXY),
        ],
    );
}

#[test]
fn a_loop_of_proxies_is_not_followed() {
    let long = vec!["10.0.0.2"; ADDRESSES_MAX].join(",");
    let longer = format!("192.0.2.1,{long}");
    let cases: [(&[&str], &str); 2] = [(&[&longer], PROXY), (&[&long], "10.0.0.2")];
    check(ClientAddressHeader::XForwardedFor, "X-Forwarded-For", &cases);
}

#[test]
fn who_is_not_trusted_is_not_believed() {
    let fields = headers(&[
        ("Forwarded", "for=192.0.2.1"),
        ("X-Forwarded-For", "192.0.2.1"),
        ("Client-Cert", "garbage"),
        ("X-SSL-Client-Cert", "garbage"),
    ]);
    let stranger: IpAddr = "203.0.113.5".parse().unwrap();
    for address in [ClientAddressHeader::Forwarded, ClientAddressHeader::XForwardedFor] {
        for certificate in
            [ClientCertificateHeader::ClientCert, ClientCertificateHeader::XSslClientCert]
        {
            let proxies = proxies(address, certificate);
            assert_eq!(proxies.client_address(stranger, &fields), stranger);
            let found = proxies.client_certificate(stranger, &fields).unwrap();
            assert!(matches!(found, ForwardedCertificate::NotProxied));
        }
    }
    let none = TrustedProxies::default();
    assert_eq!(none.client_address(PROXY.parse().unwrap(), &fields).to_string(), PROXY);
    // Trusted for something else.
    let proxies = proxies(ClientAddressHeader::None, ClientCertificateHeader::None);
    assert_eq!(proxies.client_address(PROXY.parse().unwrap(), &fields).to_string(), PROXY);
    let found = proxies.client_certificate(PROXY.parse().unwrap(), &fields).unwrap();
    assert!(matches!(found, ForwardedCertificate::Absent), "its own is not its client's");
}

/// What is found: the subject with the length of the chain, nothing, or the error.
fn certificate(header: ClientCertificateHeader, fields: &[(&str, &str)]) -> String {
    let proxies = proxies(ClientAddressHeader::None, header);
    match proxies.client_certificate(PROXY.parse().unwrap(), &headers(fields)) {
        Ok(ForwardedCertificate::NotProxied) => "not proxied".to_owned(),
        Ok(ForwardedCertificate::Absent) => "absent".to_owned(),
        Ok(ForwardedCertificate::Present(found)) => {
            format!("{} and {}", found.subject, found.issuers().len())
        }
        Err(error) => {
            let text = format!("{error:?}");
            text.split([' ', '{']).next().unwrap_or_default().to_owned()
        }
    }
}

#[test]
fn client_cert_is_byte_sequences() {
    let root = pki::authority("root");
    let client = pki::client(&pki::client_params("partner", 1), &root, &[]);
    let own = format!(":{}:", STANDARD.encode(&client.chain[0]));
    let issuer = format!(":{}:", STANDARD.encode(pki::der(&root)));
    let unpadded = own.replace('=', "");
    let several = format!("{issuer}, {issuer}");
    let many = [issuer.as_str(); 10].join(",");
    let garbage = format!(":{}:", STANDARD.encode("garbage"));
    let with_parameter = format!("{own};a=1");
    let twice = format!("{own}, {own}");
    let base64 = own.trim_matches(':');
    let long = format!(":{}:", STANDARD.encode(vec![0; 9 * 1024]));
    let cert = "Client-Cert";
    let chain = "Client-Cert-Chain";
    let cases: [(&[(&str, &str)], &str); 16] = [
        (&[], "absent"),
        (&[(cert, &own)], "CN=partner and 0"),
        (&[(cert, &format!(" {own} "))], "CN=partner and 0"),
        (&[(cert, &unpadded)], "CN=partner and 0"),
        (&[(cert, &own), (chain, &issuer)], "CN=partner and 1"),
        (&[(cert, &own), (chain, &several), (chain, &issuer)], "CN=partner and 3"),
        (&[(cert, &own), (chain, &many)], "Malformed"),
        (&[(cert, &own), (chain, "")], "Malformed"),
        (&[(cert, &own), (cert, &own)], "Several"),
        (&[(cert, &twice)], "Malformed"),
        (&[(cert, &with_parameter)], "Malformed"),
        (&[(cert, base64)], "Malformed"),
        (&[(cert, "::")], "Malformed"),
        (&[(cert, &garbage)], "Certificate"),
        (&[(cert, &long)], "Certificate"),
        (&[(chain, &issuer)], "ChainAlone"),
    ];
    for (fields, expected) in cases {
        let names: Vec<_> = fields.iter().map(|(name, value)| (name, value.len())).collect();
        let found = certificate(ClientCertificateHeader::ClientCert, fields);
        assert_eq!(found, expected, "{names:?}");
    }
}

#[test]
fn nginx_sends_pem_with_percent_escapes() {
    let client = pki::self_signed(&pki::client_params("partner", 1));
    let pem = |der: &[u8]| {
        let base64 = STANDARD.encode(der);
        format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n")
    };
    let escape = |text: &str| percent_encode(text.as_bytes(), NON_ALPHANUMERIC).to_string();
    let one = pem(&client.chain[0]);
    let name = "X-SSL-Client-Cert";
    let cases: [(&[(&str, &str)], &str); 8] = [
        (&[], "absent"),
        (&[(name, "")], "absent"),
        (&[(name, &escape(&one))], "CN=partner and 0"),
        (&[(name, &escape(&format!("{one}{one}")))], "Malformed"),
        (&[(name, &escape(&one)), (name, &escape(&one))], "Several"),
        (&[(name, "(null)")], "Malformed"),
        (&[(name, &escape(&one.replace("END", "FIN")))], "Malformed"),
        (&[(name, &escape(&pem(b"garbage")))], "Certificate"),
    ];
    for (fields, expected) in cases {
        let found = certificate(ClientCertificateHeader::XSslClientCert, fields);
        assert_eq!(found, expected);
    }
}

proptest! {
    /// Whatever a client writes left of what the trusted proxy adds: the address is the client's
    /// or the proxy's, and never one that the client chose.
    #[test]
    fn no_client_chooses_its_address(
        parts in proptest::collection::vec(
            proptest::sample::select(vec![
                "for=", "203.0.113.9", "\"", ",", ";", "\\", "=", "[", "]", ":", " ", "by=", "10.0.0.3",
                "_x", "for=203.0.113.9", "\"[2001:db9::1]\"",
            ]),
            0..20,
        )
    ) {
        let claimed = parts.concat();
        let peer: IpAddr = PROXY.parse().unwrap();
        let client: IpAddr = "192.0.2.1".parse().unwrap();
        let cases = [
            (ClientAddressHeader::Forwarded, "Forwarded", "for=192.0.2.1"),
            (ClientAddressHeader::XForwardedFor, "X-Forwarded-For", "192.0.2.1"),
        ];
        for (header, name, added) in cases {
            let proxies = proxies(header, ClientCertificateHeader::None);
            let apart = headers(&[(name, &claimed), (name, added)]);
            prop_assert_eq!(proxies.client_address(peer, &apart), client);
            let joined = headers(&[(name, &format!("{claimed}, {added}"))]);
            let found = proxies.client_address(peer, &joined);
            prop_assert!(found == client || found == peer, "{} from {:?}", found, claimed);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let Ok(value) = HeaderValue::from_bytes(&bytes) else { return Ok(()) };
        let mut fields = HeaderMap::new();
        for name in ["forwarded", "x-forwarded-for", "client-cert", "client-cert-chain",
            "x-ssl-client-cert"] {
            fields.insert(HeaderName::from_static(name), value.clone());
        }
        let peer: IpAddr = PROXY.parse().unwrap();
        for address in [ClientAddressHeader::Forwarded, ClientAddressHeader::XForwardedFor] {
            proxies(address, ClientCertificateHeader::None).client_address(peer, &fields);
        }
        for certificate in [ClientCertificateHeader::ClientCert, ClientCertificateHeader::XSslClientCert] {
            let proxies = proxies(ClientAddressHeader::None, certificate);
            let found = proxies.client_certificate(peer, &fields);
            prop_assert!(!matches!(found, Ok(ForwardedCertificate::Present(_))));
        }
    }
}
