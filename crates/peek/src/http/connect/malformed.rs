//! Why a request for a tunnel is refused.

use crate::http;
use crate::reason::reasons;

reasons! {
    /// The rule that a request for a tunnel breaks; its connection should be answered with status
    /// 400, or 431 for [`TooLarge`](Self::TooLarge) and [`TooManyHeaders`](Self::TooManyHeaders).
    ///
    /// `Display` says what is wrong. The reason does not depend on how the bytes were cut into
    /// segments.
    Malformed;

    /// A body is announced, which CONNECT does not have (RFC 9110 section 9.3.6).
    Body = "body",
        "the request announces a body, which CONNECT does not have";
    /// More than one header field Proxy-Authorization (RFC 9110 section 11.7.2).
    CredentialsRepeated = "credentials_repeated",
        "there is more than one header field Proxy-Authorization";
    /// The name of a header field is not a token, or no colon follows it (RFC 9112 section 5).
    HeaderName = "header_name",
        "the name of a header field is wrong";
    /// The value of a header field has a control character (RFC 9110 section 5.5).
    HeaderValue = "header_value",
        "the value of a header field has a control character";
    /// The header field Host is neither empty nor a host name or address (RFC 9112 section 3.2).
    Host = "host",
        "the header field Host is not a host name";
    /// More than one header field Host (RFC 9112 section 3.2).
    HostRepeated = "host_repeated",
        "there is more than one header field Host";
    /// A CR that no LF follows (RFC 9112 section 2.2).
    LineEnding = "line_ending",
        "a line does not end with CR LF";
    /// The host of the target is neither a host name nor an address, or an IPv6 address without
    /// brackets (RFC 9112 section 3.2.3); see [`HostName`](crate::HostName).
    TargetHost = "target_host",
        "the host of the target is neither a host name nor an address";
    /// The target does not end with a port from 1 to 65535 (RFC 9112 section 3.2.3).
    TargetPort = "target_port",
        "the target does not end with a colon and a port from 1 to 65535";
    /// The head is longer than [`MAX_HEAD_LEN`](http::MAX_HEAD_LEN).
    TooLarge = "too_large",
        "the head of the request is longer than 16,384 bytes";
    /// There are more header fields than [`MAX_HEADERS`](http::MAX_HEADERS).
    TooManyHeaders = "too_many_headers",
        "the request has more than 64 header fields";
}

/// The rules of all requests are rules here too.
impl From<http::Malformed> for Malformed {
    fn from(reason: http::Malformed) -> Self {
        match reason {
            http::Malformed::HeaderName => Self::HeaderName,
            http::Malformed::HeaderValue => Self::HeaderValue,
            http::Malformed::Host => Self::Host,
            http::Malformed::HostRepeated => Self::HostRepeated,
            http::Malformed::LineEnding => Self::LineEnding,
            http::Malformed::TooLarge => Self::TooLarge,
            http::Malformed::TooManyHeaders => Self::TooManyHeaders,
        }
    }
}
