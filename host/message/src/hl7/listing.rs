//! Whole segments with what a reader needs to split them by itself.
//!
//! Deliberately does not know: fields. Whoever asks for many places of a segment
//! gets it once, and splits it with the delimiters that hold where it stands.

use std::borrow::Cow;

use super::Hl7;
use super::delimiters::Delimiters;
use super::find::MATCHES_MAX;
use super::path::{Hl7Path, Index};
use super::segments::Name;
use crate::Problem;

/// One segment as it stands in the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentText<'a> {
    /// Its exact path, in the shortest form: `PID`, `OBX[2]`.
    pub path: String,
    /// Its wire text without the terminator: separators and escapes as they
    /// stand.
    pub text: Cow<'a, str>,
    /// Those of the header that it stands under.
    pub delimiters: &'a Delimiters,
}

impl Hl7 {
    /// The segments that a path means, in document order, at most
    /// [`MATCHES_MAX`]: `OBX` is the first one, `OBX[*]` all of that name. No
    /// path is every segment of the message. Lines that are no segment are left
    /// out.
    ///
    /// # Errors
    /// `path.segment` for a path below a segment. Whoever wrote it is at fault.
    pub fn segments(&self, path: Option<&Hl7Path>) -> Result<Vec<SegmentText<'_>>, Problem> {
        if path.is_some_and(|path| !path.is_segment()) {
            let text = "expected the path of segments, such as PID, OBX[2] or OBX[*]; found one \
                        below a segment";
            return Err(Problem::new("path.segment", text));
        }
        let charset = self.charset();
        let mut counted = Occurrences::default();
        let wanted = |name: Name, occurrence: usize| {
            path.is_none_or(|path| {
                path.segment == name
                    && (path.occurrence == Index::Every || path.occurrence.number() == occurrence)
            })
        };
        let lines = self.store.table.segments().iter().enumerate();
        let named = lines.filter(|(_, segment)| segment.name != Name::NONE);
        let found = named.filter_map(|(position, segment)| {
            let occurrence = counted.next(segment.name);
            wanted(segment.name, occurrence).then(|| SegmentText {
                path: path_of(segment.name, occurrence),
                text: charset.decode(self.line(segment)),
                delimiters: self.store.table.delimiters(position),
            })
        });
        Ok(found.take(MATCHES_MAX).collect())
    }
}

fn path_of(name: Name, occurrence: usize) -> String {
    if occurrence == 1 { name.to_string() } else { format!("{name}[{occurrence}]") }
}

/// How many segments of each name were seen.
#[derive(Default)]
struct Occurrences(std::collections::HashMap<[u8; 3], usize>);

impl Occurrences {
    fn next(&mut self, name: Name) -> usize {
        let count = self.0.entry(name.characters()).or_default();
        *count += 1;
        *count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;

    fn message(text: &[u8]) -> Hl7 {
        Hl7::parse(text.to_vec(), &Limits::default()).unwrap()
    }

    fn listed(message: &Hl7, path: Option<&str>) -> Vec<(String, String)> {
        let path = path.map(|path| Hl7Path::parse(path).unwrap());
        let found = message.segments(path.as_ref()).unwrap();
        found.into_iter().map(|found| (found.path, found.text.into_owned())).collect()
    }

    const ORU: &[u8] = b"MSH|^~\\&|A\r\rOBX|1\rnothing\rNTE|x\r\nOBX|2|\\F\\\rOBX|3";

    #[test]
    fn segments_are_listed_in_document_order_with_their_paths() {
        let oru = message(ORU);
        let pairs = |expected: &[(&str, &str)]| -> Vec<(String, String)> {
            expected.iter().map(|(path, text)| ((*path).into(), (*text).into())).collect()
        };
        let all = [
            ("MSH", "MSH|^~\\&|A"),
            ("OBX", "OBX|1"),
            ("NTE", "NTE|x"),
            ("OBX[2]", "OBX|2|\\F\\"),
            ("OBX[3]", "OBX|3"),
        ];
        assert_eq!(listed(&oru, None), pairs(&all));
        assert_eq!(listed(&oru, Some("OBX[*]")), pairs(&[all[1], all[3], all[4]]));
        assert_eq!(listed(&oru, Some("OBX[2]")), pairs(&[all[3]]));
        assert_eq!(listed(&oru, Some("OBX")), pairs(&[all[1]]));
        assert_eq!(listed(&oru, Some("OBX[4]")), []);
    }

    #[test]
    fn the_text_is_that_of_the_structure_at_the_path() {
        for bytes in [ORU, b"MSH|^~\\&|A||||||||||||||8859/1\rPID|||||M\xfcller\r".as_slice()] {
            let message = message(bytes);
            for found in message.segments(None).unwrap() {
                let path = Hl7Path::parse(&found.path).unwrap();
                assert_eq!(message.structure(&path), Some(found.text), "{}", found.path);
            }
        }
    }

    #[test]
    fn a_segment_has_the_delimiters_of_its_header() {
        let batch = message(b"MSH|^~\\&|A\rPID|1\rMSH$*~\\&$B\rPID$2\r");
        let segments = batch.segments(None).unwrap();
        let fields: Vec<u8> = segments.iter().map(|found| found.delimiters.field).collect();
        assert_eq!(fields, [b'|', b'|', b'$', b'$']);
    }

    #[test]
    fn a_path_below_a_segment_is_refused() {
        let path = Hl7Path::parse("PID-5").unwrap();
        assert_eq!(message(ORU).segments(Some(&path)).unwrap_err().code, "path.segment");
    }
}
