//! What a client is told that gets no tunnel: a status, why (RFC 9209), and a sentence for people.

use std::{fmt::Write as _, io, time::Duration};

use crate::ending::{Ending, Refusal};

/// An answer that ends the connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    status: Status,
    /// An error type of the registry for Proxy-Status.
    error: &'static str,
    /// Says what is wrong, and what would be right.
    sentence: &'static str,
    /// A further field.
    field: Option<(&'static str, String)>,
    /// The sentence is not sent, only its length (RFC 9110 section 9.3.2).
    head_only: bool,
}

/// A status code and its reason phrase (RFC 9110 section 15).
type Status = (u16, &'static str);

const BAD_REQUEST: Status = (400, "Bad Request");
const FORBIDDEN: Status = (403, "Forbidden");
const METHOD_NOT_ALLOWED: Status = (405, "Method Not Allowed");
const PROXY_AUTHENTICATION_REQUIRED: Status = (407, "Proxy Authentication Required");
const REQUEST_TIMEOUT: Status = (408, "Request Timeout");
const TOO_MANY_REQUESTS: Status = (429, "Too Many Requests");
const FIELDS_TOO_LARGE: Status = (431, "Request Header Fields Too Large");
const BAD_GATEWAY: Status = (502, "Bad Gateway");
const SERVICE_UNAVAILABLE: Status = (503, "Service Unavailable");
const GATEWAY_TIMEOUT: Status = (504, "Gateway Timeout");

impl Answer {
    /// What the client is told of a connection that ends like this; `None`: nothing.
    pub(super) fn to(ending: &Ending) -> Option<Self> {
        let answer = |status, error, sentence| {
            Some(Self {
                status,
                error,
                sentence,
                field: None,
                head_only: false,
            })
        };
        match ending {
            Ending::ConnectFailed(error) => Some(Self::unreachable(error)),
            Ending::ForbiddenAddress(_) => answer(
                FORBIDDEN,
                "destination_ip_prohibited",
                "The address of this destination is not allowed here.",
            ),
            Ending::Loop(_) => answer(
                FORBIDDEN,
                "proxy_loop_detected",
                "This destination is the proxy itself.",
            ),
            Ending::Refused(Refusal::ForbiddenDestination) => answer(
                FORBIDDEN,
                "http_request_denied",
                "This destination is not allowed here.",
            ),
            Ending::MalformedRequest(_) => answer(
                BAD_REQUEST,
                "http_request_error",
                "This is not a request for a tunnel: write CONNECT host:port HTTP/1.1 and Host.",
            ),
            Ending::Refused(Refusal::HttpRequestTimeout) => answer(
                REQUEST_TIMEOUT,
                "http_request_error",
                "The request did not come in time.",
            ),
            Ending::Refused(Refusal::HttpRequestTooLarge) => answer(
                FIELDS_TOO_LARGE,
                "http_request_error",
                "The head of the request is longer than 16 KiB, or has more than 64 fields.",
            ),
            Ending::Refused(Refusal::MethodNotAllowed) => Some(Self {
                status: METHOD_NOT_ALLOWED,
                error: "http_request_denied",
                sentence: "Only CONNECT is possible here: this proxy opens tunnels, it does not \
                           fetch pages.",
                field: Some(("Allow", "CONNECT".to_owned())),
                head_only: false,
            }),
            Ending::Refused(Refusal::ProxyAuthBusy) => Some(Self {
                status: SERVICE_UNAVAILABLE,
                error: "proxy_internal_response",
                sentence: "Too many passwords are being checked: try again.",
                field: Some(("Retry-After", "1".to_owned())),
                head_only: false,
            }),
            _ => None,
        }
    }

    /// The client has not said who it is, or not rightly.
    pub(super) fn unauthenticated(realm: &str) -> Self {
        Self {
            status: PROXY_AUTHENTICATION_REQUIRED,
            error: "http_request_denied",
            sentence: "This proxy wants to know a user name and a password.",
            field: Some((
                "Proxy-Authenticate",
                format!("Basic realm=\"{}\", charset=\"UTF-8\"", Quoted(realm)),
            )),
            head_only: false,
        }
    }

    /// The answer to a request HEAD.
    pub(super) fn head_only(self) -> Self {
        Self {
            head_only: true,
            ..self
        }
    }

    /// The client has failed to log in too often.
    pub(super) fn limited(retry_after: Duration) -> Self {
        let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
        Self {
            status: TOO_MANY_REQUESTS,
            error: "http_request_denied",
            sentence: "Too many wrong passwords have come from this address: wait.",
            field: Some(("Retry-After", seconds.max(1).to_string())),
            head_only: false,
        }
    }

    /// The status code.
    pub(super) fn status(&self) -> u16 {
        self.status.0
    }

    /// Appends the whole response.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let (code, reason) = self.status;
        let mut head = String::with_capacity(512);
        // Writing to memory cannot fail.
        let _ = write!(head, "HTTP/1.1 {code} {reason}\r\n");
        if let Some((name, value)) = &self.field {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let _ = write!(
            head,
            "Proxy-Status: vestibule; error={}; details=\"{}\"\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\
             Content-Length: {}\r\n\
             Connection: close\r\n\r\n",
            self.error,
            self.sentence,
            self.sentence.len() + 1,
        );
        out.extend_from_slice(head.as_bytes());
        if !self.head_only {
            out.extend_from_slice(self.sentence.as_bytes());
            out.push(b'\n');
        }
    }

    /// The destination cannot be reached. The words of `error` are for the log: they may name what
    /// is behind this proxy.
    fn unreachable(error: &io::Error) -> Self {
        let (status, kind, sentence) = match error.kind() {
            io::ErrorKind::ConnectionRefused => (
                BAD_GATEWAY,
                "connection_refused",
                "Nobody listens at this destination.",
            ),
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => (
                BAD_GATEWAY,
                "destination_ip_unroutable",
                "There is no way to this destination.",
            ),
            io::ErrorKind::NotFound => (
                BAD_GATEWAY,
                "dns_error",
                "The name of this destination does not resolve.",
            ),
            io::ErrorKind::TimedOut => (
                GATEWAY_TIMEOUT,
                "connection_timeout",
                "The destination did not answer in time.",
            ),
            _ => (
                BAD_GATEWAY,
                "destination_unavailable",
                "The destination cannot be reached.",
            ),
        };
        Self {
            status,
            error: kind,
            sentence,
            field: None,
            head_only: false,
        }
    }
}

/// The inside of a quoted string (RFC 9110 section 5.6.4).
struct Quoted<'a>(&'a str);

