//! Grants that are lists of names, or everything.

/// Some things by name, or all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum NameGrant {
    #[default]
    None,
    /// Compared without regard to case.
    Named(Vec<String>),
    All,
}

/// Lookup tables and data tables of the home.
pub type TableGrant = NameGrant;

/// Certificates of the home, by thumbprint; how one is spelt does not matter.
pub type CertificateGrant = NameGrant;

impl NameGrant {
    /// These and no others; without a name it is [`NameGrant::None`].
    pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        if names.is_empty() { Self::None } else { Self::Named(names) }
    }

    /// Is the name granted?
    pub fn covers(&self, name: &str) -> bool {
        match self {
            Self::None => false,
            Self::Named(names) => names.iter().any(|granted| is_same(granted, name)),
            Self::All => true,
        }
    }

    /// Is the thumbprint granted? Blanks, colons and case do not count.
    pub fn covers_thumbprint(&self, thumbprint: &str) -> bool {
        match self {
            Self::None => false,
            Self::Named(names) => {
                let wanted = digits_of(thumbprint);
                !wanted.is_empty() && names.iter().any(|granted| digits_of(granted) == wanted)
            }
            Self::All => true,
        }
    }

    #[must_use]
    pub fn joined(&self, more: &Self) -> Self {
        match (self, more) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::None, other) | (other, Self::None) => other.clone(),
            (Self::Named(one), Self::Named(other)) => {
                let mut names = one.clone();
                let new = other.iter().filter(|name| !self.covers(name));
                names.extend(new.cloned());
                Self::Named(names)
            }
        }
    }
}

fn is_same(one: &str, other: &str) -> bool {
    let folded = |name| str::chars(name).flat_map(char::to_lowercase);
    folded(one).eq(folded(other))
}

fn digits_of(thumbprint: &str) -> String {
    let digits = thumbprint.chars().filter(char::is_ascii_hexdigit);
    digits.map(|digit| digit.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbprint_is_the_same_in_any_spelling() {
        let grant = CertificateGrant::named(["AB:CD:01"]);
        for (thumbprint, covered) in
            [("abcd01", true), ("ab cd 01", true), ("abcd02", false), ("", false), ("zz", false)]
        {
            assert_eq!(grant.covers_thumbprint(thumbprint), covered, "{thumbprint}");
        }
    }

    #[test]
    fn an_empty_list_grants_nothing() {
        assert_eq!(NameGrant::named([]), NameGrant::None);
        assert!(!NameGrant::None.covers("wards"));
        assert!(NameGrant::All.covers("wards"));
        assert_eq!(NameGrant::None.joined(&NameGrant::All), NameGrant::All);
    }
}
