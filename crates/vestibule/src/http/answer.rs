//! What a client is told by us, not by a server: a status, why (RFC 9209), and a sentence for people.

use std::io;

use hyper::{
    Method, Response, StatusCode,
    body::Bytes,
    header::{
        ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName,
        HeaderValue,
    },
};

use super::head::Invalid;
use crate::{
    ending::Ending,
    low_bandwidth::tcp::{Errcode, Refusal, Unrevised},
};

/// An answer of ours, and the reason for it in records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The body of the request breaks a rule, or breaks off.
    BadBody,
    /// The response of the server broke off, or breaks a rule.
    BadResponse,
    /// Nobody listens there.
    ConnectionRefused,
    /// It cannot be reached.
    ConnectionFailed,
    /// It was not reached in time.
    ConnectionTimeout,
    /// The request is refused.
    Invalid(Invalid),
    /// The body of the request has stopped coming.
    LateBody,
    /// The connection leads to another service than this request.
    Misdirected,
    /// A proxy leads to itself, or to where nobody may go.
    Prohibited,
    /// No response came in time.
    ResponseTimeout,
    /// The homeserver may not be asked for this.
    Refused(Refusal),
    /// The operator ends the connection.
    Stopped,
    /// It needs one more connection to a server, and there are as many as there may be.
    TooMany,
    /// What the homeserver says can neither be revised nor passed on.
    Unrevised(Unrevised),
}

impl Answer {
    /// What is said of a request for which no connection was made.
    pub(super) fn to(ending: &Ending) -> Self {
        match ending {
            Ending::ConnectFailed(error) => match error.kind() {
                io::ErrorKind::ConnectionRefused => Self::ConnectionRefused,
                io::ErrorKind::TimedOut => Self::ConnectionTimeout,
                _ => Self::ConnectionFailed,
            },
            Ending::Stopped(_) => Self::Stopped,
            Ending::ForbiddenAddress(_) | Ending::Loop(_) | Ending::Refused(_) => Self::Prohibited,
            _ => Self::ConnectionFailed,
        }
    }

