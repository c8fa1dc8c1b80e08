//! What a server is told of the client in header fields: Forwarded (RFC 7239), and X-Forwarded-For,
//! X-Forwarded-Proto and X-Forwarded-Host, which came before it.

use std::{fmt::Write, net::IpAddr};

use hyper::header::{FORWARDED, HeaderMap, HeaderName, HeaderValue};

pub(super) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub(super) const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
pub(super) const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What we say of a client.
#[derive(Debug)]
pub(super) struct Forwarded {
    client: HeaderValue,
    proto: &'static str,
    /// The client is a proxy whose own words are passed on.
    trusted: bool,
    /// The element of Forwarded without its host.
    element: String,
}

/// What is said in a request for one host. Made once for all requests in a row that name it.
#[derive(Debug)]
pub(super) struct ForHost {
    pub(super) host: HeaderValue,
    element: HeaderValue,
}

impl Forwarded {
    /// Of the client at `address`, if it has one. `proto` is the scheme that it speaks.
    pub(super) fn new(address: Option<IpAddr>, proto: &'static str, trusted: bool) -> Self {
        let (client, node) = match address.map(|address| address.to_canonical()) {
            None => ("unknown".to_owned(), "unknown".to_owned()),
            Some(IpAddr::V4(v4)) => (v4.to_string(), v4.to_string()),
            // Brackets and colons are no part of a token.
            Some(IpAddr::V6(v6)) => (v6.to_string(), format!("\"[{v6}]\"")),
        };
        Self {
            // An address and a word are made of characters that a value may have.
            client: HeaderValue::try_from(client)
                .unwrap_or_else(|_| HeaderValue::from_static("unknown")),
            proto,
            trusted,
            element: format!("for={node};proto={proto}"),
        }
    }

    /// What is said when the request is for `host`, a valid value of Host.
    pub(super) fn for_host(&self, host: &HeaderValue) -> ForHost {
        let mut element = String::with_capacity(self.element.len() + host.len() + 8);
        element.push_str(&self.element);
        if let Ok(text) = host.to_str()
            && !text.is_empty()
        {
            let is_token = text.bytes().all(is_token);
            // Writing to a string cannot fail. A valid host has nothing that must be escaped.
            let _ = match is_token {
                true => write!(element, ";host={text}"),
                false => write!(element, ";host=\"{text}\""),
            };
        }
        ForHost {
            host: host.clone(),
            element: HeaderValue::try_from(element)
                .unwrap_or_else(|_| HeaderValue::from_static("for=unknown")),
        }
    }

    /// Whether the client is a proxy whose own words are passed on.
    pub(super) fn is_trusted(&self) -> bool {
        self.trusted
    }

    /// Says it in `headers`, out of which everything was taken that strangers may not say.
    pub(super) fn say(&self, known: &ForHost, headers: &mut HeaderMap) {
        let proto = || HeaderValue::from_static(self.proto);
        if !self.trusted {
            headers.insert(X_FORWARDED_FOR, self.client.clone());
            headers.insert(X_FORWARDED_PROTO, proto());
            headers.insert(X_FORWARDED_HOST, known.host.clone());
            headers.insert(FORWARDED, known.element.clone());
            return;
        }
        // What follows a list that does not end properly would be taken for a part of it.
        for (name, is_list) in [
            (X_FORWARDED_FOR, is_list_of_addresses as fn(&[u8]) -> bool),
            (FORWARDED, is_list),
        ] {
            let mut values = headers.get_all(&name).iter();
            if !values.all(|value| is_list(value.as_bytes())) {
                headers.remove(&name);
            }
        }
        // A chain that the proxies before us did not begin would say that there were none.
        let begun = (
            headers.contains_key(X_FORWARDED_FOR),
            headers.contains_key(FORWARDED),
        );
        if begun.0 || !begun.1 {
            append(headers, X_FORWARDED_FOR, &self.client);
            headers.entry(X_FORWARDED_PROTO).or_insert_with(proto);
            headers
                .entry(X_FORWARDED_HOST)
                .or_insert_with(|| known.host.clone());
        }
        if begun.1 || !begun.0 {
            append(headers, FORWARDED, &known.element);
        }
    }
}

/// Makes one list of all values, with `last` at its end.
fn append(headers: &mut HeaderMap, name: HeaderName, last: &HeaderValue) {
    let mut list = Vec::new();
    for value in headers.get_all(&name) {
        if !value.is_empty() {
            list.extend_from_slice(value.as_bytes());
            list.extend_from_slice(b", ");
        }
    }
    list.extend_from_slice(last.as_bytes());
    // Parts of values are values.
    if let Ok(list) = HeaderValue::from_maybe_shared(hyper::body::Bytes::from(list)) {
        headers.insert(name, list);
    }
}

/// Whether quoted strings end, and nothing stands in a list that cannot (RFC 7239 section 4).
fn is_list(value: &[u8]) -> bool {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for byte in value {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b'\t' | b' '..=b'~' => {}
            _ => return false,
        }
    }
    !is_quoted && !is_escaped
}

/// Whether it may be a list of addresses, each with or without a port, and of words.
fn is_list_of_addresses(value: &[u8]) -> bool {
    let is_good = |byte: &u8| byte.is_ascii_alphanumeric() || b".:[]%-_, \t".contains(byte);
    value.iter().all(is_good)
}

/// RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests;
