use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use proptest::prelude::*;

use super::super::flight::Flight;
use super::*;

type Compress = fn(&[u8]) -> Vec<u8>;

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn zlib(plain: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn bare(plain: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

const FORMS: [(Coding, Compress); 3] =
    [(Coding::Gzip, gzip), (Coding::Deflate, zlib), (Coding::Deflate, bare)];

const WIDE: Growth = Growth { bytes_max: 64 << 20, ratio: 2_000 };

fn decompress(
    coding: Coding,
    pieces: &[&[u8]],
    growth: Growth,
    room: usize,
) -> Result<Vec<u8>, Refusal> {
    let mut in_flight = Flight::new(1, room).enter().unwrap();
    let mut decompressor = Decompressor::new(coding, growth, &mut in_flight).unwrap();
    for piece in pieces {
        decompressor = decompressor.push(piece)?;
    }
    decompressor.finish()
}

fn check(coding: Coding, compressed: &[u8], expected: Result<&[u8], Refusal>) {
    let found = decompress(coding, &[compressed], WIDE, usize::MAX);
    assert_eq!(found.as_deref(), expected.as_ref().map(|plain| &**plain), "{coding:?}");
}

#[test]
fn codings_are_known_by_their_names() {
    let headers = |values: &[&str]| -> HeaderMap {
        let field = |value: &&str| (CONTENT_ENCODING, value.parse().unwrap());
        values.iter().map(field).collect()
    };
    let cases: [(&[&str], _); 13] = [
        (&[], Ok(Coding::Identity)),
        (&["identity"], Ok(Coding::Identity)),
        (&[""], Ok(Coding::Identity)),
        (&["gzip"], Ok(Coding::Gzip)),
        (&["X-GZip"], Ok(Coding::Gzip)),
        (&[" deflate "], Ok(Coding::Deflate)),
        (&["identity, gzip"], Ok(Coding::Gzip)),
        (&["identity", "deflate"], Ok(Coding::Deflate)),
        (&["gzip, gzip"], Err(Refusal::Encoding)),
        (&["gzip", "deflate"], Err(Refusal::Encoding)),
        (&["br"], Err(Refusal::Encoding)),
        (&["zstd, identity"], Err(Refusal::Encoding)),
        (&["gzip;q=1"], Err(Refusal::Encoding)),
    ];
    for (values, expected) in cases {
        assert_eq!(Coding::of(&headers(values)), expected, "{values:?}");
    }
}

#[test]
fn a_stream_that_is_cut_or_has_something_after_it_is_broken() {
    let plain = b"MSH|^~\\&|A|B|C|D|20260101||ADT^A01|1|P|2.5\r".repeat(20);
    for (coding, compress) in FORMS {
        let whole = compress(&plain);
        check(coding, &whole, Ok(&plain));
        for cut in 1..whole.len() {
            check(coding, &whole[..cut], Err(Refusal::BrokenBody));
        }
        for garbage in [&b"\0"[..], b"x", b"garbage after the end", &[0; 64]] {
            check(coding, &[&whole, garbage].concat(), Err(Refusal::BrokenBody));
        }
        check(coding, b"", Ok(b""));
        check(coding, &compress(b""), Ok(b""));
        check(coding, b"this is not compressed at all", Err(Refusal::BrokenBody));
    }
}

#[test]
fn a_wrong_checksum_is_broken() {
    let last = |mut compressed: Vec<u8>, back: usize| {
        let index = compressed.len() - back;
        compressed[index] ^= 1;
        compressed
    };
    check(Coding::Gzip, &last(gzip(b"hello"), 8), Err(Refusal::BrokenBody));
    check(Coding::Gzip, &last(gzip(b"hello"), 1), Err(Refusal::BrokenBody));
    check(Coding::Deflate, &last(zlib(b"hello"), 1), Err(Refusal::BrokenBody));
}

#[test]
fn members_of_one_gzip_file_are_one_body() {
    let two = [gzip(b"hello "), gzip(b"world")].concat();
    check(Coding::Gzip, &two, Ok(b"hello world"));
    check(Coding::Gzip, &two[..two.len() - 1], Err(Refusal::BrokenBody));
}

#[test]
fn a_bomb_ends_early() {
    let zeros = vec![0; 20 << 20];
    for (coding, compress) in FORMS {
        let bomb = compress(&zeros);
        let long = |growth, room| decompress(coding, &[&bomb], growth, room);
        assert_eq!(long(WIDE, usize::MAX).as_deref(), Ok(&*zeros));
        let by_limit = Growth { bytes_max: zeros.len() - 1, ..WIDE };
        assert_eq!(long(by_limit, usize::MAX), Err(Refusal::LongBody));
        let by_ratio = Growth { ratio: 100, ..WIDE };
        assert_eq!(long(by_ratio, usize::MAX), Err(Refusal::LongBody));
        assert_eq!(long(WIDE, zeros.len() - 1), Err(Refusal::Overloaded));
    }
}

#[test]
fn a_short_body_may_be_more_than_the_ratio() {
    let tight = Growth { ratio: 1, ..WIDE };
    let spaces = vec![b' '; count(RATIO_FREE_BYTES)];
    let found = decompress(Coding::Gzip, &[&gzip(&spaces)], tight, usize::MAX);
    assert_eq!(found.as_deref(), Ok(&*spaces));
    let longer = vec![b' '; spaces.len() + 1];
    let found = decompress(Coding::Gzip, &[&gzip(&longer)], tight, usize::MAX);
    assert_eq!(found, Err(Refusal::LongBody));
}

proptest! {
    #[test]
    fn pieces_make_no_difference(
        plain in proptest::collection::vec(any::<u8>(), 0..2_000),
        piece in 1usize..50,
        form in 0..FORMS.len(),
    ) {
        let (coding, compress) = FORMS[form];
        let compressed = compress(&plain);
        let pieces: Vec<&[u8]> = compressed.chunks(piece).collect();
        prop_assert_eq!(decompress(coding, &pieces, WIDE, usize::MAX), Ok(plain));
    }

    #[test]
    fn no_bytes_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..500),
        kept in 0usize..40,
        form in 0..FORMS.len(),
    ) {
        let (coding, compress) = FORMS[form];
        let mut start = compress(b"hello hello hello hello");
        start.truncate(kept);
        start.extend(bytes);
        // Either way is fine.
        let _found = decompress(coding, &[&start], WIDE, 1 << 20);
    }
}
