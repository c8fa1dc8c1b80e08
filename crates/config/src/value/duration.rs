//! `"1m30s"`.

use std::time::Duration;

use crate::{
    Code,
    diagnostic::{Problem, quote},
};

/// From the largest; milliseconds in each.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Whole numbers, each with a unit, from the largest unit to the smallest.
pub(crate) fn parse(text: &str) -> Result<Duration, Problem> {
    let mut total = 0_u64;
    let mut units = UNITS.as_slice();
    let mut rest = text;
    while !rest.is_empty() || text.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, tail) = tail.split_at(letters);
        let place = units.iter().position(|(name, _)| *name == unit);
        let (Ok(number), Some(place)) = (number.parse::<u64>(), place) else {
            return Err(invalid(text));
        };
        let part = number.checked_mul(units[place].1);
        let Some(sum) = part.and_then(|part| total.checked_add(part)) else {
            let problem = Problem::new(Code::OutOfRange, format!("{} is too long", quote(text)));
            return Err(problem.help("no duration here is longer than 30 days"));
        };
        total = sum;
        units = &units[place + 1..];
        rest = tail;
    }
    Ok(Duration::from_millis(total))
}

/// As it is written in a file.
pub(crate) fn show(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, size) in UNITS {
        // One day is better known as 24 h.
        if rest >= size && !(unit == "d" && rest < 2 * size) {
            text.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    if text.is_empty() {
        "0s".to_owned()
    } else {
        text
    }
}

fn invalid(text: &str) -> Problem {
    let problem = Problem::new(
        Code::InvalidDuration,
        format!("{} is not a duration", quote(text)),
    );
    let squeezed = text.replace([' ', '_'], "").to_ascii_lowercase();
    let digits = squeezed.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = squeezed.split_at(digits);
    let unit = match unit {
        "" | "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "d" | "day" | "days" => "d",
        "h" | "hour" | "hours" | "hr" | "hrs" => "h",
        "m" | "min" | "mins" | "minute" | "minutes" => "m",
        "ms" | "msec" | "millis" | "milliseconds" => "ms",
        _ => "",
    };
    if !number.is_empty() && !unit.is_empty() {
        return problem.help(format!("write `\"{number}{unit}\"`"));
    }
    problem.help(
        "write whole numbers with d, h, m, s or ms, the largest first, such as \"5s\" or \"1m30s\"",
    )
}
