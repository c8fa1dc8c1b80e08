//! The fields of a ClientHello (RFC 8446 section 4.1.2).

use super::{Hello, Malformed, Sni};
use crate::Host;

/// Types of extensions that are looked into (IANA, "TLS ExtensionType Values").
mod kind {
    pub(super) const ALPN: u16 = 16;
    pub(super) const EARLY_DATA: u16 = 42;
    pub(super) const ENCRYPTED_CLIENT_HELLO: u16 = 0xFE0D;
    pub(super) const PRE_SHARED_KEY: u16 = 41;
    pub(super) const SERVER_NAME: u16 = 0;
    pub(super) const SIGNATURE_ALGORITHMS: u16 = 13;
    pub(super) const SUPPORTED_GROUPS: u16 = 10;
    pub(super) const SUPPORTED_VERSIONS: u16 = 43;
}

/// Type of the only kind of server name (RFC 6066 section 3).
const HOST_NAME: u8 = 0;

/// Length of the random field in bytes (RFC 8446 section 4.1.2).
const RANDOM_LEN: usize = 32;

/// Longest session id in bytes (RFC 8446 section 4.1.2).
const MAX_SESSION_ID_LEN: usize = 32;

/// Checks `body`, a ClientHello without its type and length.
pub(super) fn hello(body: &[u8]) -> Result<Hello<'_>, Malformed> {
    let mut fields = Fields(body);
    let legacy_version = fields.take(2).ok_or(Malformed::Truncated)?;
    fields.take(RANDOM_LEN).ok_or(Malformed::Truncated)?;
    let session_id = fields.list_u8().ok_or(Malformed::Truncated)?;
    if session_id.len() > MAX_SESSION_ID_LEN {
        return Err(Malformed::SessionId);
    }
    let cipher_suites = fields.list_u16().ok_or(Malformed::Truncated)?;
    if !is_list_of_u16(cipher_suites) {
        return Err(Malformed::CipherSuites);
    }
    let compression_methods = fields.list_u8().ok_or(Malformed::Truncated)?;
    if compression_methods.is_empty() {
        return Err(Malformed::CompressionMethods);
    }
    // A hello may end here (RFC 5246 section 7.4.1.2).
    let extensions = match fields.0 {
        [] => &[],
        _ => fields.list_u16().ok_or(Malformed::Truncated)?,
    };
    if !fields.0.is_empty() {
        return Err(Malformed::TrailingBytes);
    }

    let mut hello = Hello {
        alpn: &[],
        cipher_suites,
        extensions,
        groups: &[],
        has_early_data: false,
        has_ech: false,
        has_psk: false,
        signature_schemes: &[],
        sni: Sni::Absent,
        versions: legacy_version,
    };
    let mut seen = TypeSet::new();
    let mut rest = Extensions::new(extensions);
    for extension in &mut rest {
        if !seen.insert(extension.kind) {
            return Err(Malformed::ExtensionRepeated);
        }
        if hello.has_psk {
            return Err(Malformed::PskNotLast);
        }
        look_into(extension, &mut hello)?;
    }
    if !rest.is_at_end() {
        return Err(Malformed::ExtensionOverrun);
    }
    Ok(hello)
}

fn look_into<'a>(extension: Extension<'a>, hello: &mut Hello<'a>) -> Result<(), Malformed> {
    let value = extension.value;
    match extension.kind {
        kind::ALPN => hello.alpn = alpn(value).ok_or(Malformed::Alpn)?,
        kind::EARLY_DATA => hello.has_early_data = true,
        kind::ENCRYPTED_CLIENT_HELLO => hello.has_ech = true,
        kind::PRE_SHARED_KEY => hello.has_psk = true,
        kind::SERVER_NAME => hello.sni = sni(value)?,
        kind::SIGNATURE_ALGORITHMS => {
            let list = only(value, Fields::list_u16).filter(|list| is_list_of_u16(list));
            hello.signature_schemes = list.ok_or(Malformed::SignatureSchemes)?;
        }
        kind::SUPPORTED_GROUPS => {
            let list = only(value, Fields::list_u16).filter(|list| is_list_of_u16(list));
            hello.groups = list.ok_or(Malformed::Groups)?;
        }
        kind::SUPPORTED_VERSIONS => {
            let list = only(value, Fields::list_u8).filter(|list| is_list_of_u16(list));
            hello.versions = list.ok_or(Malformed::SupportedVersions)?;
        }
        _ => {}
    }
    Ok(())
}

