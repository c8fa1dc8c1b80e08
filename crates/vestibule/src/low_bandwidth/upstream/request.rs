//! A request as it is sent: by HTTP/1.1 as bytes, by HTTP/2 as hyper has it.

use std::net::IpAddr;

use http_body_util::Full;
use hyper::{
    Method, Request, Uri,
    body::Bytes,
    header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT},
    http::uri::{Parts, PathAndQuery, Scheme},
};
use vestibule_lowband::mapping::{server::HttpRequest, token::Token};
use zeroize::Zeroizing;

use super::failure::Failure;

/// Who we say that we are.
const US: &str = concat!("vestibule/", env!("CARGO_PKG_VERSION"));

const JSON: &str = "application/json";

/// Room for all fields of a head but the request line, Host and Authorization.
const FIELDS: usize = 256;

/// A request, and what the homeserver is told of the client.
pub(super) struct Outgoing<'a> {
    request: &'a HttpRequest,
    target: PathAndQuery,
    authority: &'a str,
    client: Option<IpAddr>,
}

impl<'a> Outgoing<'a> {
    /// `request` for the homeserver that `authority` names; `client` is whom X-Forwarded-For names,
    /// if anybody.
    ///
    /// # Errors
    ///
    /// When its path is none that HTTP can carry.
    pub(super) fn new(
        request: &'a HttpRequest,
        authority: &'a str,
        client: Option<IpAddr>,
    ) -> Result<Self, Failure> {
        let target = request.path_and_query();
        let is_plain = target.starts_with('/') && target.bytes().all(|b| b.is_ascii_graphic());
        // What follows a number sign would be lost without a word.
        if !is_plain || target.contains('#') {
            return Err(Failure::Request);
        }
        Ok(Self {
            request,
            target: PathAndQuery::try_from(target).map_err(|_| Failure::Request)?,
            authority,
            client: client.map(|client| client.to_canonical()),
        })
    }

    /// Whether it does the same when it is done twice (RFC 9110 section 9.2.2).
    pub(super) fn is_idempotent(&self) -> bool {
        self.request.method.is_idempotent()
    }

    /// The bytes of HTTP/1.1. They have the access token, and are overwritten when they go.
    pub(super) fn to_http1(&self) -> Zeroizing<Vec<u8>> {
        let token = self.request.token.as_ref().map(Token::as_str);
        let target = self.target.as_str();
        // Bytes that are moved when the room is too small would stay where they were.
        let room = FIELDS
            + target.len()
            + self.authority.len()
            + token.map_or(0, str::len)
            + self.request.body.len();
        let mut bytes = Zeroizing::new(Vec::with_capacity(room));
        let mut line = |parts: &[&str]| {
            for part in parts {
                bytes.extend_from_slice(part.as_bytes());
            }
            bytes.extend_from_slice(b"\r\n");
        };
        line(&[self.request.method.as_str(), " ", target, " HTTP/1.1"]);
        line(&["host: ", self.authority]);
        line(&["accept: application/json"]);
        line(&["accept-encoding: identity"]);
        line(&["user-agent: ", US]);
        if let Some(token) = token {
            line(&["authorization: Bearer ", token]);
        }
        if self.has_content() {
            line(&["content-type: application/json"]);
            line(&["content-length: ", &self.request.body.len().to_string()]);
        }
        if let Some(client) = self.client {
            line(&["x-forwarded-for: ", &client.to_string()]);
            line(&["x-forwarded-proto: https"]);
        }
        line(&[]);
        bytes.extend_from_slice(&self.request.body);
        bytes
    }

    /// The same for HTTP/2. What has secrets is marked, so that nobody shows it, or puts it into a
    /// table.
    ///
    /// # Errors
    ///
    /// When one of its fields is none.
    pub(super) fn to_http2(&self) -> Result<Request<Full<Bytes>>, Failure> {
        let mut uri = Parts::default();
        uri.scheme = Some(Scheme::HTTPS);
        uri.authority = Some(self.authority.parse().map_err(|_| Failure::Request)?);
        uri.path_and_query = Some(self.target.clone());
        let mut request = Request::builder()
            .method(self.request.method.clone())
            .uri(Uri::from_parts(uri).map_err(|_| Failure::Request)?)
            .header(ACCEPT, JSON)
            .header(ACCEPT_ENCODING, "identity")
            .header(USER_AGENT, US);
        if let Some(token) = &self.request.token {
            let bearer = Zeroizing::new(format!("Bearer {}", token.as_str()));
            let bearer = HeaderValue::from_str(&bearer);
            let mut bearer = bearer.map_err(|_| Failure::Request)?;
            bearer.set_sensitive(true);
            request = request.header(AUTHORIZATION, bearer);
        }
        if self.has_content() {
            request = request.header(CONTENT_TYPE, JSON);
        }
        if let Some(client) = self.client {
            request = request
                .header("x-forwarded-for", client.to_string())
                .header("x-forwarded-proto", "https");
        }
        let body = Bytes::copy_from_slice(&self.request.body);
        request.body(Full::new(body)).map_err(|_| Failure::Request)
    }

    /// Whether it has a body, though it may be empty.
    fn has_content(&self) -> bool {
        let method = &self.request.method;
        !self.request.body.is_empty() || *method == Method::POST || *method == Method::PUT
    }
}
