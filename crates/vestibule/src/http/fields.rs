//! Which fields may pass.

use std::borrow::Cow;

use hyper::{HeaderMap, header::HeaderName};

use crate::low_bandwidth::tcp;

/// Whether a field is removed from requests, heads and trailers alike. `trusted`: the client is a
/// proxy whose word on its own client counts.
///
/// Many servers hand fields to programs as variables, and write `-` and `_` in their names alike
/// then. So a name with `_` is what it is with `-`, and never passes where that means something.
pub(super) fn is_removed(name: &str, trusted: bool) -> bool {
    match canonical(name) {
        Cow::Borrowed(name) => is_of_hop(name) || name == "proxy" || !trusted && is_claim(name),
        Cow::Owned(name) => {
            is_of_hop(&name) || is_framing(&name) || name == "proxy" || is_claim(&name)
        }
    }
}

/// Whether a field is removed from requests to the homeserver behind the TCP side of a gateway.
/// `trusted`: as above.
pub(super) fn is_removed_for_homeserver(name: &str, trusted: bool) -> bool {
    tcp::is_removed(name, is_removed(name, false), trusted)
}

/// Takes out of trailers what may only stand in a head (RFC 9110 section 6.5.1), and what says
/// where a request comes from.
pub(super) fn clean_trailers(trailers: &mut HeaderMap) {
    let gone: Vec<HeaderName> = trailers
        .keys()
        .filter(|name| {
            let name = canonical(name.as_str());
            is_of_hop(&name) || is_framing(&name) || is_claim(&name) || is_for_heads(&name)
        })
        .cloned()
        .collect();
    for name in &gone {
        trailers.remove(name);
    }
}

/// Whether a field is for the next hop only (RFC 9110 section 7.6.1). Connection is one as well, but
/// it is needed until it was read.
pub(super) fn is_of_hop(name: &str) -> bool {
    matches!(
        name,
        "keep-alive"
            | "proxy-authenticate"
            | "proxy-authentication-info"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Whether a field says where a message begins and ends, or whom it is for.
fn is_framing(name: &str) -> bool {
    matches!(
        name,
        "connection" | "content-length" | "expect" | "host" | "trailer" | "via"
    )
}

/// Whether a field makes sense before a body only: it modifies the request, authenticates, controls
/// the response, or says how the body is written (RFC 9110 section 6.5.1).
fn is_for_heads(name: &str) -> bool {
    name.starts_with("if-")
        || name.starts_with("proxy")
        || matches!(
            name,
            "age"
                | "authentication-info"
                | "authorization"
                | "cache-control"
                | "content-encoding"
                | "content-range"
                | "content-type"
                | "cookie"
                | "date"
                | "expires"
                | "location"
                | "max-forwards"
                | "pragma"
                | "range"
                | "retry-after"
                | "set-cookie"
                | "vary"
                | "warning"
                | "www-authenticate"
        )
}

/// Whether servers take a field of this name for what a proxy says of its client.
fn is_claim(name: &str) -> bool {
    const FAMILIES: &[&str] = &[
        "forwarded",
        "remote-",
        "ssl-client-",
        "x-forwarded",
        "x-original-",
        "x-remote-",
        "x-ssl-client-",
    ];
    FAMILIES.iter().any(|family| name.starts_with(family))
        || matches!(
            name,
            "cf-connecting-ip"
                | "cf-connecting-ipv6"
                | "client-ip"
                | "fastly-client-ip"
                | "fly-client-ip"
                | "front-end-https"
                | "proxy-client-ip"
                | "true-client-ip"
                | "wl-proxy-client-ip"
                | "x-appengine-user-ip"
                | "x-azure-clientip"
                | "x-azure-socketip"
                | "x-client-cert"
                | "x-client-ip"
                | "x-cluster-client-ip"
                | "x-envoy-external-address"
                | "x-forward-for"
                | "x-host"
                | "x-http-host-override"
                | "x-originating-ip"
                | "x-proxyuser-ip"
                | "x-real-ip"
                | "x-rewrite-url"
                | "x-scheme"
                | "x-url-scheme"
        )
}

/// The name with `-` for each `_`. Borrowed where there is none.
fn canonical(name: &str) -> Cow<'_, str> {
    match name.contains('_') {
        true => Cow::Owned(name.replace('_', "-")),
        false => Cow::Borrowed(name),
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn claims_are_removed_from_strangers_however_they_are_written() {
        for name in [
            "forwarded",
            "forwarded-for",
            "x-forwarded-for",
            "x_forwarded_for",
            "x-forwarded_for",
            "x_real_ip",
            "remote_user",
            "ssl_client_s_dn",
            "proxy",
            "fastly-client-ip",
            "x-host",
        ] {
            assert!(is_removed(name, false), "{name}");
        }
        for name in [
            "x-forward",
            "x-hosts",
            "user_agent",
            "x_custom",
            "hostname",
            "accept",
        ] {
            assert!(!is_removed(name, false), "{name}");
        }
    }

    #[test]
    fn trusted_proxies_claim_by_the_right_names_only() {
        assert!(!is_removed("x-forwarded-for", true));
        assert!(!is_removed("remote-user", true));
        for name in [
            "x_forwarded_for",
            "content_length",
            "transfer_encoding",
            "host_",
            "proxy",
        ] {
            assert_eq!(is_removed(name, true), name != "host_", "{name}");
        }
        for name in ["te", "upgrade", "proxy-authorization"] {
            assert!(is_removed(name, true), "{name}");
        }
        // These are looked at elsewhere.
        for name in ["connection", "content-length", "host"] {
            assert!(!is_removed(name, false), "{name}");
        }
    }

    #[test]
    fn trailers_say_nothing_that_belongs_into_a_head() {
        let mut trailers = HeaderMap::new();
        for name in [
            "x-forwarded-for",
            "x_forwarded_for",
            "content-length",
            "connection",
            "transfer-encoding",
            "set-cookie",
            "authorization",
            "if-match",
            "host",
            "x-checksum",
            "grpc-status",
            "server-timing",
        ] {
            trailers.append(name, HeaderValue::from_static("1"));
        }
        clean_trailers(&mut trailers);
        let mut left: Vec<_> = trailers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["grpc-status", "server-timing", "x-checksum"]);
    }
}
