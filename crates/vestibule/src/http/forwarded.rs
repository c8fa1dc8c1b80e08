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

    /// Whether a field of this name is taken out of requests, because it says what only we know.
    pub(super) fn removes(&self, name: &str) -> bool {
        !self.trusted && is_claim(name)
    }

    /// Says it in `headers`, from which [`Self::removes`] was taken out.
    pub(super) fn say(&self, known: &ForHost, headers: &mut HeaderMap) {
        let proto = || HeaderValue::from_static(self.proto);
        if !self.trusted {
            headers.insert(X_FORWARDED_FOR, self.client.clone());
            headers.insert(X_FORWARDED_PROTO, proto());
            headers.insert(X_FORWARDED_HOST, known.host.clone());
            headers.insert(FORWARDED, known.element.clone());
            return;
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

/// Whether servers take a field of this name for what a proxy says of its client.
fn is_claim(name: &str) -> bool {
    name.starts_with("x-forwarded")
        || matches!(
            name,
            "cf-connecting-ip"
                | "client-ip"
                | "forwarded"
                | "front-end-https"
                | "true-client-ip"
                | "x-client-cert"
                | "x-client-ip"
                | "x-cluster-client-ip"
                | "x-original-forwarded-for"
                | "x-original-host"
                | "x-original-url"
                | "x-real-ip"
                | "x-remote-addr"
                | "x-remote-ip"
                | "x-rewrite-url"
                | "x-scheme"
                | "x-ssl-client-cert"
                | "x-url-scheme"
        )
}

/// RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests;