impl std::fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                c if c.is_control() => f.write_char(' ')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(answer: &Answer) -> String {
        let mut out = Vec::new();
        answer.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_answer_is_a_whole_response() {
        let refused = Ending::Refused(Refusal::MethodNotAllowed);
        let text = written(&Answer::to(&refused).unwrap());
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 405 Method Not Allowed\r\nAllow: CONNECT\r\n"));
        assert!(head.contains("\r\nProxy-Status: vestibule; error=http_request_denied; details="));
        assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())));
        assert!(head.ends_with("\r\nConnection: close"));
        assert!(body.ends_with(".\n"));
    }

    #[test]
    fn an_answer_to_head_has_no_body() {
        let refused = Ending::Refused(Refusal::MethodNotAllowed);
        let (whole, head) = (Answer::to(&refused), Answer::to(&refused));
        let (whole, head) = (
            written(&whole.unwrap()),
            written(&head.unwrap().head_only()),
        );
        assert!(
            head.ends_with("\r\n\r\n") && whole.starts_with(&head),
            "{head}"
        );
    }

    #[test]
    fn failures_to_connect_are_told_apart() {
        let status = |kind: io::ErrorKind| {
            let answer = Answer::to(&Ending::ConnectFailed(kind.into())).unwrap();
            (answer.status(), answer.error)
        };
        assert_eq!(status(io::ErrorKind::TimedOut), (504, "connection_timeout"));
        assert_eq!(status(io::ErrorKind::NotFound), (502, "dns_error"));
        assert_eq!(
            status(io::ErrorKind::ConnectionRefused),
            (502, "connection_refused")
        );
        assert_eq!(
            status(io::ErrorKind::PermissionDenied),
            (502, "destination_unavailable")
        );
    }

    #[test]
    fn what_is_behind_the_proxy_is_not_told() {
        let error = io::Error::other("proxy http://10.0.0.1:3128 answered 403 Forbidden");
        let text = written(&Answer::to(&Ending::ConnectFailed(error)).unwrap());
        assert!(!text.contains("10.0.0.1"), "{text}");
        let address = "10.1.2.3:443".parse().unwrap();
        let text = written(&Answer::to(&Ending::ForbiddenAddress(address)).unwrap());
        assert!(!text.contains("10.1.2.3"), "{text}");
    }

    #[test]
    fn the_realm_is_quoted() {
        let text = written(&Answer::unauthenticated("a \"b\" \\ c\r\nX: y"));
        assert!(
            text.contains(
                "\r\nProxy-Authenticate: Basic realm=\"a \\\"b\\\" \\\\ c  X: y\", charset=\"UTF-8\"\r\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn who_failed_too_often_waits_whole_seconds() {
        let seconds = |millis| {
            Answer::limited(Duration::from_millis(millis))
                .field
                .unwrap()
                .1
        };
        assert_eq!(seconds(0), "1");
        assert_eq!(seconds(5_001), "6");
        assert_eq!(seconds(6_000), "6");
    }
}
