//! The companion's side: a request of HTTP becomes one of CoAP ([`open`]), and the gateway's response
//! to it an answer of HTTP ([`close`]).

mod answer;
mod session;

use std::borrow::Cow;
use std::time::Instant;

use bytes::Bytes;
use http::Method;
use vestibule_coap::endpoint::Config;
use vestibule_coap::{BlockSize, Code, ContentFormat, OptionList, OptionNumber, OptionTooLong};

pub use answer::{Answer, Outcome, close};
pub use session::Session;

use super::discovery::{Extensions, LowBandwidth};
use super::endpoint::{self, Kind, Need, need};
use super::format::MAX_REQUEST_LEN;
use super::paths::{self, PathError};
use super::policy::{Denied, Policy};
use super::query::{Query, QueryError};
use super::token::{Token, TokenError};
use super::{ACCESS_TOKEN, KEYS_VERSION, TABLE_VERSION, method};
use crate::keys::Keys;
use crate::transcode::{self, Limits, json_to_cbor};

/// How one companion speaks to its gateway.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What goes over CoAP.
    pub policy: Policy,
    /// The integers that the gateway understands for keys.
    pub keys: Keys,
    /// Whether the gateway understands the table of paths.
    pub has_path_table: bool,
    /// Whether the gateway finds a body by the token of its first block, so that requests for further ones may leave
    /// the query out ([`Extensions`]).
    pub has_short_follow_ups: bool,
    /// Bodies above this size travel in blocks, as the endpoint has it.
    pub block_size: BlockSize,
    /// The address that the client is told as that of its homeserver: the companion's own.
    pub base_url: Option<String>,
}

/// A request of HTTP.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Its method.
    pub method: &'a Method,
    /// The target of its request line, without scheme and authority.
    pub path_and_query: &'a str,
    /// The header Authorization.
    pub authorization: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// A request of CoAP.
pub struct CoapRequest {
    /// The method.
    pub code: Code,
    /// All options but those of blocks and of observation.
    pub options: OptionList,
    /// The body.
    pub payload: Bytes,
    /// The options that go with the first block only.
    pub once: &'static [OptionNumber],
    /// What [`close`] has to know.
    pub exchange: Exchange,
}

/// A request that waits for its response.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// What it is for.
    pub kind: Kind,
    token: Option<Token>,
    has_carried: bool,
    has_told_table: bool,
}

/// Why a request does not go over CoAP. HTTP is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UseHttp {
    /// The body is no JSON, or beyond the limits of what is converted.
    Body(transcode::Error),
    /// The policy says so.
    Denied(Denied),
    /// CoAP does not have the method.
    Method,
    /// An option would be too long.
    Option(OptionTooLong),
    /// The path.
    Path(PathError),
    /// The query.
    Query(QueryError),
    /// The access token is none.
    Token(TokenError),
    /// The body is larger than what gateways take.
    TooLarge,
}

impl Settings {
    /// For a gateway that has said this about itself in `/versions`.
    pub fn new(low_bandwidth: LowBandwidth, extensions: Extensions) -> Self {
        let has = |version: Option<u32>| version.is_some_and(|version| version >= 1);
        Self {
            keys: match has(low_bandwidth.cbor_enum_version) {
                true => Keys::V1,
                false => Keys::None,
            },
            has_path_table: has(low_bandwidth.coap_enum_version),
            has_short_follow_ups: extensions.short_follow_ups,
            ..Self::default()
        }
    }
}

impl Default for Settings {
    /// For a gateway that has said nothing about itself: all of them have the tables.
    fn default() -> Self {
        Self {
            policy: Policy::new(),
            keys: Keys::V1,
            has_path_table: true,
            has_short_follow_ups: false,
            block_size: BlockSize::MAX,
            base_url: None,
        }
    }
}

/// Prepares an endpoint for an association with a gateway. A request that is to be sent from its
/// beginning again must be [opened](open) again: what it leaves out may mean something else by then.
/// The endpoint says so by [`Failure::BodyChanged`](vestibule_coap::endpoint::Failure::BodyChanged),
/// and [`close`] by [`Outcome::Again`].
pub fn configure(config: &mut Config) {
    config.understood.push(TABLE_VERSION);
    config.sticky.extend([ACCESS_TOKEN, TABLE_VERSION]);
    config.max_restarts = 0;
}

