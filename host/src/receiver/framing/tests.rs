use proptest::prelude::*;

use super::*;

/// Follows the bytes in one piece; what was overwritten is shown as `~`.
fn follow(text: &str) -> (String, Framing) {
    let mut bytes = text.as_bytes().to_vec();
    let mut framing = Framing::default();
    framing.follow(&mut bytes);
    (String::from_utf8(bytes).unwrap().replace('\0', "~"), framing)
}

#[test]
fn well_formed_requests_pass_and_their_ends_are_found() {
    let cases = [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\ncontent-LENGTH:  5 \r\n\r\na\nb\rc",
        "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\na\nb\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n00A ;x=\"y\"\r\n0123456789\r\n0;z\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT: 1\r\nU: 2\r\n\r\n",
    ];
    for (count, text) in cases.iter().enumerate() {
        let (passed, framing) = follow(text);
        assert_eq!(passed, *text);
        assert!(framing.is_at_start(), "case {count}");
        assert_eq!(framing.heads(), 1);
        let (passed, framing) = follow(&text.repeat(3));
        assert_eq!((passed, framing.heads()), (text.repeat(3), 3));
        assert!(framing.is_at_start());
    }
}

#[test]
fn what_others_may_read_differently_is_spoiled() {
    let cases = [
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", "GET / HTTP/1.1~Host: a\r\n\r\n"),
        ("GET / HTTP/1.1\r\nHost: a\n\r\n", "GET / HTTP/1.1\r\nHost: a~\r\n"),
        ("GET / HTTP/1.1\r\nHost: a\r\n\n", "GET / HTTP/1.1\r\nHost: a\r\n~"),
        ("\nGET / HTTP/1.1\r\n", "~GET / HTTP/1.1\r\n"),
        (
            "P / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "P / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r~0\r\n\r\n",
        ),
        ("P / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n", "length:5\r~"),
        ("P / HTTP/1.1\r\nContent-Length: +5\r\n", "length:5\r~"),
        ("P / HTTP/1.1\r\nContent-Length: 5, 5\r\n", "length:5\r~"),
        ("P / HTTP/1.1\r\nContent-Length:\r\n", "length:5\r~"),
        ("P / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n", "length:5\r~"),
        ("P / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n", "length:5\r~"),
        ("P / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n", "length:5\r~"),
        (
            "P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "length:5\r~",
        ),
        ("P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc", "\r\n\r\n3~abc"),
        ("P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\r\nabc", "\r\n\r\n~\nabc"),
        ("P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", "\r\n\r\n~1\r\n"),
        (
            "P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n11111111111111111\r\n",
            "1111111111111111~\r\n",
        ),
        ("P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab", "1\r\na~"),
        ("P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\rb", "1\r\na\r~"),
    ];
    for (text, expected) in cases {
        let (passed, framing) = follow(text);
        // The line itself stays, only its end is overwritten.
        let expected = expected.strip_prefix("length:5").unwrap_or(expected);
        assert!(passed.ends_with(expected), "{text:?}: {passed:?}");
        assert_eq!(passed.matches('~').count(), 1, "{text:?}");
        assert!(!framing.is_at_start(), "{text:?}");
    }
}

#[test]
fn a_bare_line_feed_in_a_chunk_extension_is_left_for_hyper_to_refuse() {
    let text = "P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x\nabc";
    let (passed, framing) = follow(text);
    assert_eq!(passed, text);
    assert_eq!(framing.place, Place::Spoiled);
}

#[test]
fn a_framing_field_that_is_too_long_is_spoiled_and_other_long_fields_pass() {
    let long = " ".repeat(LINE_KEPT_MAX);
    let (passed, _) = follow(&format!("P / HTTP/1.1\r\nContent-Length:{long}5\r\n"));
    assert!(passed.ends_with("5\r~"));
    let other = format!("P / HTTP/1.1\r\nCookie:{long}5\r\n\r\n");
    let (passed, framing) = follow(&other);
    assert!(passed == other && framing.is_at_start());
}

fn piece_of_request() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "POST / HTTP/1.1\r\n",
        "Host: a\r\n",
        "Content-Length: 3\r\n",
        "\r\n",
        "\n",
        "\r",
        "abc",
        "Transfer-Encoding: chunked\r\n",
        "3\r\nabc\r\n",
        "0\r\n\r\n",
        "0\r\n",
        ";",
        "A\r\n",
        "x",
    ])
}

proptest! {
    #[test]
    fn pieces_make_no_difference(
        parts in prop::collection::vec(piece_of_request(), 0..20),
        cuts in prop::collection::vec(0usize..40, 0..20),
    ) {
        let text = parts.concat();
        let (whole, one) = follow(&text);
        let mut bytes = text.into_bytes();
        let mut many = Framing::default();
        let mut rest = bytes.as_mut_slice();
        for cut in cuts {
            let (piece, after) = rest.split_at_mut(cut.min(rest.len()));
            many.follow(piece);
            rest = after;
        }
        many.follow(rest);
        prop_assert_eq!(whole, String::from_utf8(bytes).unwrap().replace('\0', "~"));
        prop_assert_eq!((one.place, one.heads), (many.place, many.heads));
    }

    #[test]
    fn any_bytes_are_followed(mut bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let length = bytes.len();
        Framing::default().follow(&mut bytes);
        prop_assert_eq!(bytes.len(), length);
    }
}
