//! The gateway's side: a request of CoAP becomes one of HTTP ([`open`]), and the homeserver's answer
//! to it a response of CoAP ([`close`]).

mod fields;
mod refusal;
mod request;
mod session;
mod tokens;

use std::borrow::Cow;
use std::time::{Duration, Instant};

use http::StatusCode;
use vestibule_coap::endpoint::{Config, Explanation, Owner, Response};
use vestibule_coap::{Code, ContentFormat, OptionList, OptionNumber};

pub use refusal::Refusal;
pub use request::HttpRequest;
pub use session::Session;

use super::discovery::Advertisement;
use super::endpoint::{self, Kind, Need, need};
use super::format::{self, Format, MAX_REQUEST_LEN};
use super::paths::{self, Prefix};
use super::policy::Policy;
use super::{ACCESS_TOKEN, TABLE_VERSION, method, query, rewrite, status};
use crate::keys::Keys;
use fields::Fields;

/// How long a request waits for the token that another one brings, in [`open`]. Those that wait are
/// requests without an answer, of which the endpoint lets one association have
/// [`max_exchanges`](Config::max_exchanges), 64 by default.
pub const HOLD: Duration = Duration::from_secs(1);

/// How one gateway serves its clients.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The version of the API where the table of paths leaves it open.
    pub prefix: Prefix,
    /// What may be asked for.
    pub policy: Policy,
    /// Who gets integers for keys.
    pub cbor_keys: CborKeys,
    /// What `/versions` says about low bandwidth.
    pub advertisement: Option<Advertisement>,
    /// The address that clients are told as that of their homeserver.
    pub base_url: Option<String>,
}

/// Who gets integers for keys in CBOR.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CborKeys {
    /// Everybody, as existing clients expect it, but for who says that it understands none.
    #[default]
    Always,
    /// Who has said that it understands them, or has written them (MSC3079).
    Negotiated,
}

/// A request of CoAP, whole.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The method.
    pub code: Code,
    /// All options.
    pub options: &'a OptionList,
    /// The body, put together if it came in blocks.
    pub payload: &'a [u8],
    /// The id of the message with these options, the first one if it came in blocks. 0 if it is not known.
    pub message_id: u16,
    /// When it came.
    pub received: Instant,
}

/// What becomes of a request.
#[derive(Clone, Debug)]
pub enum Opened {
    /// It goes to the homeserver.
    Forward(Box<HttpRequest>),
    /// It waits: it has no token, and the request that brings one may have been overtaken by it.
    /// [`open`] it again when a token [has come](Session::take_new_token), or then.
    Hold {
        /// The latest time at which it is answered.
        until: Instant,
    },
}

/// The homeserver's answer.
#[derive(Clone, Copy)]
pub struct Upstream<'a> {
    /// Its status.
    pub status: StatusCode,
    /// The header Retry-After.
    pub retry_after: Option<&'a str>,
    /// Its body.
    pub body: &'a [u8],
}

