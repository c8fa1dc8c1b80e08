//! Answers on their way to clients.

use hyper::{
    HeaderMap, Method, StatusCode,
    body::Bytes,
    header::{
        ACCEPT_RANGES, ALT_SVC, CONTENT_ENCODING, CONTENT_LENGTH, ETAG, Entry, HeaderName,
        HeaderValue, LOCATION, TRAILER,
    },
};
use vestibule_lowband::mapping::{endpoint::Kind, rewrite};

use super::Side;

/// The longest body that is revised, in bytes.
pub(crate) const MOST: usize = 1024 * 1024;

/// What becomes of an answer with the status 200 that tells clients where their homeserver is, or what
/// it can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Revision {
    kind: Kind,
    has_body: bool,
}

/// Why an answer can neither be revised nor passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unrevised {
    /// It is compressed, which the homeserver was asked not to do.
    Encoded,
    /// It has more than [`MOST`] bytes.
    TooLarge,
}

impl Revision {
    /// What becomes of the answer to such a request; `None`: nothing. Homeservers know more versions of
    /// login and register than the specification.
    pub(super) fn of(method: &Method, path: &[&str]) -> Option<Self> {
        let path = path.strip_suffix(&[""]).unwrap_or(path);
        let kind = match (method, path) {
            (&Method::GET | &Method::HEAD, [".well-known", "matrix", "client"]) => Kind::WellKnown,
            (&Method::GET | &Method::HEAD, ["_matrix", "client", "versions"]) => Kind::Versions,
            (&Method::POST, ["_matrix", "client", _, "login"]) => Kind::Login,
            (&Method::POST, ["_matrix", "client", _, "register"]) => Kind::Register,
            _ => return None,
        };
        Some(Self {
            kind,
            has_body: method != Method::HEAD,
        })
    }

    /// Whether the answer has a body that must be there as a whole. If not,
    /// [`forget_body`] is all that becomes of it.
    pub(crate) fn has_body(self) -> bool {
        self.has_body
    }
}

impl Side {
    /// Looks through the head of an answer: clients are neither sent past the gateway by redirections to
    /// the homeserver, nor by other addresses of it (RFC 7838).
    pub(crate) fn revise_head(&self, status: StatusCode, headers: &mut HeaderMap) {
        headers.remove(ALT_SVC);
        let Some(base_url) = &self.base_url else {
            return;
        };
        if status.is_redirection()
            && let Entry::Occupied(mut locations) = headers.entry(LOCATION)
        {
            for location in locations.iter_mut() {
                if let Ok(text) = location.to_str()
                    && let Some(rest) = self.homeserver.strip(text)
                    && let Ok(value) = HeaderValue::from_str(&format!("{base_url}{rest}"))
                {
                    *location = value;
                }
            }
        }
    }

    /// Makes of the body of an answer what the client is sent, and lets `headers` say what is true of
    /// that. Bodies in which there is nothing to change stay as they are.
    ///
    /// # Errors
    ///
    /// When it cannot be known whether there is.
    pub(crate) fn revise(
        &self,
        revision: Revision,
        headers: &mut HeaderMap,
        body: Bytes,
    ) -> Result<Bytes, Unrevised> {
        let is_plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
        let revised = if headers.get_all(CONTENT_ENCODING).iter().all(is_plain) {
            self.revised(revision.kind, &body)
        } else if revision.kind == Kind::Versions {
            // Nobody is led astray by what it lacks.
            None
        } else {
            return Err(Unrevised::Encoded);
        };
        let body = match revised {
            Some(revised) => {
                forget_body(headers);
                Bytes::from(revised)
            }
            None => body,
        };
        headers.remove(TRAILER);
        headers.insert(CONTENT_LENGTH, body.len().into());
        Ok(body)
    }

    fn revised(&self, kind: Kind, body: &[u8]) -> Option<String> {
        match kind {
            Kind::Versions => self.advertisement?.add(body),
            _ => rewrite::base_url(kind, StatusCode::OK, body, self.base_url.as_deref()?),
        }
    }
}

/// Takes out of a head what is true of a body that the client will not get.
pub(crate) fn forget_body(headers: &mut HeaderMap) {
    for name in OF_A_BODY {
        headers.remove(name);
    }
}

/// What says something about the very bytes of a body (RFC 9110 section 8, RFC 1864, RFC 3230, RFC 9530).
const OF_A_BODY: [HeaderName; 7] = [
    ACCEPT_RANGES,
    CONTENT_LENGTH,
    ETAG,
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("repr-digest"),
];

#[cfg(test)]
mod tests;
