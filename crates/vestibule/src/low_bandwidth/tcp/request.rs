//! Requests on their way to the homeserver.

use std::borrow::Cow;

use hyper::{
    Method, Uri,
    header::{
        ACCEPT_ENCODING, HOST, HeaderName, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH,
        IF_RANGE, IF_UNMODIFIED_SINCE, RANGE,
    },
    http::{request, uri::PathAndQuery},
};
use vestibule_lowband::mapping::paths::{self, PathError};

use super::{Refusal, Revision, Side};

/// A request that may be passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// What the homeserver is asked for.
    pub(crate) target: PathAndQuery,
    /// What becomes of its answer; `None`: that is passed on as it is.
    pub(crate) revision: Option<Revision>,
}

impl Side {
    /// Whether this may be asked for, and how the homeserver is asked for it. `uri` has a path and
    /// perhaps a query. The path of the answer is written from the segments that were looked at, so that
    /// no server sees another one in it; the query is passed on as it is.
    ///
    /// # Errors
    ///
    /// Why not.
    pub(crate) fn admit(&self, method: &Method, uri: &Uri) -> Result<Route, Refusal> {
        let segments = paths::from_http(uri.path()).map_err(Refusal::Path)?;
        let path: Vec<&str> = segments.iter().map(Cow::as_ref).collect();
        // What may be read may be asked about.
        let meant = match *method {
            Method::HEAD | Method::OPTIONS => &Method::GET,
            _ => method,
        };
        self.policy.check(meant, &path).map_err(Refusal::Denied)?;
        let mut target = paths::to_http(&path);
        if let Some(query) = uri.query() {
            target.push('?');
            target.push_str(query);
        }
        Ok(Route {
            // Escaping has made it longer than there may be.
            target: PathAndQuery::try_from(target)
                .map_err(|_| Refusal::Path(PathError::TooLong))?,
            revision: Revision::of(method, &path),
        })
    }

    /// Makes of a request what is sent to the homeserver. What it says of the client is not looked at
    /// here ([`is_removed`]).
    pub(crate) fn address(&self, route: Route, parts: &mut request::Parts) {
        parts.uri = Uri::from(route.target);
        let headers = &mut parts.headers;
        headers.insert(HOST, self.authority.clone());
        if route.revision.is_some() {
            // Another answer than the whole one, as it is, could not be revised.
            for name in WITH_CONDITIONS {
                headers.remove(name);
            }
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
    }
}

/// Whether the homeserver is not told what a client says by the field of this name, in lower case, where
/// that would be removed as the claim of a stranger if it `is_claim`. `trusted`: the client is a proxy
/// whose X-Forwarded-For, -Proto and -Host, and Forwarded, are believed.
pub(crate) fn is_removed(name: &str, is_claim: bool, trusted: bool) -> bool {
    let is_believed = matches!(
        name,
        "forwarded" | "x-forwarded-for" | "x-forwarded-host" | "x-forwarded-proto"
    );
    name == "via" || is_claim && !(trusted && is_believed)
}

/// What asks for a part of an answer, or for one only if it has changed (RFC 9110 sections 13.1, 14.2).
const WITH_CONDITIONS: [HeaderName; 6] = [
    IF_MATCH,
    IF_MODIFIED_SINCE,
    IF_NONE_MATCH,
    IF_RANGE,
    IF_UNMODIFIED_SINCE,
    RANGE,
];

#[cfg(test)]
mod tests;
