//! Bodies of every type: byte for byte in and out, character sets, compression,
//! `Expect`, header variables, and data that looks like a placeholder.
//! Traps T-05, T-09 and T-32.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use crate::harness::actions::{set_variable, set_variable_to};
use crate::harness::messages::adt;
use crate::harness::workflow::received;
use crate::harness::{Activity, Connection, Home, Server, Workflow};

mod charsets;

const HL7: i64 = 1;
const XML: i64 = 4;
const CSV: i64 = 5;
const JSON: i64 = 11;
const TEXT: i64 = 13;
const BINARY: i64 = 14;

/// Names and numbers of all types of messages.
const TYPES: &[(&str, i64)] =
    &[("hl7", HL7), ("xml", XML), ("csv", CSV), ("json", JSON), ("text", TEXT), ("binary", BINARY)];

/// Each receiver answers with what it received.
fn echoes(configuration: &str) -> (Home, Server) {
    let home = Home::and(configuration);
    for (name, number) in TYPES {
        let workflow = Workflow::new(name, name).with("MessageType", *number);
        home.workflow(name, &workflow.responding(&received()).build());
    }
    let server = home.serve();
    assert_eq!(server.addresses().len(), TYPES.len(), "{}", server.log());
    (home, server)
}

#[test]
fn every_type_of_body_goes_in_and_out_byte_for_byte() {
    let (_home, server) = echoes("");
    let every_byte: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let odd_hl7 =
        "MSH|^~\\&|A|B|||20260101||ADT^A01|1|P|2.5|||||\rPID|1||7||Müller^\\T\\\r\rZZZ|\n";
    let cases: &[(&str, &str, Vec<u8>)] = &[
        ("hl7", "an admission", adt("B1", "1").into_bytes()),
        ("hl7", "odd line ends, empty segments, escapes", odd_hl7.into()),
        (
            "xml",
            "white space, comments, entities",
            b"<?xml version=\"1.0\"?>\n<a  b = 'c'>\n<!-- x -->&lt;&#65;<![CDATA[<]]></a>\n".into(),
        ),
        (
            "csv",
            "quotes, empty cells, both line ends",
            b"a,\"b\"\"c\",\r\n,,\n\"x\ny\",1\r\n".into(),
        ),
        (
            "json",
            "white space, order, numbers, escapes",
            b" {\"z\" : 1.0e+05,\n\t\"a\":\"\\u00e9\\/\", \"z\": null}\r\n".into(),
        ),
        ("text", "anything", "plain \t\r\n\u{0}\u{1}ü\u{1f600}\r".into()),
        ("text", "a placeholder", b"${HttpMethod} $(x) ${".into()),
        ("binary", "every byte", every_byte),
        ("binary", "UTF-16 with its mark", b"\xff\xfea\0b\0".into()),
        ("binary", "a UTF-8 mark", b"\xef\xbb\xbfabc".into()),
        ("binary", "what looks like base64", b"AAEC/w==\n".into()),
    ];
    for (version, mut connection) in Connection::both(&server) {
        for (name, what, body) in cases {
            let answer = connection.post(&format!("/{name}"), body);
            assert_eq!(answer.status, 200, "{version}, {name}, {what}: {answer:?}");
            assert!(answer.body == *body, "T-05 {version}, {name}, {what}: {answer:?}");
        }
    }
    server.stop();
}

