//! What clients and the homeserver say to each other, known by numbers.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

/// A request of HTTP.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) token: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// An answer of HTTP.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<u64>,
    pub(crate) body: Vec<u8>,
}

/// The token of a user.
pub(crate) fn token(user: usize) -> String {
    format!("syt_{user}_abcdefghijklmnop")
}

/// What is said under this number, in about as many bytes.
pub(crate) fn content(number: u64, size: usize) -> Value {
    let letter =
        |at: usize| char::from(b'a' + ((number as usize * 7 + at * 3 + at / 26) % 26) as u8);
    let text: String = (0..size).map(letter).collect();
    json!({
        "msgtype": "m.text",
        "body": format!("é {text}"),
        "number": number,
        "info": {"ratio": 2.5, "flags": [true, null, -7], "1": {}},
    })
}

/// The value of an item of the query.
pub(crate) fn item<'a>(target: &'a str, key: &str) -> Option<&'a str> {
    let (_, query) = target.split_once('?')?;
    let items = query.split('&').filter_map(|item| item.split_once('='));
    items
        .filter(|(name, _)| *name == key)
        .map(|(_, value)| value)
        .next()
}

/// As [`item`], for a number.
pub(crate) fn number(target: &str, key: &str) -> Option<u64> {
    Some(item(target, key)?.parse().expect("a number"))
}

/// The time that a sync may take.
pub(crate) fn timeout(target: &str) -> Duration {
    Duration::from_millis(number(target, "timeout").unwrap_or_default())
}
