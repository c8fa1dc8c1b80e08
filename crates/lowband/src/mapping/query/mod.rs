//! Queries: of Uri-Query options, and of HTTP.

use super::percent;
use super::token::{Token, TokenError};

/// Most items of a query.
pub const MAX_ITEMS: usize = 32;
/// Most bytes of an item that is received. RFC 7252 section 5.10 allows 255; clients written in Go
/// send more.
pub const MAX_ITEM_LEN: usize = 4_096;
/// Most bytes of an item that is sent (RFC 7252 section 5.10).
pub const MAX_SENT_ITEM_LEN: usize = 255;
/// Most bytes of a query that is received, without the access token.
pub const MAX_QUERY_LEN: usize = 8_192;

/// The items of a query, each `key=value` or only `key`, in the order in which they came and as they
/// are before any escaping. An access token is never among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    items: Vec<String>,
}

/// Why a query cannot be translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QueryError {
    /// A `%` is not followed by two hexadecimal digits, or what is escaped is not UTF-8.
    Escape,
    /// An item is longer than [`MAX_ITEM_LEN`], or [`MAX_SENT_ITEM_LEN`] when it is to be sent.
    ItemTooLong,
    /// A key has an equals sign: over CoAP the key would end there.
    Key,
    /// The access token in it is none.
    Token(TokenError),
    /// It has more than [`MAX_QUERY_LEN`] bytes.
    TooLong,
    /// It has more than [`MAX_ITEMS`] items.
    TooManyItems,
    /// An item is not UTF-8.
    Utf8,
}

impl Query {
    /// The query that these Uri-Query options are, and the access token that was in it, also where the
    /// rest is an error. Empty items, which say nothing, are left out.
    ///
    /// # Errors
    ///
    /// When it cannot be sent to a homeserver.
    pub fn from_options<'a>(
        options: impl IntoIterator<Item = &'a [u8]>,
    ) -> (Result<Self, QueryError>, Option<Token>) {
        let mut reader = Reader::default();
        let mut result = Ok(());
        for option in options {
            let item = str::from_utf8(option).map_err(|_| QueryError::Utf8);
            result = result.and(item.and_then(|item| reader.push(item.to_owned())));
        }
        (result.map(|()| reader.query), reader.token)
    }

    /// The query that stands behind the question mark of a request of HTTP, and the access token
    /// that was in it.
    ///
    /// # Errors
    ///
    /// When it cannot be sent over CoAP, by its form or by its size.
    pub fn from_http(text: &str) -> Result<(Self, Option<Token>), QueryError> {
        let mut reader = Reader::default();
        for item in text.split('&') {
            let (key, value) = match item.split_once('=') {
                Some((key, value)) => (key, Some(value)),
                None => (item, None),
            };
            let unescape = |text| percent::decode_query(text).ok_or(QueryError::Escape);
            let mut item = unescape(key)?.into_owned();
            if item.contains('=') {
                return Err(QueryError::Key);
            }
            if let Some(value) = value {
                item.push('=');
                item.push_str(&unescape(value)?);
            }
            reader.push(item)?;
        }
        Ok((reader.query, reader.token))
    }

    /// The query with these items, each `key=value` or only `key`, before any escaping. For what is
    /// not received: there are no limits.
    pub fn from_items(items: Vec<String>) -> Self {
        Self { items }
    }

    /// The items, each `key=value` or only `key`, before any escaping.
    pub fn items(&self) -> impl Iterator<Item = &str> {
        self.items.iter().map(String::as_str)
    }

    /// The value of the first item with this key, which is the one that homeservers go by.
    pub fn value(&self, key: &str) -> Option<&str> {
        let value = |item: &'_ String| item.strip_prefix(key)?.strip_prefix('=').map(str::len);
        let item = self.items.iter().find(|item| value(item).is_some())?;
        Some(&item[key.len() + 1..])
    }

    /// Gives the items with this key the value that `revise` makes of theirs, where it makes one.
    pub(super) fn revise(&mut self, key: &str, revise: impl Fn(&str) -> Option<String>) {
        for item in &mut self.items {
            let value = item
                .strip_prefix(key)
                .and_then(|rest| rest.strip_prefix('='));
            if let Some(revised) = value.and_then(&revise) {
                *item = format!("{key}={revised}");
            }
        }
    }

    /// Whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The values of the Uri-Query options to be sent.
    ///
    /// # Errors
    ///
    /// [`QueryError::ItemTooLong`].
    pub fn to_options(&self) -> Result<impl Iterator<Item = &[u8]>, QueryError> {
        match self
            .items
            .iter()
            .all(|item| item.len() <= MAX_SENT_ITEM_LEN)
        {
            true => Ok(self.items.iter().map(String::as_bytes)),
            false => Err(QueryError::ItemTooLong),
        }
    }

    /// The query as it stands in a request of HTTP, without the question mark.
    pub fn to_http(&self) -> String {
        let mut text = String::new();
        for item in &self.items {
            if !text.is_empty() {
                text.push('&');
            }
            match item.split_once('=') {
                Some((key, value)) => {
                    text.extend(percent::query(key));
                    text.push('=');
                    text.extend(percent::query(value));
                }
                None => text.extend(percent::query(item)),
            }
        }
        text
    }
}

impl QueryError {
    /// Name for metrics and logs, in snake case; it never changes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Escape => "escape",
            Self::ItemTooLong => "item_too_long",
            Self::Key => "key",
            Self::Token(_) => "token",
            Self::TooLong => "too_long",
            Self::TooManyItems => "too_many_items",
            Self::Utf8 => "utf8",
        }
    }
}

impl std::fmt::Display for QueryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Escape => "the query has an escape that is none",
            Self::ItemTooLong => "an item of the query is too long",
            Self::Key => "a key of the query has an equals sign",
            Self::Token(error) => return error.fmt(f),
            Self::TooLong => "the query is too long",
            Self::TooManyItems => "the query has too many items",
            Self::Utf8 => "the query is not UTF-8",
        })
    }
}

impl std::error::Error for QueryError {}

/// Takes items and counts.
#[derive(Default)]
struct Reader {
    query: Query,
    token: Option<Token>,
    len: usize,
}

impl Reader {
    fn push(&mut self, item: String) -> Result<(), QueryError> {
        if let Some(token) = item.strip_prefix("access_token=") {
            let token = Token::parse(token.as_bytes()).map_err(QueryError::Token)?;
            // The first one counts, as it does for homeservers.
            self.token = self.token.take().or(token);
            return Ok(());
        }
        if item.len() > MAX_ITEM_LEN {
            return Err(QueryError::ItemTooLong);
        }
        self.len += item.len();
        if self.len > MAX_QUERY_LEN {
            return Err(QueryError::TooLong);
        }
        if item.is_empty() {
            return Ok(());
        }
        if self.query.items.len() == MAX_ITEMS {
            return Err(QueryError::TooManyItems);
        }
        self.query.items.push(item);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