/// Trap T-05: paths and variables see base64, files and answers the bytes.
#[test]
fn binary_bodies_are_base64_wherever_text_is_asked_for() {
    let home = Home::new();
    let bytes = b"\x00\xff\xfe\r\n\x80";
    let base64 = "AP/+DQqA";
    let file = |name: &str| Activity::file(name, name);
    let workflow = Workflow::new("in", "in")
        .with("MessageType", BINARY)
        .variables(vec![set_variable("Whole", "")])
        .responding(&received())
        .activity(file("kept.bin").with("MessageType", BINARY).template(&received()))
        .activity(file("kept.txt").with("MessageType", TEXT).template("${Whole}"));
    home.workflow("in", &workflow.build());
    let server = home.serve();
    let answer = server.http1().post("/in", bytes);
    assert_eq!((answer.status, answer.body.as_slice()), (200, &bytes[..]), "T-05 the answer");
    assert_eq!(std::fs::read(home.path("out/kept.bin")).unwrap(), bytes, "T-05 the file");
    assert_eq!(home.read("out/kept.txt").as_deref(), Some(format!("{base64}\n").as_str()), "T-05");
    server.stop();
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn zlib(body: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn deflate(body: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn compressed_bodies_are_the_same_messages() {
    let (_home, server) = echoes("");
    let message = adt("Z1", "1");
    let plain = message.as_bytes();
    let two = [gzip(&plain[..40]), gzip(&plain[40..])].concat();
    let cut = |bytes: Vec<u8>| bytes[..bytes.len() - 5].to_vec();
    let cases: &[(&str, &str, Vec<u8>, u16)] = &[
        ("gzip", "gzip", gzip(plain), 200),
        ("in another case", "GZip", gzip(plain), 200),
        ("x-gzip", "x-gzip", gzip(plain), 200),
        ("gzip in two parts", "gzip", two, 200),
        ("zlib", "deflate", zlib(plain), 200),
        ("bare deflate", "deflate", deflate(plain), 200),
        ("none", "identity", plain.to_vec(), 200),
        ("cut gzip", "gzip", cut(gzip(plain)), 400),
        ("cut zlib", "deflate", cut(zlib(plain)), 400),
        ("not compressed at all", "gzip", plain.to_vec(), 400),
        ("something after it", "gzip", [gzip(plain), b"x".to_vec()].concat(), 400),
        ("brotli", "br", plain.to_vec(), 415),
        ("twice", "gzip, gzip", gzip(&gzip(plain)), 415),
    ];
    for (version, connection) in Connection::both(&server) {
        for (what, coding, body, expected) in cases {
            let headers = [("Content-Encoding", *coding)];
            let mut connection = connection.another(&server);
            let answer = connection.request_with("POST", "/hl7", &headers, body);
            assert_eq!(answer.status, *expected, "{version}, {what}: {answer:?}");
            match expected {
                200 => assert_eq!(answer.body, plain, "{version}, {what}"),
                _ => assert!(answer.body.is_empty(), "{version}, {what}"),
            }
            assert_eq!(answer.header("accept-encoding").is_some(), *expected == 415, "{what}");
        }
    }
    server.stop();
}

#[test]
fn a_compressed_body_may_not_grow_without_end() {
    let (_home, server) = echoes("[limits]\nbody_bytes = 1048576\ndecompression_ratio = 50\n");
    let spaces = |length: usize| vec![b' '; length];
    let cases: &[(&str, Vec<u8>, u16)] = &[
        ("short, whatever its ratio", gzip(&spaces(200 * 1024)), 200),
        ("over the ratio", gzip(&spaces(1 << 20)), 413),
        ("over the limit", gzip(&spaces(8 << 20)), 413),
        ("a bomb of 64 MiB", gzip(&spaces(64 << 20)), 413),
    ];
    for (version, connection) in Connection::both(&server) {
        for (what, body, expected) in cases {
            let headers = [("Content-Encoding", "gzip")];
            let mut connection = connection.another(&server);
            let answer = connection.request_with("POST", "/text", &headers, body);
            assert_eq!(answer.status, *expected, "{version}, {what}, {} bytes", body.len());
        }
        assert_eq!(connection.another(&server).post("/text", "after").text(), "after", "{version}");
    }
    server.stop();
}

#[test]
fn forms_and_other_bodies_of_several_parts_are_refused() {
    let (_home, server) = echoes("");
    let part = "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n";
    for (version, connection) in Connection::both(&server) {
        for (content_type, expected) in [
            ("multipart/form-data; boundary=b", 415),
            ("Multipart/Mixed; boundary=\"b\"", 415),
            ("multipart/related; boundary=b; type=\"text/xml\"", 415),
            ("application/x-www-form-urlencoded", 200),
            ("text/plain; name=\"multipart/mixed\"", 200),
        ] {
            let headers = [("Content-Type", content_type)];
            for path in ["/text", "/binary"] {
                let mut connection = connection.another(&server);
                let answer = connection.request_with("POST", path, &headers, part);
                let what = format!("{version}, {path} {content_type}");
                assert_eq!(answer.status, expected, "{what}: {answer:?}");
                let body = if expected == 200 { part } else { "" };
                assert_eq!(answer.text(), body, "{what}");
            }
        }
    }
    server.stop();
}

#[test]
fn who_expects_100_is_told_to_go_on_and_only_then() {
    let (_home, server) = echoes("[limits]\nbody_bytes = 1024\n");
    for (what, expect, path, length, expected) in [
        ("an expectation", "100-continue", "/text", 4, vec![100, 200]),
        ("in another case", "100-Continue", "/text", 4, vec![100, 200]),
        ("unknown path", "100-continue", "/nowhere", 4, vec![404]),
        ("too long", "100-continue", "/text", 2048, vec![413]),
        ("another expectation", "200-ok", "/text", 4, vec![417]),
    ] {
        let mut http = server.http1();
        http.send(format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\nExpect: {expect}\r\n\r\n"
        ));
        assert_eq!(http.next_status(), expected[0], "{what}");
        if expected[0] == 100 {
            http.send("body");
            let answer = http.answer("POST");
            assert_eq!((answer.status, answer.text().as_str()), (expected[1], "body"), "{what}");
        } else {
            assert!(http.is_closed_by_server(), "{what}: the body may still come");
        }
    }
    // Who does not wait for it is served too.
    let answer = server.http1().request_with("POST", "/text", &[("Expect", "100-continue")], "now");
    assert_eq!((answer.status, answer.text().as_str()), (200, "now"));
    server.stop();
}

/// Header fields, and what two receivers make of them.
type WithHeaders<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, &'a str);

/// Trap T-32.
#[test]
fn configured_header_fields_are_variables_under_their_prefix() {
    let home = Home::and(
        "[http]\nrequest_headers = [\"X-Request-ID\", \"Content-Type\"]\n\
         [receivers.More]\nrequest_headers = [\"X-Site\"]\n",
    );
    let template = "[${HttpHeader:X-Request-ID}][${httpheader:content-type}][${HttpHeader:X-Site}]\
         [${HttpHeader:X-Request-ID:UpperCase}][${HttpHeader:X-Secret}][${X-Request-ID}]";
    for name in ["General", "More"] {
        let workflow = Workflow::new(name, name).with("MessageType", TEXT);
        home.workflow(name, &workflow.responding(template).build());
    }
    let server = home.serve();
    let cases: &[WithHeaders<'_>] = &[
        ("T-32 none", &[], "[][][][][][]", "[][][][][][]"),
        ("T-32 one", &[("X-Request-ID", "r-1")], "[r-1][][][R-1][][]", "[r-1][][][R-1][][]"),
        ("T-32 in another case", &[("x-rEQUEST-iD", "r")], "[r][][][R][][]", "[r][][][R][][]"),
        (
            "T-32 repeated",
            &[("X-Request-ID", "a"), ("X-Request-ID", "b")],
            "[a, b][][][A, B][][]",
            "[a, b][][][A, B][][]",
        ),
        (
            "T-32 Content-Type",
            &[("Content-Type", "text/plain; a=b")],
            "[][text/plain; a=b][][][][]",
            "[][text/plain; a=b][][][][]",
        ),
        ("T-32 of one receiver", &[("X-Site", "north")], "[][][][][][]", "[][][north][][][]"),
        ("T-32 not configured", &[("X-Secret", "s")], "[][][][][][]", "[][][][][][]"),
        (
            "T-09 a placeholder in a header",
            &[("X-Request-ID", "${HttpMethod}")],
            "[${HttpMethod}][][][${HTTPMETHOD}][][]",
            "[${HttpMethod}][][][${HTTPMETHOD}][][]",
        ),
    ];
    for (version, mut connection) in Connection::both(&server) {
        for (what, headers, general, more) in cases {
            for (path, expected) in [("/general", general), ("/more", more)] {
                let answer = connection.request_with("POST", path, headers, "x");
                assert_eq!(answer.text(), **expected, "{version}, {what} {path}");
            }
        }
    }
    server.stop();
}

/// Trap T-09.
#[test]
fn placeholders_in_message_data_are_never_expanded() {
    let home = Home::and("[globals]\nSite = \"north\"\n");
    let data = "${Site} ${HttpMethod} ${Mrn} ${UUID} $(Site) ${";
    let reading = |name: &str, number: i64, path: &str| {
        Workflow::new(name, name)
            .with("MessageType", number)
            .variables(vec![
                set_variable("Mrn", path),
                // A variable of a variable, and one beside the data.
                set_variable_to("Copy", "${Mrn}"),
                set_variable_to("Beside", "<${Mrn}|${Site}>"),
            ])
            .responding("${Mrn}\n${Copy}\n${Beside}")
            .activity(
                Activity::file("Kept", &format!("{name}.txt"))
                    .with("MessageType", TEXT)
                    .template(&format!("{}\n${{Copy}}\n${{Site}}", received())),
            )
    };
    let as_text = |workflow: Workflow| workflow.with("MessageType", TEXT);
    home.workflow("text", &as_text(reading("text", TEXT, "")).build());
    home.workflow("csv", &reading("csv", CSV, "[0]").build());
    let hl7 = reading("hl7", HL7, "PID-3.1");
    home.workflow("hl7", &hl7.responding("MSH|^~\\&|T\rMSA|AA|1|${Copy}\r").build());
    let server = home.serve();
    let expected = format!("{data}\n{data}\n<{data}|north>");
    let message = adt("P1", "1").replace("|1^^^NORTH", &format!("|{data}^^^NORTH"));
    for (version, mut connection) in Connection::both(&server) {
        for name in ["text", "csv"] {
            let answer = connection.post(&format!("/{name}"), data);
            assert_eq!(answer.text(), expected, "{version}, T-09 {name}");
        }
        let answer = connection.post("/hl7", &message);
        assert_eq!(answer.msa(3), data, "{version}, T-09 hl7: {answer:?}");
    }
    for (name, body) in [("text", data), ("csv", data), ("hl7", message.as_str())] {
        let kept = home.read(&format!("out/{name}.txt")).unwrap();
        let once = format!("{body}\n{data}\nnorth\n");
        assert_eq!(kept, once.repeat(2), "T-09 {name}");
    }
    server.stop();
}
