//! DICOM files: read as the JSON that stands for them, and never changed.

use tureen_message::dicom::DicomOptions;
use tureen_message::{Format, Message};

use crate::message::{change, parsed, read};

/// The whole input is the file: a separator would be bytes of it.
pub(crate) fn dicom(data: &[u8]) {
    let Some(message) = parsed(Format::Dicom, data) else { return };
    assert_eq!(message.bytes(), data, "what is parsed is written back as it came");
    let _ = message.check();
    let shown = message.whole_text().into_owned();
    assert!(shown.len() <= 25 * data.len() + 1_000, "the JSON is not much larger than the file");
    // Not with the small limits: JSON has three levels for one of a data set.
    let json =
        Message::parse(Format::Json, shown.into_bytes(), &tureen_message::ParseOptions::default());
    let json = json.unwrap_or_else(|problem| panic!("what is shown is no JSON: {}", problem.text));
    for text in [
        "CommonFields/PatientName",
        "Report/Text",
        "Report/Content[2]/Value",
        "Tags/00100020/Value[1]",
        "Tags/00400275/Value[*]",
        "newtonsoft:$..Value[0]",
        "newtonsoft:$..[?(@.vr=='SQ')]",
    ] {
        let path = message.path(text).unwrap_or_else(|problem| panic!("{text}: {}", problem.text));
        assert_eq!(message.get(&path), json.get(&path), "{text} reads as in the JSON");
        assert_eq!(message.structure(&path), json.structure(&path));
        assert_eq!(message.find(&path), json.find(&path));
        read(&message, &path);
        change(&message, &path, "new");
        let written = message.clone().set(&path, "new");
        assert!(written.is_err(), "a file is not edited");
    }
    nodes(&message);
}

/// Each node is shown when it is asked for.
fn nodes(message: &Message) {
    let Message::Dicom(file) = message else { panic!("a DICOM message is one") };
    for (common_fields, tags) in [(false, false), (false, true), (true, false)] {
        let shown = file.shown_with(DicomOptions { common_fields, report: false, tags });
        let has = |path: &str| {
            message.path(path).is_ok_and(|path| match path {
                tureen_message::Path::Json(path) => shown.count(&path) > 0,
                _ => false,
            })
        };
        assert_eq!((has("CommonFields"), has("Tags"), has("Report")), (common_fields, tags, false));
    }
}
