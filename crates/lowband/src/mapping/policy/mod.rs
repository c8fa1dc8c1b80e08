//! Which paths may be asked for over CoAP. Everything else is refused: who speaks low bandwidth is
//! somewhere in the world, and the gateway is next to the homeserver.

use http::Method;

use super::paths::{self, PathError};

/// Which paths may be asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    allowed: Vec<Vec<String>>,
    has_media: bool,
}

/// Why a path may not be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Denied {
    /// It is for administrators.
    Admin,
    /// It is for media, which go over HTTP.
    Media,
    /// It is none of the client-server API.
    Outside,
}

impl Policy {
    /// The client-server API without what is for administrators and without media, and
    /// `GET /.well-known/matrix/client`.
    pub fn new() -> Self {
        Self::default()
    }

    /// This policy, and everything below `path` (`/_synapse/client`, for instance) as well. It counts
    /// more than any other rule.
    ///
    /// # Errors
    ///
    /// When `path` is none.
    pub fn allow(mut self, path: &str) -> Result<Self, PathError> {
        let path = paths::from_http(path.trim_end_matches('/'))?;
        self.allowed
            .push(path.into_iter().map(std::borrow::Cow::into_owned).collect());
        Ok(self)
    }

    /// This policy, and media as well.
    pub fn with_media(mut self) -> Self {
        self.has_media = true;
        self
    }

    /// Whether this may be asked for. The path is whole, not as the table shortens it.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn check(&self, method: &Method, path: &[&str]) -> Result<(), Denied> {
        let is_below = |allowed: &Vec<String>| {
            path.len() >= allowed.len() && allowed.iter().zip(path).all(|(a, b)| a == b)
        };
        if self.allowed.iter().any(is_below) {
            return Ok(());
        }
        match path {
            [".well-known", "matrix", "client"] if method == Method::GET => Ok(()),
            ["_matrix", "client", "versions"] => Ok(()),
            ["_matrix", "media", ..] if !self.has_media => Err(Denied::Media),
            ["_matrix", "client" | "media", version, below @ ..] if is_version(version) => {
                self.check_below(version, below)
            }
            _ => Err(Denied::Outside),
        }
    }

    /// Servers may take `%2F` for a slash and several slashes for one, so that is how it is looked at.
    fn check_below(&self, version: &str, below: &[&str]) -> Result<(), Denied> {
        let pieces = below.iter().flat_map(|segment| segment.split('/'));
        let mut pieces = pieces.filter(|piece| !piece.is_empty());
        // An unstable path has the name of its proposal in front.
        let heads = if version == "unstable" { 2 } else { 1 };
        for piece in pieces.by_ref().take(heads) {
            // Some servers cut off what stands behind a semicolon (RFC 3986 section 3.3).
            let piece = piece.split(';').next().unwrap_or_default();
            if piece.eq_ignore_ascii_case("admin") {
                return Err(Denied::Admin);
            }
            if piece.eq_ignore_ascii_case("media") && !self.has_media {
                return Err(Denied::Media);
            }
        }
        Ok(())
    }
}

impl Denied {
    /// Name for metrics and logs, in snake case; it never changes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Media => "media",
            Self::Outside => "outside",
        }
    }
}

impl std::fmt::Display for Denied {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Admin => "what is for administrators is not available over CoAP",
            Self::Media => "media are not available over CoAP, use HTTP",
            Self::Outside => "the path is not available over CoAP",
        })
    }
}

impl std::error::Error for Denied {}

/// `r0`, `v3` and their like, and `unstable`.
fn is_version(segment: &str) -> bool {
    let number = segment.strip_prefix(['r', 'v']);
    segment == "unstable"
        || number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests;