/// Translates a request.
///
/// # Errors
///
/// When it has to go over HTTP.
pub fn open(
    session: &mut Session,
    settings: &Settings,
    request: &Request<'_>,
    now: Instant,
) -> Result<CoapRequest, UseHttp> {
    let code = method::to_coap(request.method).ok_or(UseHttp::Method)?;
    let (path, query) = match request.path_and_query.split_once('?') {
        Some((path, query)) => (path, query),
        None => (request.path_and_query, ""),
    };
    let path = paths::from_http(path).map_err(UseHttp::Path)?;
    let path: Vec<&str> = path.iter().map(Cow::as_ref).collect();
    let (query, in_query) = Query::from_http(query).map_err(UseHttp::Query)?;
    let policy = &settings.policy;
    policy
        .check(request.method, &path)
        .map_err(UseHttp::Denied)?;
    let kind = endpoint::kind(request.method, &path, &query);
    let token = match request.authorization {
        Some(text) => Token::parse(text.as_bytes()).map_err(UseHttp::Token)?,
        None => in_query,
    };
    let mut options = OptionList::new();
    push_path(settings, &path, &mut options)?;
    for item in query.to_options().map_err(UseHttp::Query)? {
        push(&mut options, OptionNumber::URI_QUERY, item)?;
    }
    let mut payload = Vec::new();
    if !request.body.is_empty() {
        json_to_cbor(request.body, settings.keys, &Limits::REQUEST, &mut payload)
            .map_err(UseHttp::Body)?;
        // What the gateway would refuse.
        if payload.len() > MAX_REQUEST_LEN || request.body.len() > Limits::REQUEST.output {
            return Err(UseHttp::TooLarge);
        }
        options.push_uint(OptionNumber::CONTENT_FORMAT, ContentFormat::CBOR.0.into());
    }
    // These say the same to everybody, so that it is not worth the change.
    let is_same = token.is_none() && matches!(kind, Kind::Versions | Kind::WellKnown);
    let is_awaited = need(request.method, &path) != Need::None;
    let is_long = payload.len() > settings.block_size.bytes();
    let has_carried = !is_same && session.carry(token.as_ref(), is_awaited, is_long, now);
    if has_carried {
        let value = token.as_ref().map_or("", Token::as_str);
        push(&mut options, ACCESS_TOKEN, value.as_bytes())?;
    }
    let has_told_table = settings.keys == Keys::V1 && session.tells_table();
    if has_told_table {
        options.push_uint(TABLE_VERSION, KEYS_VERSION.into());
    }
    Ok(CoapRequest {
        code,
        options,
        payload: payload.into(),
        once: match settings.has_short_follow_ups {
            true => &[OptionNumber::URI_QUERY, ACCESS_TOKEN, TABLE_VERSION],
            // These do not tell one body from another.
            false => &[ACCESS_TOKEN, TABLE_VERSION],
        },
        exchange: Exchange {
            kind,
            token,
            has_carried,
            has_told_table,
        },
    })
}

impl std::fmt::Debug for Request<'_> {
    /// Without what has secrets: the query, the header and the body.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for CoapRequest {
    /// Without the body, which has secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CoapRequest")
            .field("code", &self.code)
            .field("options", &self.options)
            .field("payload", &self.payload.len())
            .field("exchange", &self.exchange)
            .finish_non_exhaustive()
    }
}

impl UseHttp {
    /// Name for metrics and logs, in snake case; it never changes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Body(_) => "body",
            Self::Denied(_) => "denied",
            Self::Method => "method",
            Self::Option(_) => "option",
            Self::Path(_) => "path",
            Self::Query(_) => "query",
            Self::Token(_) => "token",
            Self::TooLarge => "too_large",
        }
    }
}

impl std::fmt::Display for UseHttp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Body(error) => write!(f, "the body cannot be CBOR: {error}"),
            Self::Denied(denied) => denied.fmt(f),
            Self::Method => f.write_str("CoAP does not have the method"),
            Self::Option(error) => error.fmt(f),
            Self::Path(error) => error.fmt(f),
            Self::Query(error) => error.fmt(f),
            Self::Token(error) => error.fmt(f),
            Self::TooLarge => f.write_str("the body is too large for CoAP"),
        }
    }
}

impl std::error::Error for UseHttp {}

fn push_path(settings: &Settings, path: &[&str], options: &mut OptionList) -> Result<(), UseHttp> {
    let segments = match settings.has_path_table {
        true => paths::fold(path),
        false => paths::whole(path),
    };
    for segment in segments.map_err(UseHttp::Path)? {
        push(options, OptionNumber::URI_PATH, segment.as_bytes())?;
    }
    Ok(())
}

fn push(options: &mut OptionList, number: OptionNumber, value: &[u8]) -> Result<(), UseHttp> {
    options.push(number, value).map_err(UseHttp::Option)
}

#[cfg(test)]
mod tests;
