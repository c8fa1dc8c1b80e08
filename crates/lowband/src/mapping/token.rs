//! Access tokens.

use std::sync::Arc;

use zeroize::Zeroizing;

/// Most bytes of an access token.
pub const MAX_TOKEN_LEN: usize = 2_048;

/// An access token, as it stands in the header `Authorization` behind `Bearer `. It never shows
/// itself in logs, is cheap to clone, and is overwritten when the last clone goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Arc<Zeroizing<String>>);

/// Why something is no access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenError {
    /// It has other characters than the visible ones of ASCII, which a header could not carry.
    Character,
    /// It is longer than [`MAX_TOKEN_LEN`].
    TooLong,
}

impl Token {
    /// The token that this is, with or without `Bearer ` in front of it; `None` if nothing is there,
    /// which is how a request says that it has no token.
    ///
    /// # Errors
    ///
    /// When it could not be sent to a homeserver.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, TokenError> {
        let bytes = match bytes.split_at_checked(BEARER.len()) {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case(BEARER) => token.trim_ascii(),
            _ => bytes,
        };
        if bytes.len() > MAX_TOKEN_LEN {
            return Err(TokenError::TooLong);
        }
        if !bytes.iter().all(u8::is_ascii_graphic) {
            return Err(TokenError::Character);
        }
        let text = str::from_utf8(bytes).map_err(|_| TokenError::Character)?;
        Ok((!text.is_empty()).then(|| Self(Arc::new(Zeroizing::new(text.to_owned())))))
    }

    /// The token itself. It must not be logged.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

impl std::fmt::Display for TokenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Character => "the access token has characters that no header carries",
            Self::TooLong => "the access token is too long",
        })
    }
}

impl std::error::Error for TokenError {}

const BEARER: &[u8] = b"Bearer ";
