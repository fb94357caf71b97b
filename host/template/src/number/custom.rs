//! .NET custom number patterns: `0 # . , % ‰`, exponents, literal text, `;`
//! sections.
//!
//! Knows: how one section is laid out. Deliberately does not know: standard
//! formats.

use tureen_message::Problem;

use super::Decimal;

/// A compiled custom pattern: one section, or one each for positive, negative
/// and zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Custom {
    sections: Vec<Section>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Section {
    pieces: Vec<Piece>,
    /// Digit placeholders before and after the point.
    whole: usize,
    places: usize,
    /// The least digits before the point: from the first `0` on.
    whole_zeros: usize,
    /// The least digits after the point: up to the last `0`.
    place_zeros: usize,
    grouped: bool,
    /// Powers of ten that percent signs and scaling commas stand for.
    shift: i32,
    /// An exponent is written: the digits before the point are then always as
    /// many as the pattern has.
    scientific: bool,
    /// Nothing at all stands between the semicolons. Empty quotes are something:
    /// they write nothing.
    missing: bool,
}

/// How an exponent is written: `E0`, `E+0`, `e-00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Exponent {
    letter: char,
    /// A plus sign, too.
    plus: bool,
    /// The least digits.
    digits: usize,
}

/// The most zeros of an exponent that count.
const EXPONENT_DIGITS_MAX: usize = 10;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(char),
    Digit,
    Point,
    Exponent(Exponent),
}

/// What the pattern's characters mean, before they are laid out.
enum Symbol {
    Literal(char),
    /// A quoted text begins; its characters follow as literals.
    Quote,
    Zero,
    Hash,
    Point,
    Comma,
    /// `%` and `‰`: the character and the power of ten.
    Percent(char, i32),
    Exponent(Exponent),
    Section,
}

impl Custom {
    pub(super) fn compile(pattern: &str) -> Result<Self, Problem> {
        let symbols = symbols(pattern)?;
        let sections = symbols
            .split(|symbol| matches!(symbol, Symbol::Section))
            .map(Section::lay_out)
            .collect();
        Ok(Self { sections })
    }

    pub(super) fn format(&self, number: &Decimal) -> String {
        let section = |index: usize| {
            self.sections.get(index).filter(|section| index == 0 || !section.missing)
        };
        let Some(first) = section(0) else { return String::new() };
        let own = if number.negative { section(1) } else { None };
        let chosen = own.unwrap_or(first);
        let rounded = chosen.round(number);
        // What rounds to zero is zero, whatever its sign was.
        if rounded.digits.is_empty() {
            let zero = section(2).unwrap_or(first);
            return zero.write(&rounded, false);
        }
        chosen.write(&rounded, rounded.negative && own.is_none())
    }
}

fn symbols(pattern: &str) -> Result<Vec<Symbol>, Problem> {
    let mut symbols = Vec::with_capacity(pattern.len());
    let mut rest = pattern.chars().peekable();
    while let Some(character) = rest.next() {
        symbols.push(match character {
            '0' => Symbol::Zero,
            '#' => Symbol::Hash,
            '.' => Symbol::Point,
            ',' => Symbol::Comma,
            ';' => Symbol::Section,
            '%' => Symbol::Percent('%', 2),
            '‰' => Symbol::Percent('‰', 3),
            '\\' => Symbol::Literal(rest.next().ok_or_else(|| {
                Problem::new("format.number", "the number pattern ends with a backslash")
            })?),
            '\'' | '"' => {
                symbols.push(Symbol::Quote);
                loop {
                    match rest.next() {
                        Some(quoted) if quoted == character => break,
                        Some(quoted) => symbols.push(Symbol::Literal(quoted)),
                        None => {
                            return Err(Problem::new(
                                "format.number",
                                format!("the number pattern has a {character} that is not closed"),
                            ));
                        }
                    }
                }
                continue;
            }
            'e' | 'E' if starts_exponent(rest.clone()) => {
                let plus = rest.next_if_eq(&'+').is_some();
                let _minus = rest.next_if_eq(&'-');
                let mut zeros = 0;
                while rest.next_if_eq(&'0').is_some() {
                    zeros += 1;
                }
                let digits = zeros.min(EXPONENT_DIGITS_MAX);
                Symbol::Exponent(Exponent { letter: character, plus, digits })
            }
            literal => Symbol::Literal(literal),
        });
    }
    Ok(symbols)
}

fn starts_exponent(mut rest: impl Iterator<Item = char>) -> bool {
    match rest.next() {
        Some('+' | '-') => rest.next() == Some('0'),
        next => next == Some('0'),
    }
}

