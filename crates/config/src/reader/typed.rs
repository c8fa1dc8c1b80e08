//! Values of each type.

use std::{num::NonZeroU32, ops::RangeInclusive, time::Duration};

use toml::{Spanned, de::DeValue};

use super::{Reader, Table, Value};
use crate::{
    code::Code,
    diagnostic::{Problem, quote},
    suggest,
    value::{duration, size},
};

/// A key whose value is a duration.
#[derive(Debug)]
pub(crate) struct DurationKey {
    pub(crate) key: &'static str,
    pub(crate) default: Duration,
    pub(crate) min: Duration,
    pub(crate) max: Duration,
}

impl Reader<'_> {
    /// A string that `parse` understands; `None` when it is absent or wrong.
    pub(crate) fn text<T>(
        &mut self,
        table: &Table<'_>,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Option<T> {
        let value = table.value(key)?;
        let text = self.string(value, "a string")?;
        self.accept(value, parse(text))
    }

    /// A string or a list of strings that `parse` understands, without the wrong ones; `None` when
    /// it is absent or of another type.
    pub(crate) fn texts<T>(
        &mut self,
        table: &Table<'_>,
        key: &str,
        parse: impl Fn(&str) -> Result<T, Problem>,
    ) -> Option<Vec<Spanned<T>>> {
        let value = table.value(key)?;
        let items = match value.get_ref() {
            DeValue::Array(items) => items.iter().collect(),
            DeValue::String(_) => vec![value],
            other => {
                self.error(
                    value.span(),
                    wrong_type("a string or a list of strings", other),
                );
                return None;
            }
        };
        let mut read = Vec::with_capacity(items.len());
        for item in items {
            let Some(text) = self.string(item, "a string") else {
                continue;
            };
            if let Some(parsed) = self.accept(item, parse(text)) {
                read.push(Spanned::new(item.span(), parsed));
            }
        }
        Some(read)
    }

    /// Like [`Self::texts`] for a list that must not be empty; `meaning` says what an empty one
    /// would do.
    pub(crate) fn some_texts<T>(
        &mut self,
        table: &Table<'_>,
        key: &str,
        meaning: &str,
        parse: impl Fn(&str) -> Result<T, Problem>,
    ) -> Option<Vec<Spanned<T>>> {
        let value = table.value(key)?;
        if value
            .get_ref()
            .as_array()
            .is_some_and(|items| items.is_empty())
        {
            let problem = Problem::new(Code::EmptyList, format!("`{key}` is empty")).help(meaning);
            self.error(value.span(), problem);
        }
        self.texts(table, key, parse)
    }

    /// One of `words`.
    pub(crate) fn choice<T: Copy>(
        &mut self,
        table: &Table<'_>,
        key: &str,
        words: &[(&str, T)],
    ) -> Option<T> {
        let value = table.value(key)?;
        let Some(text) = value.get_ref().as_str() else {
            let names = words.iter().map(|(word, _)| *word);
            let help = format!("write one of {}", suggest::listed(names));
            self.error(
                value.span(),
                wrong_type("a string", value.get_ref()).help(help),
            );
            return None;
        };
        self.accept(value, choose(text, key, words))
    }

    /// `true` or `false`; `None` when it is absent or wrong.
    pub(crate) fn boolean(&mut self, table: &Table<'_>, key: &str) -> Option<bool> {
        let value = table.value(key)?;
        let boolean = value.get_ref().as_bool();
        if boolean.is_none() {
            let problem = wrong_type("a boolean", value.get_ref());
            self.error(value.span(), problem.help("write `true` or `false`"));
        }
        boolean
    }

    /// A whole number in `range`.
    pub(crate) fn integer(
        &mut self,
        table: &Table<'_>,
        key: &str,
        range: RangeInclusive<u64>,
    ) -> Option<u64> {
        let value = table.value(key)?;
        self.number(value, key, range)
    }

    /// `value` as a whole number in `range`; `what` is what it is called.
    pub(crate) fn number(
        &mut self,
        value: &Value<'_>,
        what: &str,
        range: RangeInclusive<u64>,
    ) -> Option<u64> {
        let Some(integer) = value.get_ref().as_integer() else {
            let text = value.get_ref().as_str().unwrap_or_default();
            let is_quoted = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let help = match is_quoted {
                true => format!("write `{text}` without quotes"),
                false => format!("write a number from {} to {}", range.start(), range.end()),
            };
            let problem = wrong_type("an integer", value.get_ref());
            self.error(value.span(), problem.help(help));
            return None;
        };
        let number = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let (min, max) = range.into_inner();
            let problem = Problem::new(Code::OutOfRange, format!("`{what}` is out of range"))
                .help(format!("write a number from {min} to {max}"));
            self.error(value.span(), problem);
        }
        number
    }

    /// A firewall mark.
    pub(crate) fn mark(&mut self, table: &Table<'_>) -> Option<NonZeroU32> {
        let mark = self.integer(table, "mark", 1..=u64::from(u32::MAX))?;
        NonZeroU32::new(u32::try_from(mark).ok()?)
    }

    /// A size in bytes, as an integer or text such as `"64KiB"`.
    pub(crate) fn size(
        &mut self,
        table: &Table<'_>,
        key: &str,
        range: RangeInclusive<u64>,
    ) -> Option<u64> {
        let value = table.value(key)?;
        let size = match value.get_ref() {
            DeValue::Integer(_) => return self.number(value, key, range),
            DeValue::String(text) => self.accept(value, size::parse(text))?,
            other => {
                self.error(
                    value.span(),
                    wrong_type("a number of bytes or a size as text", other),
                );
                return None;
            }
        };
        if range.contains(&size) {
            return Some(size);
        }
        let (min, max) = range.into_inner();
        let problem = Problem::new(Code::OutOfRange, format!("`{key}` is out of range"))
            .help(format!("write a size from {min} to {max} bytes"));
        self.error(value.span(), problem);
        None
    }

    /// A duration; the default when it is absent or wrong.
    pub(crate) fn duration(&mut self, table: &Table<'_>, key: &DurationKey) -> Duration {
        let value = table.value(key.key);
        let read = value.and_then(|value| self.duration_value(value, key, ""));
        read.unwrap_or(key.default)
    }

    /// A duration, or `None` for `"off"` and `false`; the default when it is absent or wrong.
    pub(crate) fn duration_or_off(
        &mut self,
        table: &Table<'_>,
        key: &DurationKey,
    ) -> Option<Duration> {
        let value = table.value(key.key);
        let is_off =
            |value: &DeValue<'_>| value.as_str() == Some("off") || value.as_bool() == Some(false);
        if value.is_some_and(|value| is_off(value.get_ref())) {
            return None;
        }
        let read = value.and_then(|value| self.duration_value(value, key, ", or \"off\""));
        Some(read.unwrap_or(key.default))
    }

    /// `value` as the duration of `key`; `or` is what else may stand there.
    pub(crate) fn duration_value(
        &mut self,
        value: &Value<'_>,
        key: &DurationKey,
        or: &str,
    ) -> Option<Duration> {
        let text = match value.get_ref() {
            DeValue::String(text) => text,
            other => {
                let mut problem = wrong_type("a duration as text", other);
                if let Some(number) = other.as_integer().filter(|number| number.radix() == 10) {
                    problem = problem.help(format!("write `\"{number}s\"` for seconds{or}"));
                }
                self.error(value.span(), problem);
                return None;
            }
        };
        let read = self.accept(value, duration::parse(text))?;
        if (key.min..=key.max).contains(&read) {
            return Some(read);
        }
        let (min, max) = (duration::show(key.min), duration::show(key.max));
        let problem = Problem::new(Code::OutOfRange, format!("`{}` is out of range", key.key))
            .help(format!("write a duration from {min} to {max}{or}"));
        self.error(value.span(), problem);
        None
    }

    /// `value` as a string; `expected` is what may stand there.
    pub(crate) fn string<'a>(&mut self, value: &'a Value<'a>, expected: &str) -> Option<&'a str> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.error(value.span(), wrong_type(expected, value.get_ref()));
        }
        text
    }

    /// The parsed value, or the report of what is wrong with it.
    pub(crate) fn accept<T>(&mut self, value: &Value<'_>, parsed: Result<T, Problem>) -> Option<T> {
        parsed
            .map_err(|problem| self.error(value.span(), problem))
            .ok()
    }
}

/// The meaning of `text` among `words`; `key` is what it is called.
pub(crate) fn choose<T: Copy>(text: &str, key: &str, words: &[(&str, T)]) -> Result<T, Problem> {
    if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(*meaning);
    }
    let names = || words.iter().map(|(word, _)| *word);
    let problem = Problem::new(
        Code::UnknownValue,
        format!("unknown `{key}` {}", quote(text)),
    );
    Err(match suggest::nearest(text, names()) {
        Some(word) => problem.help(format!("did you mean `{word}`?")),
        None => problem.help(format!("write one of {}", suggest::listed(names()))),
    })
}

/// That another type stands where `expected` should.
pub(crate) fn wrong_type(expected: &str, found: &DeValue<'_>) -> Problem {
    Problem::new(
        Code::WrongType,
        format!("expected {expected}, found {}", show_type(found)),
    )
}

/// The type in words.
fn show_type(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::Array(_) => "a list",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Float(_) => "a float",
        DeValue::Integer(_) => "an integer",
        DeValue::String(_) => "a string",
        DeValue::Table(_) => "a table",
    }
}
