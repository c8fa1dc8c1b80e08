//! What a ClientHello asks for.

use super::{CLIENT_HELLO, Fragment, take_vector8, take_vector16};

/// Extensions, as the registry numbers them (RFC 6066, 5077, 8446 and 9146).
const SERVER_NAME: u16 = 0;
const SESSION_TICKET: u16 = 35;
const PRE_SHARED_KEY: u16 = 41;
const SUPPORTED_VERSIONS: u16 = 43;
const COOKIE: u16 = 44;
const CONNECTION_ID: u16 = 54;

/// What can be read of a ClientHello without protection (RFC 6347 section 4.2.1, RFC 9147 section 5.3), or of a part of
/// it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hello {
    /// Its random, which names one attempt: a hello that is repeated has the same one, and so has the one with the
    /// cookie. `None` if it is not in this part.
    pub random: Option<[u8; 32]>,
    /// Whether the record holds this hello, all of it, and nothing else.
    pub whole: bool,
    /// Its number among the handshake messages of the client.
    pub message_seq: u16,
    /// The bytes of all of its parts together.
    pub length: usize,
    /// Where in it this part begins.
    pub offset: usize,
    /// It offers DTLS 1.3. This and what follows is known of a whole hello only, and `false` of others.
    pub offers_13: bool,
    /// It returns a cookie.
    pub cookie: bool,
    /// It wants to resume an association: with a pre-shared key if it offers DTLS 1.3, else with a ticket.
    pub ticket: bool,
    /// It can send Connection IDs (RFC 9146 section 3).
    pub offers_id: bool,
}

impl Hello {
    /// Reads the hello, or the part of one, that a record begins with. `None` if it begins with something else, if it
    /// is not a record without protection, or if lengths in it contradict each other.
    #[must_use]
    pub fn peek(record: &[u8]) -> Option<Self> {
        let fragment = Fragment::parse(record)?;
        if fragment.kind != CLIENT_HELLO {
            return None;
        }
        let mut hello = Self {
            random: None,
            whole: fragment.is_alone(),
            message_seq: fragment.message_seq,
            length: fragment.length,
            offset: fragment.offset,
            offers_13: false,
            cookie: false,
            ticket: false,
            offers_id: false,
        };
        if fragment.offset == 0
            && let Some((head, rest)) = fragment.body.split_first_chunk::<34>()
        {
            let [_, _, random @ ..] = *head;
            hello.random = Some(random);
            if hello.whole {
                hello.read(rest)?;
            }
        } else if hello.whole {
            return None;
        }
        Some(hello)
    }

    /// The name of the server that a whole hello asks for (RFC 6066 section 3), if that is text of at most 255 visible
    /// ASCII characters.
    #[must_use]
    pub fn server_name(record: &[u8]) -> Option<&str> {
        let fragment = Fragment::parse(record)?;
        if fragment.kind != CLIENT_HELLO || !fragment.is_alone() {
            return None;
        }
        let mut name = None;
        read(fragment.body.get(34..)?, |kind, value| {
            if kind == SERVER_NAME {
                name = host_name(value);
            }
            Some(())
        })?;
        name
    }

    /// What follows version and random.
    fn read(&mut self, rest: &[u8]) -> Option<()> {
        let (mut session_ticket, mut pre_shared_key, mut cookie) = (false, false, false);
        let legacy_cookie = read(rest, |kind, value| {
            match kind {
                SESSION_TICKET => session_ticket = !value.is_empty(),
                PRE_SHARED_KEY => pre_shared_key = true,
                SUPPORTED_VERSIONS => self.offers_13 = offers_13(value)?,
                COOKIE => cookie = true,
                CONNECTION_ID => self.offers_id = true,
                _ => {}
            }
            Some(())
        })?;
        self.cookie = cookie || !legacy_cookie.is_empty();
        self.ticket = if self.offers_13 {
            pre_shared_key
        } else {
            session_ticket
        };
        Some(())
    }
}

/// Goes through what follows version and random (RFC 9147 section 5.3): gives each extension to `extension`, and the
/// field for the cookie back. `None` if lengths contradict each other, or if `extension` says so.
fn read<'a>(
    mut rest: &'a [u8],
    mut extension: impl FnMut(u16, &'a [u8]) -> Option<()>,
) -> Option<&'a [u8]> {
    let _session_id = take_vector8(&mut rest)?;
    let cookie = take_vector8(&mut rest)?;
    let _suites = take_vector16(&mut rest)?;
    let _compression = take_vector8(&mut rest)?;
    if rest.is_empty() {
        return Some(cookie);
    }
    let mut extensions = take_vector16(&mut rest)?;
    while let Some((&[high, low], after)) = extensions.split_first_chunk() {
        extensions = after;
        let value = take_vector16(&mut extensions)?;
        extension(u16::from_be_bytes([high, low]), value)?;
    }
    (extensions.is_empty() && rest.is_empty()).then_some(cookie)
}

/// Whether supported_versions (RFC 8446 section 4.2.1) has DTLS 1.3.
fn offers_13(mut value: &[u8]) -> Option<bool> {
    let versions = take_vector8(&mut value)?;
    Some(
        versions
            .chunks_exact(2)
            .any(|version| version == [0xfe, 0xfc]),
    )
}

/// The first name of a server_name extension.
fn host_name(mut value: &[u8]) -> Option<&str> {
    let mut names = take_vector16(&mut value)?;
    let (&kind, after) = names.split_first()?;
    names = after;
    let name = take_vector16(&mut names)?;
    let fits = (1..=255).contains(&name.len()) && name.iter().all(u8::is_ascii_graphic);
    (kind == 0 && fits).then(|| str::from_utf8(name).ok())?
}

#[cfg(test)]
mod tests;
