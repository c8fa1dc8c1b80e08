//! What the design has but this version has not. A file that asks for it is refused, never silently
//! half obeyed. Whoever adds a feature takes its line out of here.

use toml::de::DeValue;

use crate::{
    Code,
    diagnostic::{Problem, quote},
    schema::{self, Schema},
};

/// Keys, by their table.
const KEYS: &[(&Schema, &str, &str)] = &[
    (
        &schema::ROOT,
        "companion",
        "the companion of low bandwidth gateways",
    ),
    (&schema::ROUTE, "xmpp_from", "routing by XMPP"),
    (&schema::ROUTE, "xmpp_to", "routing by XMPP"),
];

/// Beginnings of upstreams.
const UPSTREAMS: &[(&str, &str)] = &[("srv:", "targets from SRV records")];

/// The names of the keys that `table` will have.
pub(crate) fn keys(table: &Schema) -> impl Iterator<Item = &'static str> {
    KEYS.iter()
        .filter(move |(of, ..)| *of == table)
        .map(|(_, key, _)| *key)
}

/// What is wrong with this key of `table`, when it belongs to a later version. Switched off, it is
/// harmless.
pub(crate) fn key(table: &Schema, key: &str, value: &DeValue<'_>) -> Option<Result<(), Problem>> {
    let (.., feature) = KEYS
        .iter()
        .find(|(of, name, _)| *of == table && *name == key)?;
    if value.as_bool() == Some(false) || value.as_str() == Some("off") {
        return Some(Ok(()));
    }
    Some(Err(not_yet(&quote(key), feature)))
}

/// What is wrong with this upstream, when it belongs to a later version.
pub(crate) fn upstream(text: &str) -> Option<Problem> {
    let begins = |start: &str| {
        if start.ends_with(':') {
            text.starts_with(start)
        } else {
            text == start
        }
    };
    let (_, feature) = UPSTREAMS.iter().find(|(start, _)| begins(start))?;
    Some(not_yet(&quote(text), feature))
}

fn not_yet(what: &str, feature: &str) -> Problem {
    Problem::new(
        Code::NotSupportedYet,
        format!("{what} is not supported by this version yet"),
    )
    .help(format!(
        "this version does not have {feature}: leave it out"
    ))
}
