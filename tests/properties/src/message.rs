//! Messages of every format: read, changed and written back.

use tureen_message::{Format, Limits, Message, ParseOptions, Path, Value};

use crate::parts::{parts, text as lossy};

/// Small limits, so that a fuzzer can meet them.
fn options() -> ParseOptions {
    let limits = Limits {
        message_bytes: 64 << 10,
        segments: 2_000,
        index: 500,
        depth: 32,
        ..Limits::default()
    };
    ParseOptions { limits, ..ParseOptions::default() }
}

pub(crate) fn hl7(data: &[u8]) {
    let usual = ["MSH-9.2", "PID-3[2].4.1", "OBX[*]-5[*]", "OBX[2]", "PID-5"];
    message(Format::Hl7, data, &usual);
}

pub(crate) fn json(data: &[u8]) {
    message(
        Format::Json,
        data,
        &[
            "a/b",
            "a[2]/c",
            "[1]",
            "a[*]",
            "newtonsoft:$.a[0]",
            "newtonsoft:$..*",
            "newtonsoft:$..[?(@.n > 1 || @ == 'b')]",
        ],
    );
}

pub(crate) fn xml(data: &[u8]) {
    message(
        Format::Xml,
        data,
        &[
            "a/b",
            "a/b[2]/@c",
            "a/b[*]",
            "a",
            "a/x:b",
            "xpath://*",
            "xpath://@*",
            "xpath://text()[. != ../preceding-sibling::*]",
        ],
    );
}

pub(crate) fn csv(data: &[u8]) {
    message(Format::Csv, data, &["[0]", "[1]", "[*]", "[9]"]);
}

pub(crate) fn text(data: &[u8]) {
    message(Format::Text, data, &[""]);
    message(Format::Binary, data, &[""]);
}

/// Path texts alone: what parses can be used on any message of its format.
pub(crate) fn path(data: &[u8]) {
    let text = lossy(data);
    for (format, sample) in [
        (Format::Hl7, "MSH|^~\\&|A|B\rPID|1||a^b~c&d\rOBX|1\rOBX|2||x\r"),
        (Format::Json, "{\"a\":[1,{\"b\":null}],\"c\":\"d\"}"),
        (Format::Xml, "<a x='1'><b/><b>t<c/></b></a>"),
        (Format::Csv, "a,\"b\",c\r\nd,e,f\r\n"),
    ] {
        let message = parsed(format, sample.as_bytes());
        if let (Some(message), Ok(path)) = (message, Path::parse(format, &text)) {
            read(&message, &path);
            change(&message, &path, "new");
        }
    }
}

pub(crate) fn parsed(format: Format, bytes: &[u8]) -> Option<Message> {
    Message::parse(format, bytes.to_vec(), &options()).ok()
}

fn message(format: Format, data: &[u8], usual: &[&str]) {
    let [bytes, path, value] = parts::<3>(data);
    let Some(message) = parsed(format, bytes) else { return };
    assert_eq!(message.bytes(), bytes, "what is parsed is written back as it came");
    let _ = message.whole_text();
    let _ = message.check();
    let value = lossy(value);
    let own = lossy(path);
    let all =
        std::iter::once(own.as_str()).filter(|own| !own.is_empty()).chain(usual.iter().copied());
    for text in all {
        if let Ok(path) = message.path(text) {
            read(&message, &path);
            change(&message, &path, &value);
            commute(&message, &path, &value);
        }
    }
}

