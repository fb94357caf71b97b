//! In which character set a body is read (contract 4.2, behaviour 8): the
//! Content-Type says it, else a mark, else MSH-18 or the XML declaration, else
//! UTF-8. Answers are UTF-8.

use super::{CSV, HL7, JSON, TEXT, XML};
use crate::harness::actions::set_variable;
use crate::harness::{Connection, Home, Server, Workflow};

/// Each receiver answers with the name that it read.
fn readers() -> (Home, Server) {
    let home = Home::new();
    for (name, number, path, template) in [
        ("hl7", HL7, "PID-5.1", "MSH|^~\\&|T\rMSA|AA|1|${Name}\r"),
        ("xml", XML, "patient/name", "<a>${Name}</a>"),
        ("csv", CSV, "[1]", "${Name},x"),
        ("json", JSON, "name", "{\"name\":\"${Name}\"}"),
        ("text", TEXT, "", "${Name}"),
    ] {
        let workflow = Workflow::new(name, name).with("MessageType", number);
        let workflow = workflow.variables(vec![set_variable("Name", path)]);
        home.workflow(name, &workflow.responding(template).build());
    }
    let server = home.serve();
    assert_eq!(server.addresses().len(), 5, "{}", server.log());
    (home, server)
}

fn hl7(declared: &str, name: &[u8]) -> Vec<u8> {
    let header =
        format!("MSH|^~\\&|WARD||||20260102||ADT^A01|B1|P|2.5.1||||||{declared}\rPID|1||7||");
    [header.as_bytes(), name, b"\r"].concat()
}

fn xml(declaration: &str, name: &[u8]) -> Vec<u8> {
    [declaration.as_bytes(), b"<patient><name>", name, b"</name></patient>"].concat()
}

fn utf_16(text: &str, little: bool) -> Vec<u8> {
    let unit = |unit: u16| if little { unit.to_le_bytes() } else { unit.to_be_bytes() };
    text.encode_utf16().flat_map(unit).collect()
}

const LATIN: &[u8] = b"M\xfcller";
const MUELLER: &str = "Müller";

#[test]
fn a_body_is_read_in_the_character_set_that_it_is_said_to_be_in() {
    let (_home, server) = readers();
    let marked = |text: &str, little: bool| utf_16(&format!("\u{feff}{text}"), little);
    let latin = Some("text/plain; charset=iso-8859-1");
    let quoted = Some("application/json; charset=\"ISO-8859-1\"");
    let json = |name: &[u8]| [b"{\"name\":\"", name, b"\"}"].concat();
    let cases: Vec<(&str, &str, Option<&str>, Vec<u8>)> = vec![
        ("text", "UTF-8 unless it is said", None, MUELLER.into()),
        ("text", "Content-Type", latin, LATIN.into()),
        ("text", "a mark", None, format!("\u{feff}{MUELLER}").into()),
        ("text", "UTF-16 with a mark", None, marked(MUELLER, true)),
        ("text", "UTF-16, the other order", None, marked(MUELLER, false)),
        (
            "text",
            "UTF-16 that is told",
            Some("text/plain; charset=utf-16be"),
            utf_16(MUELLER, false),
        ),
        (
            "text",
            "another type with a charset",
            Some("application/x-own; charset=latin1"),
            LATIN.into(),
        ),
        ("csv", "UTF-8 unless it is said", None, format!("1,{MUELLER}").into()),
        ("csv", "Content-Type", latin, [b"1,", LATIN].concat()),
        ("json", "UTF-8 unless it is said", None, json(MUELLER.as_bytes())),
        ("json", "Content-Type", quoted, json(LATIN)),
        ("json", "a mark", None, [b"\xef\xbb\xbf", json(MUELLER.as_bytes()).as_slice()].concat()),
        ("json", "UTF-16 with a mark", None, marked("{\"name\":\"Müller\"}", true)),
        ("xml", "UTF-8 unless it is said", None, xml("", MUELLER.as_bytes())),
        (
            "xml",
            "its declaration",
            None,
            xml("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>", LATIN),
        ),
        ("xml", "Content-Type", Some("application/xml; charset=iso-8859-1"), xml("", LATIN)),
        (
            "xml",
            "Content-Type over the declaration",
            Some("application/xml; charset=iso-8859-1"),
            xml("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", LATIN),
        ),
        ("hl7", "UTF-8 unless it is said", None, hl7("", MUELLER.as_bytes())),
        ("hl7", "MSH-18", None, hl7("8859/1", LATIN)),
        ("hl7", "MSH-18 for UTF-8", None, hl7("UNICODE UTF-8", MUELLER.as_bytes())),
        ("hl7", "Content-Type", Some("application/hl7-v2; charset=iso-8859-1"), hl7("", LATIN)),
        (
            "hl7",
            "Content-Type over MSH-18",
            Some("application/hl7-v2; charset=iso-8859-1"),
            hl7("UNICODE UTF-8", LATIN),
        ),
        ("hl7", "neither: as old senders mean it", None, hl7("", LATIN)),
    ];
    for (version, mut connection) in Connection::both(&server) {
        for (name, what, content_type, body) in &cases {
            let headers: Vec<_> = content_type.iter().map(|it| ("Content-Type", *it)).collect();
            let answer =
                connection.request_with("POST", &format!("/{name}"), &headers, body.as_slice());
            assert_eq!(answer.status, 200, "{version}, 4.2/8 {name}, {what}: {answer:?}");
            let told = answer.text();
            let read = told.contains(MUELLER) && !told.contains('\u{feff}');
            assert!(read, "{version}, 4.2/8 {name}, {what}: {told:?}");
        }
    }
    server.stop();
}