    /// Its name in access records.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::BadBody => "http_request_invalid",
            Self::BadResponse | Self::Unrevised(_) => "http_response_invalid",
            Self::ConnectionFailed | Self::ConnectionRefused | Self::ConnectionTimeout => {
                "connect_failed"
            }
            Self::Invalid(Invalid::Method) => "method_not_allowed",
            Self::Invalid(_) => "http_request_invalid",
            Self::LateBody => "http_request_timeout",
            Self::Misdirected => "http_request_misdirected",
            Self::Prohibited => "forbidden_destination",
            Self::Refused(_) => "path_refused",
            Self::ResponseTimeout => "http_response_timeout",
            Self::Stopped => "stopped",
            Self::TooMany => "connection_limit",
        }
    }

    /// Its status.
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::BadBody => StatusCode::BAD_REQUEST,
            Self::BadResponse
            | Self::ConnectionFailed
            | Self::ConnectionRefused
            | Self::Prohibited
            | Self::Unrevised(_) => StatusCode::BAD_GATEWAY,
            Self::ConnectionTimeout | Self::ResponseTimeout => StatusCode::GATEWAY_TIMEOUT,
            Self::Invalid(Invalid::Expectation) => StatusCode::EXPECTATION_FAILED,
            Self::Invalid(Invalid::Method) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::LateBody => StatusCode::REQUEST_TIMEOUT,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::Refused(refusal) => refusal.status(),
            Self::Stopped | Self::TooMany => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The response to a request with `method`, and its body, which is empty where there may be none.
    /// `is_matrix`: the client speaks Matrix, and wants JSON.
    pub(super) fn response(self, method: &Method, is_matrix: bool) -> (Response<()>, Bytes) {
        let text = match is_matrix {
            true => Bytes::from(self.json()),
            false => Bytes::from_static(self.sentence().as_bytes()),
        };
        let mut response = Response::new(());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(PROXY_STATUS, HeaderValue::from_static(self.proxy_status()));
        headers.insert(CONTENT_TYPE, if is_matrix { JSON } else { TEXT });
        headers.insert(CONTENT_LENGTH, text.len().into());
        if is_matrix {
            // Clients in browsers would not be shown the error.
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        }
        if self == Self::Invalid(Invalid::Method) {
            headers.insert(ALLOW, METHODS);
        }
        if let Self::BadBody | Self::Invalid(_) | Self::LateBody | Self::Stopped = self {
            // Who breaks the rules may think of the rest of what it has sent otherwise than we do.
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let body = match *method {
            Method::HEAD => Bytes::new(),
            _ => text,
        };
        (response, body)
    }

    /// What Matrix has for errors.
    fn json(self) -> String {
        let errcode = match self {
            Self::Invalid(Invalid::Method) => Errcode::Unrecognized,
            Self::Refused(refusal) => refusal.errcode(),
            _ => Errcode::Unknown,
        };
        let error = self.sentence().trim_end();
        serde_json::json!({ "errcode": errcode.name(), "error": error }).to_string()
    }

    fn proxy_status(self) -> &'static str {
        match self {
            Self::BadBody => "vestibule; error=http_request_error",
            Self::BadResponse => "vestibule; error=http_protocol_error",
            Self::ConnectionFailed => "vestibule; error=destination_unavailable",
            Self::ConnectionRefused => "vestibule; error=connection_refused",
            Self::ConnectionTimeout => "vestibule; error=connection_timeout",
            Self::Invalid(Invalid::Method) | Self::Misdirected | Self::Refused(_) => {
                "vestibule; error=http_request_denied"
            }
            Self::Invalid(_) | Self::LateBody => "vestibule; error=http_request_error",
            Self::Prohibited => "vestibule; error=destination_ip_prohibited",
            Self::ResponseTimeout => "vestibule; error=http_response_timeout",
            Self::Stopped => "vestibule; error=proxy_internal_response",
            Self::TooMany => "vestibule; error=connection_limit_reached",
            Self::Unrevised(Unrevised::Encoded) => "vestibule; error=http_response_content_coding",
            Self::Unrevised(Unrevised::TooLarge) => "vestibule; error=http_response_body_size",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::BadBody => "The body of the request is not as HTTP wants it.\n",
            Self::BadResponse => "The server has not answered as HTTP wants it.\n",
            Self::ConnectionFailed => "The server cannot be reached.\n",
            Self::ConnectionRefused => "The server is not running.\n",
            Self::ConnectionTimeout => "The server cannot be reached in time.\n",
            Self::Invalid(Invalid::Expectation) => "Only 100-continue can be expected here.\n",
            Self::Invalid(Invalid::Host) => {
                "The request needs one valid host: Host, or :authority in HTTP/2.\n"
            }
            Self::Invalid(Invalid::Length) => {
                "The request has more than one length: write either Content-Length or chunks.\n"
            }
            Self::Invalid(Invalid::Method) => "CONNECT and TRACE are not possible here.\n",
            Self::Invalid(Invalid::Target) => "The target of the request is not a path.\n",
            Self::Invalid(Invalid::TransferEncoding) => {
                "Only chunked is understood as Transfer-Encoding.\n"
            }
            Self::LateBody => "The body of the request has not come in time.\n",
            Self::Misdirected => {
                "This host is not served on this connection: open another one for it.\n"
            }
            Self::Prohibited => "The way to the server is not allowed.\n",
            Self::Refused(refusal) => refusal.sentence(),
            Self::ResponseTimeout => "The server has not answered in time.\n",
            Self::Stopped => "This connection ends now: try again on another one.\n",
            Self::TooMany => "There are too many connections: try again later.\n",
            Self::Unrevised(Unrevised::Encoded) => {
                "The homeserver has compressed an answer that must be read here.\n"
            }
            Self::Unrevised(Unrevised::TooLarge) => {
                "The homeserver has given too long an answer that must be read here.\n"
            }
        }
    }
}

/// RFC 9209.
const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");

const JSON: HeaderValue = HeaderValue::from_static("application/json");

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// The methods of RFC 9110 that go on. Others do too.
const METHODS: HeaderValue =
    HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
