//! A request of HTTP, and the body that becomes one of its.

use http::Method;
use vestibule_coap::{Code, ContentFormat};

use super::refusal::Refusal;
use super::session::Session;
use super::{CborKeys, Request, Settings};
use crate::keys::Keys;
use crate::mapping::endpoint::Kind;
use crate::mapping::format::{self, Format};
use crate::mapping::query::Query;
use crate::mapping::token::Token;
use crate::sync::Poll;
use crate::transcode::{Limits, cbor_to_json};

/// A request for the homeserver, and how its answer goes back.
#[derive(Clone)]
pub struct HttpRequest {
    /// GET, POST, PUT or DELETE.
    pub method: Method,
    /// The path, escaped.
    pub path: String,
    /// The query.
    pub query: Query,
    /// The token for the header Authorization, behind `Bearer `.
    pub token: Option<Token>,
    /// The body, `application/json`; empty if there is none.
    pub body: Vec<u8>,
    /// What it is for.
    pub kind: Kind,
    /// The format of the answer.
    pub format: Format,
}

impl HttpRequest {
    /// The request for this poll of the observation that this request for a sync has registered.
    pub fn for_poll(&self, poll: &Poll) -> Self {
        Self {
            method: Method::GET,
            path: self.path.clone(),
            query: Query::from_items(poll.query.clone()),
            token: self.token.clone(),
            body: Vec::new(),
            kind: Kind::Sync {
                timeout: poll.timeout,
            },
            format: self.format,
        }
    }

    /// The target of the request line.
    pub fn path_and_query(&self) -> String {
        match self.query.is_empty() {
            true => self.path.clone(),
            false => format!("{}?{}", self.path, self.query.to_http()),
        }
    }
}

impl std::fmt::Debug for HttpRequest {
    /// Without the query and the body, which have secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("kind", &self.kind)
            .field("format", &self.format)
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// The format of the answer: what the client accepts, else the one that it writes itself.
pub(super) fn format(
    session: &Session,
    settings: &Settings,
    accept: Option<u64>,
    content_format: Option<u64>,
    request: &Request<'_>,
) -> Result<Format, Refusal> {
    let cbor = Format::Cbor(session.keys(settings.cbor_keys));
    match accept {
        Some(JSON) => Ok(Format::Json),
        Some(CBOR) => Ok(cbor),
        Some(_) => Err(Refusal::Accept),
        None if is_json(content_format, request.payload) => Ok(Format::Json),
        None => Ok(cbor),
    }
}

/// The body as JSON.
pub(super) fn body(
    session: &mut Session,
    settings: &Settings,
    content_format: Option<u64>,
    request: &Request<'_>,
) -> Result<Vec<u8>, Refusal> {
    let payload = request.payload;
    // Some clients name a format for no body at all, and to GET none means anything.
    if payload.is_empty() || request.code == Code::GET {
        return Ok(Vec::new());
    }
    if is_json(content_format, payload) {
        return Ok(payload.to_vec());
    }
    if !matches!(content_format, None | Some(CBOR)) {
        return Err(Refusal::ContentFormat);
    }
    let read = |keys| {
        let mut json = Vec::new();
        cbor_to_json(payload, keys, &Limits::REQUEST, &mut json).map_err(Refusal::Body)?;
        Ok(json)
    };
    let json = read(Keys::V1)?;
    if settings.cbor_keys == CborKeys::Negotiated && session.is_undecided() {
        // If the table makes a difference, the client has used it.
        if read(Keys::None)? != json {
            session.note_integers();
        }
    }
    Ok(json)
}

const CBOR: u64 = ContentFormat::CBOR.0 as u64;
const JSON: u64 = ContentFormat::JSON.0 as u64;

/// Whether there is a body, and it is JSON: by what it says of itself, or else by how it looks.
fn is_json(content_format: Option<u64>, payload: &[u8]) -> bool {
    match content_format {
        Some(JSON) => !payload.is_empty(),
        Some(_) => false,
        None => format::is_json(payload),
    }
}