/// Places that are not in one another can be written in any order.
fn commute(message: &Message, pattern: &Path, value: &str) {
    // Near the limit of bytes the one value may fit and the other not.
    if message.size() + 8 * value.len() + 64 > options().limits.message_bytes {
        return;
    }
    // An XML text that becomes empty is gone, and those behind it move up.
    if value.is_empty() && message.format() == Format::Xml {
        return;
    }
    let places = message.find(pattern);
    let (Some(first), Some(last)) = (places.first(), places.last()) else { return };
    if last.starts_with(first.as_str()) || is_json_path(first) != is_json_path(last) {
        // The last place may be in the first one. Where a name on the way to only one of
        // them has a slash, the two are not spelt alike, and the texts do not tell.
        return;
    }
    let (Ok(first), Ok(last)) = (message.path(first), message.path(last)) else { return };
    let both = |one: &Path, other: &Path| {
        let written = attempt(message, |message| message.set(one, value))?;
        attempt(&written, |message| message.set(other, "other"))
    };
    let back = |one: &Path, other: &Path| {
        let written = attempt(message, |message| message.set(other, "other"))?;
        attempt(&written, |message| message.set(one, value))
    };
    let (forth, back) = (both(&first, &last), back(&first, &last));
    assert!(
        forth.map(Message::into_bytes) == back.map(Message::into_bytes),
        "places are written in any order"
    );
}

/// Is the place told by `JSONPath`, as one below a name with a slash has to be?
fn is_json_path(place: &str) -> bool {
    place.starts_with("newtonsoft:")
}

/// Every way of reading agrees with the others.
pub(crate) fn read(message: &Message, path: &Path) {
    let (value, text) = (message.get(path), message.text(path));
    match &value {
        Value::Absent | Value::Empty => assert_eq!(text, "", "nothing reads as nothing"),
        Value::Null => assert!(text.is_empty() || text == "\"\"", "a null reads as one"),
        Value::Text(shown) => assert_eq!(&text, shown, "a value reads as its text"),
    }
    let _ = message.structure(path);
    let _ = message.count(path);
    for found in message.find(path).iter().take(20) {
        let exact = message.path(found);
        let exact = exact.unwrap_or_else(|problem| panic!("{found:?} was found: {}", problem.text));
        assert_ne!(message.get(&exact), Value::Absent, "{found:?} was found and is not there");
    }
}

/// A change that is refused changes nothing; one that is not leaves a message.
pub(crate) fn change(message: &Message, path: &Path, value: &str) {
    let written = attempt(message, |message| message.set(path, value));
    if let Some(written) = written {
        // A selector that asks for values may not find what has another one now: the
        // place itself has it.
        let found = message.find(path).first().and_then(|found| message.path(found).ok());
        let is_lost = written.get(path) == Value::Absent && message.get(path) != Value::Absent;
        let place = match &found {
            // One below a name that is longer than paths may be cannot be told.
            None if is_lost => return,
            Some(found) if is_lost => found,
            _ => path,
        };
        // Base64 may be written with blanks, and is read without.
        match written.format() {
            Format::Binary => {
                let value: String = value.split_ascii_whitespace().collect();
                assert_eq!(written.text(place), value);
            }
            _ => assert_eq!(written.text(place), value, "what was set is what is read"),
        }
        // Setting what is there already touches nothing.
        if written.get(path) != Value::Absent {
            let again = attempt(&written, |message| message.set(path, value));
            assert!(again.is_some_and(|again| again.bytes() == written.bytes()), "set once more");
        }
    }
    attempt(message, |message| message.set_null(path));
    attempt(message, |message| message.set_structure(path, value));
    attempt(message, |message| message.insert(path, value));
    attempt(message, |message| message.append(value));
    attempt(message, |message| message.remove(path));
    // What is read raw can be written raw, and nothing changes.
    if let Some(raw) = message.structure(path)
        && let Some(same) = attempt(message, |message| message.set_structure(path, &raw))
    {
        assert_eq!(same.bytes(), message.bytes(), "raw text written back changes nothing");
    }
}

fn attempt<T>(
    message: &Message,
    change: impl FnOnce(&mut Message) -> Result<T, tureen_message::Problem>,
) -> Option<Message> {
    let mut changed = message.clone();
    if change(&mut changed).is_err() {
        assert_eq!(changed.bytes(), message.bytes(), "a refused change changes nothing");
        return None;
    }
    let again = parsed(changed.format(), changed.bytes());
    let again = again.unwrap_or_else(|| panic!("a changed message is no message any more"));
    assert_eq!(again.bytes(), changed.bytes());
    Some(changed)
}
