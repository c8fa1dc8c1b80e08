//! Who a client says it is to a proxy.

use std::{fmt, str};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::Malformed;

/// The value of a header field Proxy-Authorization (RFC 9110 section 11.7.2). `Debug` shows nothing
/// of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Credentials {
    /// A user name and a password.
    Basic(Basic),
    /// The scheme is Basic, and what follows breaks its rules: it is not base64 with padding, there
    /// is no colon or a control character in it, or the user name is not UTF-8. The answer is the
    /// same as to a wrong password.
    Invalid,
    /// A scheme other than Basic.
    Other,
}

/// Credentials of the scheme Basic (RFC 7617), overwritten when dropped.
///
/// They compare in a time that depends on them: no way to check a password.
#[derive(PartialEq, Eq)]
pub struct Basic {
    /// `user-id ":" password`. Never longer than the field, so it does not move.
    decoded: Zeroizing<Vec<u8>>,
    /// Where the first colon stands; all before it is UTF-8.
    colon: usize,
}

impl Basic {
    /// User name, which may be empty; without colons and control characters.
    pub fn username(&self) -> &str {
        // It was found to be UTF-8, so the empty string is never taken.
        str::from_utf8(&self.decoded[..self.colon]).unwrap_or_default()
    }

    /// Password, which may be empty; UTF-8 as a rule, and without ASCII control characters.
    pub fn password(&self) -> &[u8] {
        &self.decoded[self.colon + 1..]
    }

    /// Reads what follows the scheme; `None` if it breaks a rule of RFC 7617 section 2.
    fn decode(token: &[u8]) -> Option<Self> {
        let mut decoded = Zeroizing::new(vec![0; base64::decoded_len_estimate(token.len())]);
        let len = STANDARD.decode_slice(token, &mut decoded).ok()?;
        decoded.truncate(len);
        if decoded.iter().any(u8::is_ascii_control) {
            return None;
        }
        let colon = decoded.iter().position(|byte| *byte == b':')?;
        let username = str::from_utf8(&decoded[..colon]).ok()?;
        if username.chars().any(char::is_control) {
            return None;
        }
        Some(Self { decoded, colon })
    }
}

impl fmt::Debug for Basic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Basic").finish_non_exhaustive()
    }
}

/// The credentials in `fields`; `None` if there are none.
pub(super) fn of(fields: &[httparse::Header<'_>]) -> Result<Option<Credentials>, Malformed> {
    let mut fields = fields
        .iter()
        .filter(|field| field.name.eq_ignore_ascii_case("proxy-authorization"));
    let field = fields.next();
    match fields.next() {
        None => Ok(field.map(|field| read(field.value))),
        Some(_) => Err(Malformed::CredentialsRepeated),
    }
}

/// Reads `auth-scheme 1*SP token68` (RFC 9110 section 11.4).
fn read(value: &[u8]) -> Credentials {
    let end = value.iter().position(|byte| *byte == b' ');
    let (scheme, rest) = value.split_at(end.unwrap_or(value.len()));
    if !scheme.eq_ignore_ascii_case(b"Basic") {
        return Credentials::Other;
    }
    Basic::decode(rest.trim_ascii_start()).map_or(Credentials::Invalid, Credentials::Basic)
}
