use std::borrow::Cow;

use super::LetterCase;

fn check(letter_case: LetterCase, text: &str, expected: &str) {
    assert_eq!(letter_case.apply(text), expected, "{letter_case:?} of {text}");
    assert!(letter_case.matches(expected), "{letter_case:?} of {expected} again");
}

#[test]
fn lower_and_upper_case_keep_the_number_of_characters() {
    check(LetterCase::Lower, "MÜLLER Straße İ", "müller straße İ");
    check(LetterCase::Upper, "Müller Straße ŉ", "MÜLLER STRAßE ŉ");
    check(LetterCase::Upper, "", "");
}

#[test]
fn title_case_starts_every_word_with_a_capital() {
    for (text, expected) in [
        ("SMITH", "Smith"),
        ("smith-jones", "Smith-Jones"),
        ("VAN DER BERG", "Van Der Berg"),
        ("o'brien", "O'brien"),
        ("élodie", "Élodie"),
        ("3RD floor", "3rd Floor"),
        ("don\u{2019}t", "Don\u{2019}t"),
        ("MCDONALD", "Mcdonald"),
    ] {
        check(LetterCase::Title, text, expected);
    }
}

#[test]
fn name_case_knows_mc_and_one_letter_prefixes() {
    for (text, expected) in [
        ("MCDONALD", "McDonald"),
        ("mcdonald-mckay", "McDonald-McKay"),
        ("o'brien", "O'Brien"),
        ("d\u{2019}arcy", "D\u{2019}Arcy"),
        ("MACKIE", "Mackie"),
        ("mc", "Mc"),
        ("john's", "John's"),
        ("''x", "''X"),
    ] {
        check(LetterCase::McName, text, expected);
    }
}

#[test]
fn text_that_is_cased_already_is_borrowed_and_matches() {
    assert!(matches!(LetterCase::Title.apply("Anna Smith"), Cow::Borrowed(_)));
    assert!(LetterCase::Title.matches("Anna Smith"));
    assert!(!LetterCase::Title.matches("ANNA Smith"));
    assert!(LetterCase::Upper.matches("A-1"));
    assert!(!LetterCase::Lower.matches("A-1"));
}
