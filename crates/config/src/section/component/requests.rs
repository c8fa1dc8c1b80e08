//! How requests are carried to resources.

use std::time::Duration;

use toml::{Spanned, de::DeValue};
use vestibule_xmpp::component::{Balance, PolicyKey, RetrySets, Settings};

use super::is_off;
use crate::{
    code::Code,
    diagnostic::Problem,
    reader::{DurationKey, Reader, Span, Table, wrong_type},
    value::{duration, namespace},
};

const TIMEOUT: DurationKey = DurationKey {
    key: "timeout",
    default: Duration::from_secs(20),
    min: Duration::from_millis(100),
    max: Duration::from_secs(3600),
};
const ATTEMPT_TIMEOUT: DurationKey = DurationKey {
    key: "attempt_timeout",
    default: Duration::from_secs(8),
    ..TIMEOUT
};

const MOST_ATTEMPTS: u64 = 16;

/// `settings`, with what `table` says.
pub(super) fn read(r: &mut Reader<'_>, table: &Table<'_>, settings: Settings) -> Settings {
    let balances = [
        ("least_outstanding", Balance::LeastOutstanding),
        ("priority", Balance::Priority),
        ("random", Balance::Random),
        ("round_robin", Balance::RoundRobin),
        ("sticky", Balance::Sticky),
    ];
    let keys = [("bare", PolicyKey::Bare), ("full", PolicyKey::Full)];
    let balance = r.choice(table, "balance", &balances);
    let policy_key = r.choice(table, "policy_key", &keys);
    if let Some(key) = table.key_span("policy_key") {
        only_sticky(r, table, key, balance);
    }
    let attempts = r.integer(table, "attempts", 1..=MOST_ATTEMPTS);
    let attempts = attempts.and_then(|attempts| u32::try_from(attempts).ok());
    let settings = Settings {
        balance: balance.unwrap_or_default(),
        policy_key: policy_key.unwrap_or_default(),
        timeout: r.duration(table, &TIMEOUT),
        attempt_timeout: r.duration(table, &ATTEMPT_TIMEOUT),
        attempts: attempts.unwrap_or(settings.attempts),
        retry_sets: retry_sets(r, table),
        ..settings
    };
    second_attempt(r, table, &settings);
    settings
}

/// Reports `policy_key` at `key` where the balance is another one.
fn only_sticky(r: &mut Reader<'_>, table: &Table<'_>, key: Span, balance: Option<Balance>) {
    let message = "`policy_key` is for `balance = \"sticky\"`";
    let problem = Problem::new(Code::WithoutEffect, message)
        .help("write `balance = \"sticky\"`, or leave it out");
    match (table.value("balance"), balance) {
        // One that is wrong may be meant to be this one.
        (Some(_), None | Some(Balance::Sticky)) => {}
        (Some(value), Some(_)) => r.conflict(key, problem, &value.span(), "this is its balance"),
        (None, _) if r.lacks(table, "balance") => r.error(key, problem),
        (None, _) => {}
    }
}

fn retry_sets(r: &mut Reader<'_>, table: &Table<'_>) -> RetrySets {
    let Some(value) = table.value("retry_sets") else {
        return RetrySets::Never;
    };
    match value.get_ref() {
        DeValue::Boolean(true) => RetrySets::All,
        DeValue::Boolean(false) => RetrySets::Never,
        DeValue::Array(_) | DeValue::String(_) => {
            let meaning = "write `false` for none, or namespaces such as \"jabber:iq:search\"";
            let all = r.some_texts(table, "retry_sets", meaning, namespace::parse);
            let all: Vec<Spanned<String>> = all.unwrap_or_default();
            RetrySets::Namespaces(r.distinct(all, Clone::clone))
        }
        other => {
            let problem = wrong_type("a boolean or a list of namespaces", other);
            let help = "write `false`, `true`, or those that may be done twice";
            r.error(value.span(), problem.help(help));
            RetrySets::Never
        }
    }
}

/// Warns of what makes a second attempt impossible.
fn second_attempt(r: &mut Reader<'_>, table: &Table<'_>, settings: &Settings) {
    if settings.attempts == 1 {
        let sets = table.value("retry_sets");
        let sets = sets.filter(|value| !is_off(value.get_ref()));
        if let (Some(sets), Some(attempts)) = (sets, table.value("attempts")) {
            let message = "nothing is asked of another resource, also no set";
            let problem = Problem::new(Code::NoSecondAttempt, message)
                .help("write more `attempts`, or leave `retry_sets` out");
            r.doubt(sets.span(), problem, &attempts.span(), "one attempt only");
        }
        return;
    }
    let place = table.value("attempt_timeout").or(table.value("timeout"));
    let place = place.filter(|_| settings.attempt_timeout >= settings.timeout);
    if let Some(place) = place {
        let message = "a resource that does not answer takes all the time that a request has";
        let half = duration::show(settings.timeout / 2);
        let problem = Problem::new(Code::NoSecondAttempt, message).help(format!(
            "write an `attempt_timeout` below `timeout`, such as \"{half}\", or `attempts = 1`"
        ));
        r.warning(place.span(), problem);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_components() {
        let defaults = Settings::default();
        assert_eq!(TIMEOUT.default, defaults.timeout);
        assert_eq!(ATTEMPT_TIMEOUT.default, defaults.attempt_timeout);
    }
}