/// RFC 7301 section 3.1.
fn alpn(value: &[u8]) -> Option<&[u8]> {
    let list = only(value, Fields::list_u16).filter(|list| !list.is_empty())?;
    let mut names = Fields(list);
    while !names.0.is_empty() {
        names.list_u8().filter(|name| !name.is_empty())?;
    }
    Some(list)
}

/// RFC 6066 section 3.
fn sni(value: &[u8]) -> Result<Sni, Malformed> {
    let mut names = Fields(only(value, Fields::list_u16).ok_or(Malformed::SniList)?);
    match names.take(1) {
        Some([HOST_NAME]) => {}
        Some(_) => return Err(Malformed::SniNameType),
        None => return Err(Malformed::SniList),
    }
    let name = names.list_u16().ok_or(Malformed::SniList)?;
    match names.0 {
        [] => {}
        [HOST_NAME, ..] => return Err(Malformed::SniRepeated),
        _ => return Err(Malformed::SniNameType),
    }
    match Host::parse(name) {
        Some(Host::Ip(address)) => Ok(Sni::IpLiteral(address)),
        Some(Host::Name(name)) => Ok(Sni::Name(name)),
        None => Err(Malformed::SniName),
    }
}

/// The one field that makes up all of `value`.
fn only<'a>(
    value: &'a [u8],
    field: impl FnOnce(&mut Fields<'a>) -> Option<&'a [u8]>,
) -> Option<&'a [u8]> {
    let mut fields = Fields(value);
    field(&mut fields).filter(|_| fields.0.is_empty())
}

fn is_list_of_u16(list: &[u8]) -> bool {
    !list.is_empty() && list.len().is_multiple_of(2)
}

/// What is left of a sequence of fields. A field that does not fit takes nothing.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    /// Bytes after their length in one byte.
    fn list_u8(&mut self) -> Option<&'a [u8]> {
        let (len, rest) = self.0.split_first()?;
        let (list, rest) = rest.split_at_checked(usize::from(*len))?;
        self.0 = rest;
        Some(list)
    }

    /// Bytes after their length in two bytes.
    fn list_u16(&mut self) -> Option<&'a [u8]> {
        let (len, rest) = self.0.split_first_chunk()?;
        let (list, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
        self.0 = rest;
        Some(list)
    }
}

#[derive(Clone, Copy)]
pub(super) struct Extension<'a> {
    pub(super) kind: u16,
    value: &'a [u8],
}

/// Iterator over extensions, up to the end or to the first one that does not fit.
pub(super) struct Extensions<'a>(Fields<'a>);

impl<'a> Extensions<'a> {
    pub(super) fn new(extensions: &'a [u8]) -> Self {
        Self(Fields(extensions))
    }

    fn is_at_end(&self) -> bool {
        self.0.0.is_empty()
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = Extension<'a>;

    fn next(&mut self) -> Option<Extension<'a>> {
        let (kind, rest) = self.0.0.split_first_chunk()?;
        let mut rest = Fields(rest);
        let value = rest.list_u16()?;
        self.0 = rest;
        Some(Extension {
            kind: u16::from_be_bytes(*kind),
            value,
        })
    }
}

/// A set of 16-bit code points: 8 KiB, because a hello may have thousands of extensions, and
/// comparing each with each would take the time of millions.
pub(super) struct TypeSet([u64; 1024]);

impl TypeSet {
    pub(super) fn new() -> Self {
        Self([0; 1024])
    }

    /// Whether `value` was not there yet.
    pub(super) fn insert(&mut self, value: u16) -> bool {
        let word = &mut self.0[usize::from(value >> 6)];
        let bit = 1 << (value & 0x3F);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    /// All of them in ascending order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u16> {
        (0..=u16::MAX)
            .step_by(64)
            .zip(self.0)
            .filter(|(_, word)| *word != 0)
            .flat_map(|(base, word)| {
                (0..64)
                    .filter(move |bit| word >> bit & 1 != 0)
                    .map(move |bit| base + bit)
            })
    }
}

#[cfg(test)]
mod tests;
