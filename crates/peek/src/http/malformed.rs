//! Why a request head is refused.

use crate::reason::reasons;

reasons! {
    /// The rule that a request head breaks; its connection should be answered with status 400.
    ///
    /// `Display` says what is wrong. The reason does not depend on how the bytes were cut into
    /// segments.
    Malformed;

    /// The name of a header field is not a token, or no colon follows it (RFC 9112 section 5).
    HeaderName = "header_name",
        "the name of a header field is wrong";
    /// The value of a header field has a control character (RFC 9110 section 5.5).
    HeaderValue = "header_value",
        "the value of a header field has a control character";
    /// The host is neither a host name nor an address (RFC 9112 section 3.2); see
    /// [`HostName`](crate::HostName).
    Host = "host",
        "the host of the request is not a host name";
    /// More than one header field Host (RFC 9112 section 3.2).
    HostRepeated = "host_repeated",
        "there is more than one header field Host";
    /// A CR that no LF follows (RFC 9112 section 2.2).
    LineEnding = "line_ending",
        "a line does not end with CR LF";
    /// The head is longer than [`MAX_HEAD_LEN`](super::MAX_HEAD_LEN).
    TooLarge = "too_large",
        "the head of the request is longer than 16,384 bytes";
    /// There are more header fields than [`MAX_HEADERS`](super::MAX_HEADERS).
    TooManyHeaders = "too_many_headers",
        "the request has more than 64 header fields";
}
