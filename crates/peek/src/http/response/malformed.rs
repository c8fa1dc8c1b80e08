//! Why an answer is refused.

use crate::reason::reasons;

reasons! {
    /// The rule that the answer of a proxy breaks; nothing can be made of its connection.
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
    /// More interim answers than [`MAX_INTERIM`](super::MAX_INTERIM).
    Interim = "interim",
        "more than 8 interim answers come before the final one";
    /// A CR that no LF follows (RFC 9112 section 2.2).
    LineEnding = "line_ending",
        "a line does not end with CR LF";
    /// The first line does not begin with `HTTP/1.0` or `HTTP/1.1` (RFC 9112 section 4).
    NotHttp = "not_http",
        "the answer does not begin as one of HTTP/1.0 or HTTP/1.1";
    /// The status is not three digits from 100, or its reason phrase has a control character (RFC
    /// 9112 section 4).
    Status = "status",
        "the status line is wrong";
    /// The heads are longer than [`MAX_HEAD_LEN`](super::MAX_HEAD_LEN) in sum.
    TooLarge = "too_large",
        "the head of the answer is longer than 16,384 bytes";
    /// There are more header fields than [`MAX_HEADERS`](super::MAX_HEADERS) in one head.
    TooManyHeaders = "too_many_headers",
        "the answer has more than 64 header fields";
}
