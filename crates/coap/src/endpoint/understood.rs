//! Which options are understood.

use super::config::Config;
use crate::{BlockValue, Message, OptionFormat, OptionNumber};

/// What becomes of an option (RFC 7252 section 5.4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Judgement {
    /// The message must not be processed: it is critical, and malformed or not understood.
    Bad,
    /// It counts.
    Good,
    /// It is elective and malformed: the message is as if it were not there.
    Ignored,
}

/// Critical options that the endpoint, or every application, understands.
const UNDERSTOOD: [OptionNumber; 7] = [
    OptionNumber::URI_HOST,
    OptionNumber::URI_PORT,
    OptionNumber::URI_PATH,
    OptionNumber::URI_QUERY,
    OptionNumber::ACCEPT,
    OptionNumber::BLOCK2,
    OptionNumber::BLOCK1,
];

/// Judges an option that stands behind one with the number `before`.
pub(super) fn judge(
    number: OptionNumber,
    value: &[u8],
    before: Option<OptionNumber>,
    config: &Config,
) -> Judgement {
    let is_well = well_formed(number, value, config) && may_follow(number, before);
    let is_known = UNDERSTOOD.contains(&number) || config.understood.contains(&number);
    match number.is_critical() {
        true if is_well && is_known => Judgement::Good,
        true => Judgement::Bad,
        false if is_well => Judgement::Good,
        false => Judgement::Ignored,
    }
}

/// The first option for which an answer must be rejected (RFC 7252 section 5.4.1).
pub(super) fn bad_option(message: &Message<'_>, config: &Config) -> Option<OptionNumber> {
    let mut before = None;
    let mut options = message.options.iter();
    let bad = options.find(|&(number, value)| {
        let judged = judge(number, value, before.replace(number), config);
        let is_block = matches!(number, OptionNumber::BLOCK1 | OptionNumber::BLOCK2);
        judged == Judgement::Bad || is_block && BlockValue::parse(value).is_err()
    });
    bad.map(|(number, _)| number)
}

fn well_formed(number: OptionNumber, value: &[u8], config: &Config) -> bool {
    let Some(definition) = number.definition() else {
        return true;
    };
    let max = match number {
        OptionNumber::URI_PATH => config.max_path_segment,
        OptionNumber::URI_QUERY => config.max_query,
        _ => usize::from(definition.max),
    };
    let length = usize::from(definition.min)..=max;
    let text = definition.format != OptionFormat::String || std::str::from_utf8(value).is_ok();
    length.contains(&value.len()) && text
}

fn may_follow(number: OptionNumber, before: Option<OptionNumber>) -> bool {
    before != Some(number) || number.definition().is_none_or(|known| known.repeatable)
}
