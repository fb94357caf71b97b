use super::*;

fn header(accept: &str, application: &str) -> Header {
    let text = format!(
        "MSH|^~\\&|LAB|NORTH|TUREEN|WARD|20260101||ADT^A01|C1|P|2.5.1|||{accept}|{application}\r"
    );
    Header::read(text.as_bytes()).unwrap()
}

fn style(status_profile: StatusProfile) -> ResponseStyle<'static> {
    let hl7_content_type = "x-application/hl7-v2+er7";
    ResponseStyle { status_profile, rest_filtered_status: 422, hl7_content_type }
}

fn answer(
    style: ResponseStyle<'_>,
    header: Option<&Header>,
    media_type: Option<&MediaType>,
    told: &Told<'_>,
) -> Response {
    let question = Question {
        format: Format::Hl7,
        header,
        media_type,
        timestamp: "20260101000000+0000",
        control_id: "OWN1",
        message_id: "run-1",
    };
    respond(style, &question, told)
}

fn error(fault: Fault) -> RunError {
    let text = "something".to_owned();
    RunError {
        code: "test.code".to_owned(),
        fault,
        text,
        place: None,
        inside: None,
        is_quoted: false,
    }
}

/// MSA-1 of an answer, or nothing.
fn code(response: &Response) -> String {
    let text = String::from_utf8(response.body.clone()).unwrap();
    let segment = text.split('\r').find_map(|segment| segment.strip_prefix("MSA|"));
    segment.and_then(|rest| rest.split('|').next()).unwrap_or_default().to_owned()
}

#[test]
fn the_status_table_of_both_profiles() {
    use StatusProfile::{Hoh, Rest};
    let sender = error(Fault::Sender);
    let author = error(Fault::Author);
    let no_activity = Told::NoActivityResponse { name: "Partner" };
    let forced = |reject| Told::Forced { reject, text: "always" };
    // Told; with a header: hoh, rest; without: hoh, rest.
    let cases = [
        ("nothing", Told::Nothing, [200, 204, 200, 204]),
        ("accept", Told::Accept, [200, 200, 200, 200]),
        ("filtered", Told::Filtered, [200, 422, 200, 422]),
        ("unreadable", Told::Unreadable(&sender), [200, 400, 400, 400]),
        ("rejected", Told::Rejected(&sender), [200, 422, 422, 422]),
        ("failed", Told::Failed(&author), [200, 500, 500, 500]),
        ("no activity", no_activity, [200, 500, 200, 500]),
        ("forced error", forced(false), [200, 500, 500, 500]),
        ("forced reject", forced(true), [200, 422, 422, 422]),
    ];
    let header = header("", "");
    for (what, told, expected) in &cases {
        let found = [(Hoh, Some(&header)), (Rest, Some(&header)), (Hoh, None), (Rest, None)]
            .map(|(profile, header)| answer(style(profile), header, None, told).status);
        assert_eq!(&found, expected, "{what}");
    }
}

#[test]
fn the_sender_chooses_the_acknowledgement_by_msh_15_and_16() {
    let author = error(Fault::Author);
    let failed = Told::Failed(&author);
    // MSH-15, MSH-16; status and code on accept, on reject, on error.
    let cases = [
        ("", "", [(200, "AA"), (200, "AR"), (200, "AE")]),
        ("NE", "AL", [(200, "AA"), (200, "AR"), (200, "AE")]),
        ("", "AL", [(200, "AA"), (200, "AR"), (200, "AE")]),
        ("AL", "NE", [(200, "CA"), (200, "CR"), (200, "CE")]),
        ("AL", "", [(200, "CA"), (200, "CR"), (200, "CE")]),
        ("AL", "AL", [(200, "CA"), (200, "CR"), (200, "CE")]),
        ("ER", "NE", [(204, ""), (200, "CR"), (200, "CE")]),
        ("ER", "AL", [(204, ""), (200, "CR"), (200, "CE")]),
        ("SU", "NE", [(200, "CA"), (204, ""), (500, "")]),
        ("NE", "ER", [(204, ""), (200, "AR"), (200, "AE")]),
        ("NE", "SU", [(200, "AA"), (204, ""), (500, "")]),
        ("NE", "NE", [(204, ""), (204, ""), (500, "")]),
    ];
    for (accept, application, expected) in cases {
        let header = header(accept, application);
        let told = [Told::Accept, Told::Filtered, Told::Failed(&author)];
        let found: Vec<_> = told
            .iter()
            .map(|told| answer(style(StatusProfile::Hoh), Some(&header), None, told))
            .map(|response| (response.status, code(&response)))
            .collect();
        let expected = expected.map(|(status, code)| (status, code.to_owned()));
        assert_eq!(found, expected, "MSH-15 {accept:?}, MSH-16 {application:?}");
    }
    let silent = answer(style(StatusProfile::Hoh), Some(&header("NE", "NE")), None, &failed);
    assert_eq!(silent.content_type.as_deref(), Some("text/plain; charset=utf-8"));
}