impl Section {
    fn lay_out(symbols: &[Symbol]) -> Self {
        let mut section = Self { missing: symbols.is_empty(), ..Self::default() };
        let mut pointed = false;
        // Commas since the last digit placeholder before the point: they group
        // when another digit follows, and scale by a thousand each otherwise.
        let mut commas = 0_i32;
        for symbol in symbols {
            match symbol {
                Symbol::Zero | Symbol::Hash if pointed => {
                    section.places += 1;
                    if matches!(symbol, Symbol::Zero) {
                        section.place_zeros = section.places;
                    }
                    section.pieces.push(Piece::Digit);
                }
                Symbol::Zero | Symbol::Hash => {
                    section.grouped |= commas > 0;
                    commas = 0;
                    section.whole += 1;
                    if section.whole_zeros > 0 || matches!(symbol, Symbol::Zero) {
                        section.whole_zeros += 1;
                    }
                    section.pieces.push(Piece::Digit);
                }
                Symbol::Point if !pointed => {
                    pointed = true;
                    section.pieces.push(Piece::Point);
                }
                Symbol::Comma if !pointed && section.whole > 0 => commas = commas.saturating_add(1),
                Symbol::Percent(character, power) => {
                    section.shift = section.shift.saturating_add(*power);
                    section.pieces.push(Piece::Literal(*character));
                }
                // A second one is text: there is one exponent.
                Symbol::Exponent(exponent) if !section.scientific => {
                    section.scientific = true;
                    section.pieces.push(Piece::Exponent(*exponent));
                }
                Symbol::Exponent(exponent) => section.pieces.push(Piece::Literal(exponent.letter)),
                Symbol::Literal(character) => section.pieces.push(Piece::Literal(*character)),
                Symbol::Quote | Symbol::Point | Symbol::Comma | Symbol::Section => {}
            }
        }
        section.shift = section.shift.saturating_sub(commas.saturating_mul(3));
        section
    }

    fn round(&self, number: &Decimal) -> Decimal {
        let shifted = number.clone().shifted(self.shift);
        if self.scientific {
            return shifted.cut(self.whole + self.places);
        }
        shifted.rounded(self.places)
    }

    /// A number as its mantissa and its exponent; without one, the number itself.
    fn split(&self, number: &Decimal) -> (Decimal, i32) {
        if !self.scientific || number.digits.is_empty() {
            return (number.clone(), 0);
        }
        let whole = i32::try_from(self.whole).unwrap_or(i32::MAX);
        (Decimal { point: whole, ..number.clone() }, number.point.saturating_sub(whole))
    }

    /// Writes a number that is rounded already.
    fn write(&self, number: &Decimal, sign: bool) -> String {
        let (number, power) = self.split(number);
        let number = &number;
        let mut text = String::with_capacity(self.pieces.len() + number.whole_digits() + 1);
        if sign {
            text.push('-');
        }
        let places = number.fraction_digits().max(self.place_zeros);
        // Counts down from the highest digit that is written or could be.
        let mut next_whole = self.whole;
        let mut next_place = 1;
        let mut pointed = false;
        for piece in &self.pieces {
            match piece {
                Piece::Literal(literal) => text.push(*literal),
                Piece::Exponent(exponent) => exponent.write(&mut text, power),
                Piece::Point => {
                    pointed = true;
                    if self.whole == 0 {
                        (0..number.whole_digits()).rev().for_each(|power| {
                            self.write_whole_digit(&mut text, number, power);
                        });
                    }
                    if places > 0 && self.places > 0 {
                        text.push('.');
                    }
                }
                Piece::Digit if pointed => {
                    if next_place <= places {
                        text.push(number.digit(-power_of(next_place)));
                    }
                    next_place += 1;
                }
                Piece::Digit => {
                    next_whole -= 1;
                    // The first placeholder takes all digits that have no own.
                    let first = next_whole + 1 == self.whole;
                    let from =
                        if first { number.whole_digits().max(self.whole) } else { next_whole + 1 };
                    for power in (next_whole..from).rev() {
                        self.write_whole_digit(&mut text, number, power);
                    }
                }
            }
        }
        text
    }

    fn write_whole_digit(&self, text: &mut String, number: &Decimal, power: usize) {
        if power >= number.whole_digits().max(self.whole_zeros) {
            return;
        }
        text.push(number.digit(power_of(power)));
        if self.grouped && power > 0 && power.is_multiple_of(3) {
            text.push(',');
        }
    }
}

impl Exponent {
    fn write(self, text: &mut String, power: i32) {
        text.push(self.letter);
        if power < 0 {
            text.push('-');
        } else if self.plus {
            text.push('+');
        }
        let digits = self.digits;
        text.push_str(&format!("{:0digits$}", power.unsigned_abs()));
    }
}

/// Digit positions are at most the length of a pattern or of a number.
fn power_of(position: usize) -> i32 {
    i32::try_from(position).unwrap_or(i32::MAX)
}
