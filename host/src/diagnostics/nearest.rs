//! "Did you mean": names that are nearly the same.

/// Names longer than this are not compared: nobody mistypes them by a letter.
const LENGTH_MAX: usize = 120;

/// How many characters must be changed, added or removed to make one text of
/// the other, regardless of case; `usize::MAX` when either is too long.
pub(crate) fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().take(LENGTH_MAX + 1).map(lower).collect();
    let right: Vec<char> = right.chars().take(LENGTH_MAX + 1).map(lower).collect();
    if left.len().max(right.len()) > LENGTH_MAX {
        return usize::MAX;
    }
    // One row of the usual table: row[j] is the distance to right[..j].
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (taken, character) in left.iter().enumerate() {
        let mut diagonal = taken;
        let mut before = taken + 1;
        let mut next = Vec::with_capacity(row.len());
        next.push(before);
        for (other, above) in right.iter().zip(row.iter().skip(1)) {
            let replaced = diagonal + usize::from(character != other);
            before = replaced.min(above + 1).min(before + 1);
            next.push(before);
            diagonal = *above;
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

fn lower(character: char) -> char {
    character.to_lowercase().next().unwrap_or(character)
}

/// The known name nearest to a mistyped one, unless too much differs: more than
/// a third of it, or more than four characters.
pub fn nearest<'k>(mistyped: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let allowed = (mistyped.chars().count() / 3).min(4);
    known
        .into_iter()
        .map(|name| (distance(mistyped, name), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn the_distance_counts_changed_added_and_removed_characters() {
        for (left, right, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("Port", "port", 0),
            ("Prot", "Port", 2),
            ("ÄB", "äb", 0),
        ] {
            assert_eq!(distance(left, right), expected, "{left} {right}");
            assert_eq!(distance(right, left), expected, "{right} {left}");
        }
        assert_eq!(distance(&"a".repeat(121), "a"), usize::MAX);
    }

    #[test]
    fn only_a_name_that_is_nearly_the_same_is_offered() {
        let known = ["ServiceName", "Port", "UseSsl"];
        for (mistyped, expected) in [
            ("ServiecName", Some("ServiceName")),
            ("UseSSL", Some("UseSsl")),
            ("Prt", Some("Port")),
            ("Colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(mistyped, known), expected, "{mistyped}");
        }
    }
}
