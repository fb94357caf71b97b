//! Ignored places: `MSH-7`, `OBX-14`, `PID-3[2].1`, `Bundle/entry/id`, `line 3`.
//!
//! A place is ignored with everything in it; an index that is left out means
//! every one.

/// Does one of the patterns mean this place, or what it stands in?
pub(super) fn is_ignored(place: &str, patterns: &[String]) -> bool {
    let place = parts(place);
    patterns.iter().any(|pattern| {
        let pattern = parts(pattern.trim());
        !pattern.is_empty()
            && pattern.len() <= place.len()
            && pattern.iter().zip(&place).all(|(wanted, found)| wanted.means(found))
    })
}

/// One step of a place: its name, and its indices where they are written. Arrays in
/// arrays have several.
struct Part<'p> {
    name: &'p str,
    indices: Vec<&'p str>,
}

impl<'p> Part<'p> {
    fn of(step: &'p str) -> Self {
        let (mut name, mut indices) = (step, Vec::new());
        while let Some((before, index)) =
            name.strip_suffix(']').and_then(|inner| inner.rsplit_once('['))
        {
            indices.push(index);
            name = before;
        }
        indices.reverse();
        Self { name, indices }
    }

    /// The only one of its name has no index, and is the first.
    fn means(&self, found: &Part<'_>) -> bool {
        let index = |at: usize| found.indices.get(at).copied().or((at == 0).then_some("1"));
        self.name == found.name
            && self.indices.iter().enumerate().all(|(at, wanted)| index(at) == Some(*wanted))
    }
}

/// `PID-3[2].1` and `a/b[2]/@c` in steps.
fn parts(place: &str) -> Vec<Part<'_>> {
    let is_hl7 = is_hl7(place);
    let separators: &[char] = if is_hl7 { &['-', '.'] } else { &['/'] };
    let place = place.strip_prefix('/').unwrap_or(place);
    let steps = place.split(separators).filter(|step| !step.is_empty());
    steps.map(Part::of).collect()
}

/// Three upper-case letters or digits, then nothing or `-` or an index.
fn is_hl7(place: &str) -> bool {
    let mut characters = place.chars();
    let name: Vec<char> = characters.by_ref().take(3).collect();
    name.len() == 3
        && name.first().is_some_and(char::is_ascii_uppercase)
        && name.iter().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit())
        && matches!(characters.next(), None | Some('-' | '['))
        && !place.contains('/')
}

#[cfg(test)]
mod tests {
    use super::is_ignored;

    #[test]
    fn a_pattern_means_its_place_and_what_is_in_it() {
        for (pattern, place, expected) in [
            ("MSH-7", "MSH-7", true),
            ("MSH-7", "MSH-7.1", true),
            ("MSH-7", "MSH-70", false),
            ("MSH-7.1", "MSH-7", false),
            ("OBX-14", "OBX[3]-14.1", true),
            ("OBX[3]-14", "OBX[3]-14", true),
            ("OBX[3]-14", "OBX[2]-14", false),
            ("OBX[1]-14", "OBX-14", true),
            ("PID-3[2].1", "PID-3[2].1", true),
            ("PID-3.1", "PID-3[2].1", true),
            ("NTE", "NTE[2]", true),
            ("a/b", "a/b[2]/c", true),
            ("a/b[1]", "a/b/c", true),
            ("a/b/@id", "a/b[2]/@id", true),
            ("a[2]", "a[2][1]", true),
            ("a[2]", "a[2][1]/b", true),
            ("a[2]", "a[1][2]", false),
            ("a[2][1]", "a[2][1]", true),
            ("a[2][1]", "a[2]", false),
            ("a[1][1]", "a", false),
            ("[2]", "[2][3]", true),
            ("line 3", "after line 3", false),
            ("a/b", "a/bc", false),
            ("/a", "a", true),
            ("line 3", "line 3", true),
            ("", "a", false),
            ("  ", "MSH-7", false),
        ] {
            assert_eq!(is_ignored(place, &[pattern.to_owned()]), expected, "{pattern} {place}");
        }
        assert!(!is_ignored("MSH-7", &[]));
    }
}