#[test]
fn an_answer_that_passes_a_message_on_says_its_character_set() {
    let (_home, server) = super::echoes("");
    let declared = xml("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>", LATIN);
    let er7 = "x-application/hl7-v2+er7";
    let latin_er7 = "x-application/hl7-v2+er7; charset=iso-8859-1";
    let plain = "text/plain; charset=utf-8";
    for (version, mut connection) in Connection::both(&server) {
        for (name, what, body, content_type, expected) in [
            ("hl7", "MSH-18", hl7("8859/1", LATIN), latin_er7, hl7("8859/1", LATIN)),
            ("hl7", "all of it ASCII", hl7("8859/1", b"x"), er7, hl7("8859/1", b"x")),
            ("text", "UTF-16", utf_16("\u{feff}\u{fc}", true), plain, "ü".into()),
            (
                "xml",
                "its declaration",
                declared.clone(),
                "application/xml",
                xml("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", MUELLER.as_bytes()),
            ),
        ] {
            let answer = connection.post(&format!("/{name}"), &body);
            let told = answer.content_type.as_deref();
            assert_eq!(told, Some(content_type), "{version}, {name}, {what}");
            assert!(answer.body == expected, "{version}, {name}, {what}: {answer:?}");
        }
    }
    server.stop();
}

#[test]
fn bytes_that_are_not_of_the_set_are_refused_and_not_guessed() {
    let (_home, server) = readers();
    let cases: &[(&str, &str, Option<&str>, &[u8])] = &[
        ("text", "not UTF-8", None, b"M\xc3"),
        ("text", "not what the Content-Type says", Some("text/plain; charset=utf-8"), LATIN),
        ("text", "half a UTF-16 unit", Some("text/plain; charset=utf-16le"), b"abc"),
        ("csv", "not UTF-8", None, b"a,\xff"),
        ("json", "not UTF-8", None, b"{\"name\":\"M\xfc\"}"),
        ("xml", "not UTF-8", None, b"<a>\xfc</a>"),
        ("text", "an unknown set", Some("text/plain; charset=klingon"), b"a"),
    ];
    for (version, mut connection) in Connection::both(&server) {
        for (name, what, content_type, body) in cases {
            let headers: Vec<_> = content_type.iter().map(|it| ("Content-Type", *it)).collect();
            let answer = connection.request_with("POST", &format!("/{name}"), &headers, body);
            assert_eq!(answer.status, 400, "{version}, 4.2/8 {name}, {what}: {answer:?}");
            assert!(!answer.body.is_empty(), "{version}, 4.2/8 {name}, {what}: a reason");
        }
        let body = hl7("", LATIN);
        let headers = [("Content-Type", "application/hl7-v2; charset=utf-8")];
        let answer = connection.request_with("POST", "/hl7", &headers, body);
        assert_eq!((answer.status, answer.msa(1)), (200, "AE".to_owned()), "{version}, 4.2/8 hl7");
    }
    server.stop();
}
