//! `"64KiB"`.

use crate::{
    Code,
    diagnostic::{Problem, quote},
};

const UNITS: [(&str, u64); 4] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

/// A whole number of bytes with a unit.
pub(crate) fn parse(text: &str) -> Result<u64, Problem> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, factor)| *factor);
    match (number.parse::<u64>(), factor) {
        (Ok(number), Some(factor)) => number.checked_mul(factor).ok_or_else(|| {
            Problem::new(Code::OutOfRange, format!("{} is too large", quote(text))).help(USUAL)
        }),
        (Ok(number), None) => {
            let help = match unit.trim().to_ascii_lowercase().chars().next() {
                None => format!("write `{number}` without quotes, or `\"{number}B\"`"),
                Some('k') => format!("write `\"{number}KiB\"`"),
                Some('m') => format!("write `\"{number}MiB\"`"),
                Some('g') => format!("write `\"{number}GiB\"`"),
                Some(_) => USUAL.to_owned(),
            };
            Err(invalid(text).help(help))
        }
        (Err(_), _) => Err(invalid(text).help(USUAL)),
    }
}

/// As it is written in a file, with the largest unit that it is a multiple of.
pub(crate) fn show(bytes: usize) -> String {
    let multiple = |(_, factor): &&(&str, u64)| bytes > 0 && (bytes as u64).is_multiple_of(*factor);
    match UNITS.iter().find(multiple) {
        Some((name, factor)) if *factor > 1 => format!("{}{name}", bytes as u64 / factor),
        _ => format!("{bytes} bytes"),
    }
}

const USUAL: &str = "write a whole number of bytes, or one with KiB, MiB or GiB, such as \"64KiB\"";

fn invalid(text: &str) -> Problem {
    Problem::new(Code::InvalidSize, format!("{} is not a size", quote(text)))
}