#[test]
fn an_acknowledgement_is_never_acknowledged() {
    for code_of_message in ["ACK", "ACK^A01^ACK"] {
        let text = format!("MSH|^~\\&|A|B|C|D|20260101||{code_of_message}|C1|P|2.5.1\r");
        let header = Header::read(text.as_bytes()).unwrap();
        let author = error(Fault::Author);
        let taken = answer(style(StatusProfile::Hoh), Some(&header), None, &Told::Accept);
        assert_eq!((taken.status, taken.body.len(), taken.content_type), (200, 0, None));
        let failed = answer(style(StatusProfile::Hoh), Some(&header), None, &Told::Failed(&author));
        assert_eq!((failed.status, code(&failed).as_str()), (500, ""));
    }
}

#[test]
fn an_hl7_answer_has_the_hl7_type_of_the_request() {
    let cases = [
        (None, "x-application/hl7-v2+er7"),
        (Some("text/plain"), "x-application/hl7-v2+er7"),
        (Some("application/hl7-v2"), "application/hl7-v2; charset=utf-8"),
        (Some("application/hl7-v2+er7"), "application/hl7-v2+er7; charset=utf-8"),
        (
            Some("x-application/hl7-v2+er7; charset=iso-8859-1"),
            "x-application/hl7-v2+er7; charset=utf-8",
        ),
    ];
    for (asked, expected) in cases {
        let media_type = asked.map(|text| MediaType::parse(text.as_bytes()).unwrap());
        let header = header("", "");
        let style = style(StatusProfile::Hoh);
        let found = answer(style, Some(&header), media_type.as_ref(), &Told::Accept);
        assert_eq!(found.content_type.as_deref(), Some(expected), "{asked:?}");
    }
}

#[test]
fn where_inside_a_step_is_for_the_operator_and_not_for_the_sender() {
    let place = Some("step \"In, receiver-variables\", plugin transformer".to_owned());
    let inside = Some("action /Transformers/0, path \"PID-5.x\"".to_owned());
    let error = RunError { place, inside, ..error(Fault::Author) };
    let shown = error.to_string();
    assert!(shown.ends_with("transformer, action /Transformers/0, path \"PID-5.x\")"), "{shown}");
    for (fault, is_told) in [(Fault::Author, false), (Fault::Host, false), (Fault::Sender, true)] {
        let error = RunError { fault, ..error.clone() };
        let question = Question {
            format: Format::Json,
            header: None,
            media_type: None,
            timestamp: "20260101000000+0000",
            control_id: "OWN1",
            message_id: "run-1",
        };
        let told = for_the_sender(&question, &error);
        assert_eq!(told.contains("PID-5.x"), is_told, "{told}");
        assert!(told.contains("plugin transformer"), "{told}");
    }
}

#[test]
fn an_hl7_answer_names_the_set_that_its_bytes_are_in() {
    let text = "MSH|^~\\&|A|B|||2026||ADT^A01|1|P|2.5\rPID|1||Müller\r";
    let wide = |mark: &[u8], bytes: fn(u16) -> [u8; 2]| {
        [mark.to_vec(), text.encode_utf16().flat_map(bytes).collect()].concat()
    };
    let latin = |set: &str| {
        let text = text.replace("2.5\r", &format!("2.5||||||{set}\r"));
        text.chars().map(|it| u8::try_from(it).unwrap()).collect::<Vec<u8>>()
    };
    for (bytes, expected) in [
        (text.as_bytes().to_vec(), "utf-8"),
        (text.replace('ü', "u").into_bytes(), "utf-8"),
        (latin("8859/1"), "iso-8859-1"),
        (latin(""), "windows-1252"),
        (wide(&[], u16::to_le_bytes), "utf-16le"),
        (wide(&[], u16::to_be_bytes), "utf-16be"),
        // Beside a mark the order of bytes is not named.
        (wide(&[0xFF, 0xFE], u16::to_le_bytes), "utf-16"),
        (wide(&[0xFE, 0xFF], u16::to_be_bytes), "utf-16"),
    ] {
        let message = Message::parse(Format::Hl7, bytes, &Default::default()).unwrap();
        let asked = MediaType::parse(b"application/hl7-v2").unwrap();
        let told = Told::Message(&message);
        let found = answer(style(StatusProfile::Hoh), None, Some(&asked), &told);
        let expected = format!("application/hl7-v2; charset={expected}");
        assert_eq!(found.content_type.as_deref(), Some(expected.as_str()));
        assert_eq!(found.body, message.bytes());
    }
}
