//! Clients of the gateway, by others' hands and by ours, as one thing.

mod aiocoap;
mod libcoap;
mod tool;

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use vestibule_lowband::keys::Keys;
use vestibule_lowband::transcode::{self, Limits, Reason};

pub(crate) use self::aiocoap::Aiocoap;
pub(crate) use self::libcoap::Libcoap;
pub(crate) use self::tool::Tool;

/// How long one exchange may take, over the worst of the paths here.
pub(crate) const EXCHANGE: Duration = Duration::from_secs(120);

/// A client of a gateway.
pub(crate) trait Peer: Sync {
    /// Sends a request and waits for the answer.
    fn ask(&self, ask: &Ask<'_>) -> Got;

    /// Observes.
    fn observe(&self, token: &str, target: &str) -> Box<dyn Watch>;
}

/// An observation.
pub(crate) trait Watch {
    /// The answers so far.
    fn states(&self) -> Vec<Value>;
}

/// A request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) method: &'a str,
    /// The path, perhaps with a query, percent-encoded.
    pub(crate) target: &'a str,
    pub(crate) token: Option<&'a str>,
    pub(crate) body: Option<&'a Value>,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    /// As in 2.05.
    pub(crate) code: String,
    /// Null where it is an error and the client shows those only with dots for what is binary.
    pub(crate) body: Value,
    /// As the client shows it.
    pub(crate) shown: String,
    /// Max-Age, where the client shows it.
    pub(crate) max_age: Option<u32>,
}

/// How bodies are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Cbor,
    Json,
}

impl Ask<'_> {
    /// A read.
    pub(crate) fn get<'a>(token: &'a str, target: &'a str) -> Ask<'a> {
        Ask {
            method: "GET",
            target,
            token: Some(token),
            body: None,
        }
    }
}

impl Got {
    /// The body of a success.
    #[track_caller]
    pub(crate) fn good(self) -> Value {
        assert_eq!(self.code, "2.05", "{}", self.shown);
        self.body
    }

    /// It must be this error, with this `errcode` in its body.
    #[track_caller]
    pub(crate) fn expect_error(&self, code: &str, errcode: &str) {
        assert_eq!(self.code, code, "{}", self.shown);
        assert!(self.shown.contains(errcode), "{errcode}: {}", self.shown);
        if !self.body.is_null() {
            assert_eq!(self.body["errcode"], errcode);
            assert!(self.body["error"].is_string(), "{}", self.body);
        }
    }
}

impl Format {
    /// Its number in CoAP.
    fn number(self) -> u16 {
        match self {
            Self::Cbor => 60,
            Self::Json => 50,
        }
    }

    fn write(self, body: &Value) -> Vec<u8> {
        let json = body.to_string().into_bytes();
        match self {
            Self::Json => json,
            Self::Cbor => {
                let mut cbor = Vec::new();
                let limits = Limits::REQUEST;
                transcode::json_to_cbor(&json, Keys::V1, &limits, &mut cbor).expect("CBOR");
                cbor
            }
        }
    }

    /// The one document that this is.
    #[track_caller]
    fn read(self, body: &[u8]) -> Value {
        let mut documents = self.read_all(body);
        assert_eq!(documents.len(), 1, "{documents:?}");
        documents.remove(0)
    }

    /// The documents that this is, each with a line feed behind it or not. The last one may not be whole.
    fn read_all(self, mut bodies: &[u8]) -> Vec<Value> {
        let mut documents = Vec::new();
        while !bodies.is_empty() {
            let length = match self {
                Self::Json => bodies.iter().position(|byte| *byte == b'\n'),
                Self::Cbor => cbor_length(bodies),
            };
            let (body, rest) = bodies.split_at(length.unwrap_or(bodies.len()));
            let Some(document) = self.parse(body) else {
                break;
            };
            documents.push(document);
            bodies = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        documents
    }

    fn parse(self, body: &[u8]) -> Option<Value> {
        match self {
            Self::Json => serde_json::from_slice(body).ok(),
            Self::Cbor => {
                let mut json = Vec::new();
                let limits = Limits::RESPONSE;
                transcode::cbor_to_json(body, Keys::V1, &limits, &mut json).ok()?;
                serde_json::from_slice(&json).ok()
            }
        }
    }
}

/// Where the first of these data items ends, if something follows it.
fn cbor_length(items: &[u8]) -> Option<usize> {
    let mut json = Vec::new();
    let read = transcode::cbor_to_json(items, Keys::V1, &Limits::RESPONSE, &mut json);
    match read {
        Err(error) if error.reason == Reason::TrailingBytes => Some(error.offset),
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(digits: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("digits");
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// A part of a target without its percent-encoding.
fn decoded(part: &str) -> String {
    let mut pieces = part.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at(2);
        bytes.extend(from_hex(digits));
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8(bytes).expect("UTF-8")
}

/// The URL of a target at this place.
fn url(scheme: &str, server: SocketAddr, target: &str) -> String {
    format!("{scheme}://{server}{target}")
}
