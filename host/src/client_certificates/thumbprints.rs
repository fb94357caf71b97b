//! A list of thumbprints as it stands in a workflow file.

use crate::certificates::{Thumbprint, ThumbprintError};

/// The most thumbprints that one receiver may list: each request of a new connection is compared
/// with all of them.
pub const THUMBPRINTS_MAX: usize = 1_000;

/// Exact thumbprints, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThumbprintList {
    pub thumbprints: Vec<Thumbprint>,
    /// One of them is a SHA-1, which existing files have: worth a hint to move on to SHA-256.
    pub has_sha1: bool,
}

/// Why a list of thumbprints cannot be used. The fault is the author's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ThumbprintListError {
    #[error("there is no thumbprint; expected one or several, separated by commas")]
    Empty,
    #[error("thumbprint {number} of the list cannot be used")]
    Thumbprint {
        number: usize,
        #[source]
        source: ThumbprintError,
    },
    #[error("the list has {found} thumbprints, expected at most {THUMBPRINTS_MAX}")]
    TooMany { found: usize },
}

impl ThumbprintList {
    /// Reads thumbprints between commas, each in any spelling that [`Thumbprint`] reads. Blank
    /// places, as after a last comma, do not count; nothing else is left out, and nothing is taken
    /// as a part of a thumbprint (trap T-03).
    ///
    /// # Errors
    /// No thumbprint at all, a place between commas that is not one, or too many.
    pub fn parse(text: &str) -> Result<Self, ThumbprintListError> {
        let mut entries = text.split(',').filter(|entry| !Thumbprint::is_blank(entry));
        let found = entries.clone().count();
        if found == 0 {
            return Err(ThumbprintListError::Empty);
        }
        if found > THUMBPRINTS_MAX {
            return Err(ThumbprintListError::TooMany { found });
        }
        let mut list = Self { thumbprints: Vec::with_capacity(found), has_sha1: false };
        entries.try_for_each(|entry| {
            let number = list.thumbprints.len() + 1;
            let parsed = entry.parse::<Thumbprint>();
            let thumbprint =
                parsed.map_err(|source| ThumbprintListError::Thumbprint { number, source })?;
            list.has_sha1 |= thumbprint.is_sha1();
            list.thumbprints.push(thumbprint);
            Ok(())
        })?;
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_exact_thumbprints_between_commas() {
        let one = "0123456789abcdef0123456789ABCDEF01234567";
        let long = "AB".repeat(32);
        let spaced = "\u{200e}01 23 45 67 89 ab cd ef 01 23 45 67 89 ab cd ef 01 23 45 67";
        let cases = [
            (one.to_owned(), 1, true),
            (long.clone(), 1, false),
            (format!("{long}, {one}"), 2, true),
            (format!("{long},{long}"), 2, false),
            (spaced.to_owned(), 1, true),
            (format!("{long}, ,{one},"), 2, true),
        ];
        for (text, count, has_sha1) in cases {
            let list = ThumbprintList::parse(&text).unwrap();
            assert_eq!((list.thumbprints.len(), list.has_sha1), (count, has_sha1), "{text}");
        }
        let spelled = ThumbprintList::parse(spaced).unwrap();
        assert_eq!(spelled.thumbprints, ThumbprintList::parse(one).unwrap().thumbprints);
    }

    #[test]
    fn what_is_not_a_list_is_refused() {
        let one = "AB".repeat(20);
        for text in ["", " ", ",", " , ,", " , \u{200e},"] {
            assert_eq!(ThumbprintList::parse(text), Err(ThumbprintListError::Empty), "{text:?}");
        }
        let cases = [
            (format!("{one},{}", "AB".repeat(19)), 2),
            (format!("{one}{one}"), 1),
            (format!("{one};{one}"), 1),
            ("AB".to_owned(), 1),
        ];
        for (text, wrong) in cases {
            let found = ThumbprintList::parse(&text);
            let number = match found {
                Err(ThumbprintListError::Thumbprint { number, .. }) => number,
                other => panic!("{text:?}: {other:?}"),
            };
            assert_eq!(number, wrong, "{text:?}");
        }
        let many = vec![one; THUMBPRINTS_MAX + 1].join(",");
        let found = ThumbprintList::parse(&many);
        assert_eq!(found, Err(ThumbprintListError::TooMany { found: THUMBPRINTS_MAX + 1 }));
    }
}