impl std::fmt::Debug for Request<'_> {
    /// Without the body, which has secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("code", &self.code)
            .field("options", &self.options)
            .field("payload", &self.payload.len())
            .field("message_id", &self.message_id)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Upstream<'_> {
    /// Without the body, which has secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upstream")
            .field("status", &self.status)
            .field("retry_after", &self.retry_after)
            .field("body", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Prepares an endpoint for associations with clients.
pub fn configure(config: &mut Config) {
    config.understood.push(TABLE_VERSION);
    config.sticky.extend([ACCESS_TOKEN, TABLE_VERSION]);
    config.owner = |options| Fields::new(options).carried.owner();
    config.max_request_body = MAX_REQUEST_LEN;
    config.max_path_segment = paths::MAX_SEGMENT_LEN;
    config.max_query = query::MAX_ITEM_LEN;
    config.explain = explain;
}

/// Notes what a request says of the association that the endpoint has refused, or whose first block has come
/// ([`Event::Partial`](vestibule_coap::endpoint::Event::Partial)): the token, and the version of the key table.
pub fn note(session: &mut Session, options: &OptionList, message_id: u16, now: Instant) {
    let fields = Fields::new(options);
    // Which token the request has itself is asked again when it is whole.
    let _ = session.note(&fields, message_id, now);
}

/// Translates a request.
///
/// # Errors
///
/// Why it is not passed on; [`refuse`] makes the response.
pub fn open(
    session: &mut Session,
    settings: &Settings,
    request: &Request<'_>,
    now: Instant,
) -> Result<Opened, Refusal> {
    let fields = Fields::new(request.options);
    let is_silent = fields.carried == tokens::Carried::Nothing;
    let carried = session.note(&fields, request.message_id, now);
    if let Some(refusal) = fields.refusal {
        return Err(refusal);
    }
    let method = method::to_http(request.code).ok_or(Refusal::Method)?;
    let segments = paths::from_options(fields.path).map_err(Refusal::Path)?;
    let path = paths::expand(&segments, settings.prefix).map_err(Refusal::Path)?;
    settings
        .policy
        .check(&method, &path)
        .map_err(Refusal::Denied)?;
    let accept = fields.accept;
    let format = request::format(session, settings, accept, fields.content_format, request)?;
    let need = need(&method, &path);
    let mut token = match carried {
        Ok(token) => token,
        Err(_) if need == Need::None => None,
        Err(_) => return Err(Refusal::MissingToken),
    };
    if token.is_none() {
        let until = request.received + HOLD;
        if need != Need::None && is_silent && now < until {
            return Ok(Opened::Hold { until });
        }
        if need == Need::Token {
            return Err(Refusal::MissingToken);
        }
    }
    let body = request::body(session, settings, fields.content_format, request)?;
    // Who has just written integers understands them.
    let format = match format {
        Format::Cbor(_) => Format::Cbor(session.keys(settings.cbor_keys)),
        Format::Json => Format::Json,
    };
    let mut query = fields.query;
    let kind = endpoint::kind(&method, &path, &query);
    match kind {
        Kind::Sync { .. } | Kind::SlidingSync { .. } => endpoint::limit_timeout(&mut query),
        // It is often another server that answers, and it needs none.
        Kind::WellKnown => token = None,
        _ => {}
    }
    Ok(Opened::Forward(Box::new(HttpRequest {
        kind,
        method,
        path: paths::to_http(&path),
        query,
        token,
        body,
        format,
    })))
}

/// Whose the answer to a request is, which [`open`] has passed on: who says another token is not given the rest of it.
/// `None`: it is for everybody.
pub fn owner(request: &HttpRequest) -> Option<Owner> {
    let is_public = request.kind == Kind::WellKnown;
    (!is_public).then(|| tokens::owner(request.token.as_ref()))
}

/// Translates the answer to a request that [`open`] has passed on, whose body is not needed any more.
/// What is sent later to who observes a sync is translated like its first answer.
pub fn close(
    session: &mut Session,
    settings: &Settings,
    request: &HttpRequest,
    upstream: &Upstream<'_>,
) -> Response {
    let Upstream { status, body, .. } = *upstream;
    if let Some(token) = &request.token
        && is_last_use(request.kind, upstream)
    {
        session.forget(token);
    }
    let code = status::to_coap(status);
    let max_age = status::max_age(status, upstream.retry_after, body);
    if status.is_redirection() {
        return Refusal::Redirect.response(request.format);
    }
    match request
        .format
        .encode(&revise(settings, request.kind, status, body))
    {
        Ok(payload) => format::response(code, request.format, payload, max_age),
        Err(error) if error.reason.is_limit() => Refusal::AnswerTooLarge.response(request.format),
        Err(_) if status.is_success() => Refusal::NotJson.response(request.format),
        Err(_) => Refusal::NotJson.response_with(code, request.format, max_age),
    }
}

/// The response to a request that [`open`] has refused, or that came to nothing later.
pub fn refuse(
    session: &Session,
    settings: &Settings,
    request: &Request<'_>,
    refusal: Refusal,
) -> Response {
    let fields = Fields::new(request.options);
    let accept = fields.accept;
    let format = request::format(session, settings, accept, fields.content_format, request);
    let cbor = Format::Cbor(session.keys(settings.cbor_keys));
    refusal.response(format.unwrap_or(cbor))
}

/// The path that these options of a request ask the homeserver for, escaped, whether or not the policy
/// allows it; `None` if it is none.
pub fn path(settings: &Settings, options: &OptionList) -> Option<String> {
    let segments = options.all(OptionNumber::URI_PATH);
    let segments = paths::from_options(segments).ok()?;
    let path = paths::expand(&segments, settings.prefix).ok()?;
    Some(paths::to_http(&path))
}

/// What the endpoint says when it refuses a request: clients written in Go do not survive a text.
fn explain(refusal: vestibule_coap::endpoint::Refusal) -> Explanation {
    use vestibule_coap::endpoint::Refusal as Endpoint;
    let errcode = match refusal {
        Endpoint::BodyTooLarge => "M_TOO_LARGE",
        Endpoint::Method => "M_UNRECOGNIZED",
        _ => "M_UNKNOWN",
    };
    // It does not know whether the client understands integers.
    let payload = refusal::error_body(Format::Cbor(Keys::None), errcode, refusal.text(), None);
    Explanation {
        format: Some(ContentFormat::CBOR),
        payload: payload.into(),
    }
}

/// Whether the token is worth nothing after this answer.
fn is_last_use(kind: Kind, upstream: &Upstream<'_>) -> bool {
    match upstream.status {
        StatusCode::OK => kind == Kind::Logout,
        StatusCode::UNAUTHORIZED => status::has_errcode(upstream.body, "M_UNKNOWN_TOKEN"),
        _ => false,
    }
}

/// The body with what clients of this gateway are told.
fn revise<'a>(
    settings: &Settings,
    kind: Kind,
    status: StatusCode,
    body: &'a [u8],
) -> Cow<'a, [u8]> {
    let revised = match (kind, &settings.advertisement, &settings.base_url) {
        (Kind::Versions, Some(advertisement), _) if status == StatusCode::OK => {
            advertisement.add(body)
        }
        (_, _, Some(url)) => rewrite::base_url(kind, status, body, url),
        _ => None,
    };
    revised.map_or(Cow::Borrowed(body), |text| Cow::Owned(text.into_bytes()))
}

#[cfg(test)]
mod tests;
