//! `"20/s"`.

use std::time::Duration;

use vestibule_xmpp::component::Rate;

use crate::{
    Code,
    diagnostic::{Problem, quote},
};

/// In seconds.
const UNITS: [(&str, u64); 3] = [("s", 1), ("m", 60), ("h", 3600)];

/// The highest number.
const MOST: u32 = 1_000_000;

/// A whole number, `/` and one of `s`, `m` and `h`.
pub(crate) fn parse(text: &str) -> Result<Rate, Problem> {
    let (number, unit) = text.split_once('/').unwrap_or((text, ""));
    let is_plain = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = UNITS.iter().find(|(name, _)| *name == unit);
    let Some((_, seconds)) = seconds.filter(|_| is_plain) else {
        return Err(invalid(text, number.trim(), unit.trim()));
    };
    let count = number
        .parse()
        .ok()
        .filter(|count| (1..=MOST).contains(count));
    let Some(count) = count else {
        let problem = Problem::new(Code::OutOfRange, format!("{} is out of range", quote(text)));
        return Err(problem.help(format!("write a number from 1 to {MOST}")));
    };
    Ok(Rate {
        count,
        per: Duration::from_secs(*seconds),
    })
}

/// As it is written in a file.
pub(crate) fn show(rate: &Rate) -> String {
    let unit = UNITS
        .iter()
        .find(|(_, seconds)| *seconds == rate.per.as_secs());
    format!("{}/{}", rate.count, unit.map_or("", |(name, _)| name))
}

fn invalid(text: &str, number: &str, unit: &str) -> Problem {
    let problem = Problem::new(Code::InvalidRate, format!("{} is not a rate", quote(text)));
    let unit = match unit.to_ascii_lowercase().as_str() {
        "" | "s" | "sec" | "second" => "s",
        "m" | "min" | "minute" => "m",
        "h" | "hour" => "h",
        _ => "",
    };
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    if is_number && !unit.is_empty() {
        return problem.help(format!("write `\"{number}/{unit}\"`"));
    }
    problem.help("write a whole number, `/` and s, m or h, such as \"20/s\" or \"100/m\"")
}
