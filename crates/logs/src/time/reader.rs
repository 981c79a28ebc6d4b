//! Reads the parts of a time from left to right.

/// A text and how far it is read.
pub(super) struct Reader<'a> {
    pub(super) text: &'a [u8],
    pub(super) at: usize,
}

/// Names of months, and of days of the week, in full: their first three letters stand for them, too.
const MONTHS: [&[u8]; 12] = [
    b"January",
    b"February",
    b"March",
    b"April",
    b"May",
    b"June",
    b"July",
    b"August",
    b"September",
    b"October",
    b"November",
    b"December",
];
const DAYS: [&[u8]; 7] =
    [b"Monday", b"Tuesday", b"Wednesday", b"Thursday", b"Friday", b"Saturday", b"Sunday"];

/// The name that three letters stand for, whatever their case: `jan`, `JAN`.
#[cold]
fn short_name(word: &[u8], names: &[&[u8]]) -> Option<usize> {
    let same = |name: &&[u8]| name.get(..word.len()).is_some_and(|n| n.eq_ignore_ascii_case(word));
    names.iter().position(same)
}

/// How many letters of a name stand for it.
const SHORT: usize = 3;

/// Spaces that are wider or narrower than a blank, in UTF-8. Java and ICU write the narrow one
/// (U+202F) before AM and PM since CLDR 42.
const SPACES: [&[u8]; 2] = ["\u{202f}".as_bytes(), "\u{a0}".as_bytes()];

impl Reader<'_> {
    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// The byte this far after the next one.
    #[inline]
    pub(super) fn ahead(&self, by: usize) -> Option<u8> {
        self.text.get(self.at + by).copied()
    }

    /// A number of exactly this many digits. More digits may follow.
    #[inline]
    pub(super) fn number(&mut self, digits: usize) -> Option<i32> {
        let mut n = 0;
        for &d in self.text.get(self.at..self.at + digits)? {
            if !d.is_ascii_digit() {
                return None;
            }
            n = n * 10 + i32::from(d - b'0');
        }
        self.at += digits;
        Some(n)
    }

    /// How many digits follow, up to 24.
    #[inline]
    pub(super) fn digits_ahead(&self) -> usize {
        self.text[self.at..].iter().take(24).take_while(|b| b.is_ascii_digit()).count()
    }

    /// A number of one or two digits that no further digit follows.
    #[inline]
    pub(super) fn short_number(&mut self) -> Option<i8> {
        match self.digits_ahead() {
            digits @ 1..=2 => self.number(digits).map(|n| n as i8),
            _ => None,
        }
    }

    #[inline]
    pub(super) fn byte(&mut self, byte: u8) -> Option<()> {
        (self.peek() == Some(byte)).then(|| self.at += 1)
    }

    #[inline]
    pub(super) fn one_of(&mut self, bytes: &[u8]) -> Option<u8> {
        let byte = self.peek().filter(|byte| bytes.contains(byte))?;
        self.at += 1;
        Some(byte)
    }

    /// One or two blanks; times that are filled with a blank have two before them.
    #[inline]
    pub(super) fn blanks(&mut self) -> Option<()> {
        self.one_of(b" \t")?;
        // Columns may be set apart by several.
        while self.byte(b' ').is_some() {}
        Some(())
    }

    /// The number of a month by its name, in short or in full, with a full stop or not.
    pub(super) fn month(&mut self) -> Option<i8> {
        let at = self.name(&MONTHS)?;
        let _ = self.byte(b'.');
        Some(at as i8 + 1)
    }

    /// A day of the week by its name, in short or in full, with a comma or not.
    pub(super) fn weekday(&mut self) -> Option<()> {
        self.name(&DAYS)?;
        let _ = self.byte(b',');
        Some(())
    }

    fn name(&mut self, names: &[&[u8]]) -> Option<usize> {
        let rest = &self.text[self.at..];
        let letters = rest.iter().take(10).take_while(|b| b.is_ascii_alphabetic()).count();
        let word = rest.get(..letters).filter(|word| word.len() >= SHORT)?;
        let is_short = letters == SHORT || (letters == SHORT + 1 && word == b"Sept");
        let found = names.iter().position(|name| {
            *name == word || (is_short && name[..letters.min(name.len())] == *word)
        });
        let found = found.or_else(|| is_short.then(|| short_name(word, names)).flatten())?;
        self.at += letters;
        Some(found)
    }

    /// A year of four digits from 1900 to 2199 that no further digit follows.
    pub(super) fn year(&mut self) -> Option<i16> {
        if self.digits_ahead() != 4 {
            return None;
        }
        let before = self.at;
        let year = self.number(4)? as i16;
        if !(1900..2200).contains(&year) {
            self.at = before;
            return None;
        }
        Some(year)
    }

    /// Digits after a full stop or a comma, as nanoseconds, or three digits or more after a colon.
    /// Digits after the ninth are dropped.
    #[inline]
    pub(super) fn fraction(&mut self) -> u32 {
        let rest = &self.text[self.at..];
        let least = match rest.first() {
            Some(b'.' | b',') => 1,
            Some(b':') => 3,
            _ => return 0,
        };
        let digits = rest[1..].iter().take_while(|b| b.is_ascii_digit()).count();
        if digits < least {
            return 0;
        }
        const TENS: [u32; 10] =
            [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];
        let kept = &rest[1..=digits.min(9)];
        let number = kept.iter().fold(0, |n, digit| n * 10 + u32::from(digit - b'0'));
        let nanos = number * TENS[9 - kept.len()];
        self.at += 1 + digits;
        nanos
    }

    /// `AM` or `PM`, with a blank before or not: whether it is after noon.
    #[inline]
    pub(super) fn meridiem(&mut self) -> Option<bool> {
        let rest = &self.text[self.at..];
        let space = match rest.first()? {
            b' ' => 1,
            b'A' | b'a' | b'P' | b'p' => 0,
            0x80.. => SPACES.iter().find(|space| rest.starts_with(space))?.len(),
            _ => return None,
        };
        let after_noon = match rest.get(space)? {
            b'A' | b'a' => false,
            b'P' | b'p' => true,
            _ => return None,
        };
        if rest[space + 1..].starts_with(b".m.") || rest[space + 1..].starts_with(b".M.") {
            self.at += space + 4;
            return Some(after_noon);
        }
        let is_last = rest.get(space + 2).is_none_or(|b| !b.is_ascii_alphanumeric());
        if !matches!(rest.get(space + 1), Some(b'M' | b'm')) || !is_last {
            return None;
        }
        self.at += space + 2;
        Some(after_noon)
    }
}
