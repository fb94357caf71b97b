use proptest::prelude::*;

use super::*;

/// A version 2 header with this command and family, and these bytes after the length.
fn version_2_header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [VERSION_2_SIGNATURE, &[command, family], &length, rest].concat()
}

fn ipv4() -> Vec<u8> {
    [&[192, 0, 2, 1, 10, 0, 0, 1], &[0x12, 0x67, 1, 187][..]].concat()
}

fn ipv6() -> Vec<u8> {
    let address: Ipv6Addr = "2001:db8::1".parse().unwrap();
    [&address.octets()[..], &address.octets(), &[0x12, 0x67, 1, 187]].concat()
}

/// What each header says, or nothing where it is refused.
fn cases() -> Vec<(Vec<u8>, Option<Introduced>)> {
    let client = |text: &str| Some(Introduced::Client(text.parse().unwrap()));
    let itself = Some(Introduced::ProxyItself);
    let tlv = |address: Vec<u8>, bytes: usize| [address, vec![0; bytes]].concat();
    let text = |line: &str| line.as_bytes().to_vec();
    let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(VERSION_1_BYTES_MAX - 16));
    let too_long = format!("PROXY UNKNOWN {}\r\n", "x".repeat(VERSION_1_BYTES_MAX - 15));
    assert_eq!(longest.len(), VERSION_1_BYTES_MAX);
    vec![
        (text("PROXY TCP4 192.0.2.1 10.0.0.1 4711 443\r\n"), client("192.0.2.1:4711")),
        (text("PROXY TCP6 2001:db8::1 ::1 4711 443\r\n"), client("[2001:db8::1]:4711")),
        (text("PROXY UNKNOWN\r\n"), itself),
        (text("PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n"), itself),
        (text(&longest), itself),
        (text(&too_long), None),
        (text("PROXY TCP4 192.0.2.1 10.0.0.1 4711 443 \r\n"), None),
        (text("PROXY TCP4  192.0.2.1 10.0.0.1 4711 443\r\n"), None),
        (text("PROXY TCP4 192.0.2.1 10.0.0.1 4711\r\n"), None),
        (text("PROXY TCP4 2001:db8::1 ::1 4711 443\r\n"), None),
        (text("PROXY TCP6 192.0.2.1 10.0.0.1 4711 443\r\n"), None),
        (text("PROXY TCP4 192.0.2.1 10.0.0.1 70000 443\r\n"), None),
        (text("PROXY TCP4 192.0.2.1 10.0.0.1 +471 443\r\n"), None),
        (text("PROXY TCP4 192.0.2.1 10.0.0.1  443\r\n"), None),
        (text("PROXY TCP4 192.0.2 10.0.0.1 4711 443\r\n"), None),
        (text("PROXY UDP4 192.0.2.1 10.0.0.1 4711 443\r\n"), None),
        (text("PROXY \r\n"), None),
        (b"PROXY TCP4 \xff\r\n".to_vec(), None),
        (text("proxy TCP4 192.0.2.1 10.0.0.1 4711 443\r\n"), None),
        (text("GET / HTTP/1.1\r\n\r\n"), None),
        (b"\x16\x03\x01\x02\x00\x01\x00".to_vec(), None),
        (version_2_header(0x21, 0x11, &ipv4()), client("192.0.2.1:4711")),
        (version_2_header(0x21, 0x21, &ipv6()), client("[2001:db8::1]:4711")),
        (version_2_header(0x21, 0x11, &tlv(ipv4(), 4_000)), client("192.0.2.1:4711")),
        (version_2_header(0x21, 0x21, &tlv(ipv6(), 4_096 - 36)), client("[2001:db8::1]:4711")),
        (version_2_header(0x20, 0x00, &[]), itself),
        (version_2_header(0x20, 0xff, &[1, 2, 3]), itself),
        (version_2_header(0x21, 0x00, &[1, 2, 3]), itself),
        (version_2_header(0x21, 0x31, &[0; 216]), itself),
        (version_2_header(0x21, 0x21, &tlv(ipv6(), 4_097 - 36)), None),
        (version_2_header(0x21, 0x11, &[0; 11]), None),
        (version_2_header(0x21, 0x21, &[0; 35]), None),
        (version_2_header(0x21, 0x21, &[]), None),
        (version_2_header(0x21, 0x12, &ipv4()), None),
        (version_2_header(0x22, 0x11, &ipv4()), None),
        (version_2_header(0x11, 0x11, &ipv4()), None),
    ]
}

/// Feeds the bytes in pieces, never more than are asked for, and says how many were taken.
fn feed(bytes: &[u8], pieces: &[usize]) -> (Option<Introduced>, usize) {
    let mut taken = 0;
    let mut pieces = pieces.iter().cycle();
    loop {
        match parse(&bytes[..taken]) {
            Ok(Parsed::Done(introduced)) => return (Some(introduced), taken),
            Ok(Parsed::Needs(more)) => {
                assert!(more > 0, "asking for nothing never ends");
                assert!(taken + more <= VERSION_2_BYTES_MAX);
                let piece = more.min(*pieces.next().unwrap()).min(bytes.len() - taken);
                if piece == 0 {
                    return (None, taken);
                }
                taken += piece;
            }
            Err(_) => return (None, taken),
        }
    }
}

#[tokio::test]
async fn exactly_the_header_is_read() {
    for (header, expected) in cases() {
        let stream = [header.as_slice(), b"after it"].concat();
        let mut rest = stream.as_slice();
        let found = read(&mut rest).await.ok();
        assert_eq!(found, expected, "{}", String::from_utf8_lossy(&header));
        if found.is_some() {
            assert_eq!(rest, b"after it", "{}", String::from_utf8_lossy(&header));
        }
    }
}

#[tokio::test]
async fn a_cut_header_is_no_header() {
    for (header, expected) in cases() {
        if expected.is_none() {
            continue;
        }
        for length in 0..header.len() {
            let found = read(&mut &header[..length]).await;
            assert!(matches!(found, Err(ProxyHeaderError::Cut)), "{length}: {found:?}");
        }
    }
}

proptest! {
    #[test]
    fn pieces_do_not_matter(
        case in 0_usize..cases().len(),
        pieces in proptest::collection::vec(1_usize..50, 1..10),
    ) {
        let (header, expected) = cases().swap_remove(case);
        let bytes = [header.as_slice(), b"after it"].concat();
        let (found, taken) = feed(&bytes, &pieces);
        prop_assert_eq!(found, expected);
        if expected.is_some() {
            prop_assert_eq!(taken, header.len());
        }
    }

    #[test]
    fn garbage_is_refused_within_the_limit(
        start in proptest::sample::select(vec![&b""[..], VERSION_1_SIGNATURE, VERSION_2_SIGNATURE,
            b"PROXY TCP4 ", b"PROXY TCP6 ", b"PROXY UNKNOWN",
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11", b"\r\n\r\n\0\r\nQUIT\n\x21\x21"]),
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let bytes = [start, &bytes].concat();
        let (_, taken) = feed(&bytes, &[usize::MAX]);
        prop_assert!(taken <= VERSION_2_BYTES_MAX);
    }
}
