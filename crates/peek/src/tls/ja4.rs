//! JA4, the fingerprint of a TLS client (FoxIO, "JA4: TLS Client Fingerprinting").

use std::{fmt, str};

use sha2::{Digest, Sha256};

use super::parse::TypeSet;
use super::{Hello, Sni, is_grease};

/// Types of the extensions that the first part speaks of, and the last part leaves out.
const FIRST_PART_EXTENSIONS: [u16; 2] = [0, 16];

/// As many cipher suites as nearly all clients offer at most.
const USUAL_SUITES: usize = 256;

/// As many extensions as nearly all clients send at most.
const USUAL_EXTENSIONS: usize = 64;

/// As many cipher suites as their list can hold.
const MAX_SUITES: usize = 32_767;

/// The JA4 fingerprint of a client, such as `t13d1516h2_8daaf6152771_e5627efa2ab1`: 36 characters
/// of ASCII.
///
/// The transport, the highest version, whether there is a server name, the numbers of cipher suites
/// and extensions, and the ends of the first application protocol; then a hash of the cipher suites
/// and one of the extensions and signature schemes. GREASE is left out everywhere, except in the
/// application protocol.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ja4([u8; Ja4::LEN]);

impl Ja4 {
    /// Length in bytes.
    pub const LEN: usize = 36;

    pub(super) fn new(hello: &Hello<'_>) -> Self {
        let (suite_count, suites) = suites(hello);
        let (extension_count, extensions) = extensions(hello);
        let mut text = *b"t00i000000_000000000000_000000000000";
        text[1..3].copy_from_slice(version(hello));
        if hello.sni() != Sni::Absent {
            text[3] = b'd';
        }
        text[4..6].copy_from_slice(&two_digits(suite_count));
        text[6..8].copy_from_slice(&two_digits(extension_count));
        text[8..10].copy_from_slice(&protocol(hello));
        text[11..23].copy_from_slice(&suites);
        text[24..].copy_from_slice(&extensions);
        Self(text)
    }

    /// The fingerprint.
    pub fn as_str(&self) -> &str {
        // All of it is ASCII, so the empty string is never taken.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Ja4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Ja4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

fn version(hello: &Hello<'_>) -> &'static [u8; 2] {
    match hello.max_version() {
        Some(0x0002) => b"s2",
        Some(0x0300) => b"s3",
        Some(0x0301) => b"10",
        Some(0x0302) => b"11",
        Some(0x0303) => b"12",
        Some(0x0304) => b"13",
        _ => b"00",
    }
}

/// The first and the last character of the first protocol, or of its hexadecimal form when one of
/// them is not alphanumeric.
fn protocol(hello: &Hello<'_>) -> [u8; 2] {
    match hello.alpn().next() {
        Some(&[ref rest @ .., last]) => {
            let first = *rest.first().unwrap_or(&last);
            if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
                [first, last]
            } else {
                [hex_digit(first >> 4), hex_digit(last)]
            }
        }
        _ => *b"00",
    }
}

/// How many cipher suites there are, and the hash of them in ascending order.
fn suites(hello: &Hello<'_>) -> (usize, [u8; 12]) {
    if hello.cipher_suites().len() <= USUAL_SUITES {
        suites_within::<USUAL_SUITES>(hello)
    } else {
        suites_within::<MAX_SUITES>(hello)
    }
}

// Not inlined, so that the usual case does not pay for 64 KiB of stack.
#[inline(never)]
fn suites_within<const N: usize>(hello: &Hello<'_>) -> (usize, [u8; 12]) {
    let mut list = [0; N];
    let mut count = 0;
    let suites = hello.cipher_suites().filter(|suite| !is_grease(*suite));
    for (place, suite) in list.iter_mut().zip(suites) {
        *place = suite;
        count += 1;
    }
    let list = &mut list[..count];
    list.sort_unstable();

    let mut hash = ListHash::new();
    list.iter().for_each(|suite| hash.push(*suite));
    (count, hash.finish())
}

/// How many extensions there are, and the hash of them in ascending order and of the signature
/// schemes in their own.
fn extensions(hello: &Hello<'_>) -> (usize, [u8; 12]) {
    let mut hash = ListHash::new();
    let all = || hello.extension_types().filter(|kind| !is_grease(*kind));
    let count = all().count();
    let wanted = || all().filter(|kind| !FIRST_PART_EXTENSIONS.contains(kind));
    if count <= USUAL_EXTENSIONS {
        let mut types = [0; USUAL_EXTENSIONS];
        let mut len = 0;
        for (place, kind) in types.iter_mut().zip(wanted()) {
            *place = kind;
            len += 1;
        }
        types[..len].sort_unstable();
        types[..len].iter().for_each(|kind| hash.push(*kind));
    } else {
        // None is there twice.
        let mut types = TypeSet::new();
        wanted().for_each(|kind| {
            types.insert(kind);
        });
        types.iter().for_each(|kind| hash.push(kind));
    }
    hash.start_list();
    hello
        .signature_schemes()
        .filter(|scheme| !is_grease(*scheme))
        .for_each(|scheme| hash.push(scheme));
    (count, hash.finish())
}

/// The beginning of the SHA-256 of lists of code points: in hexadecimal, with commas between the
/// values of a list and `_` between the lists.
struct ListHash {
    is_empty: bool,
    separator: u8,
    sha256: Sha256,
}

impl ListHash {
    fn new() -> Self {
        Self {
            is_empty: true,
            separator: b',',
            sha256: Sha256::new(),
        }
    }

    fn push(&mut self, value: u16) {
        let [high, low] = value.to_be_bytes();
        let text = [
            self.separator,
            hex_digit(high >> 4),
            hex_digit(high),
            hex_digit(low >> 4),
            hex_digit(low),
        ];
        self.sha256.update(&text[usize::from(self.is_empty)..]);
        self.is_empty = false;
        self.separator = b',';
    }

    /// The next value begins another list.
    fn start_list(&mut self) {
        self.separator = b'_';
    }

    /// Zeroes when nothing was pushed.
    fn finish(self) -> [u8; 12] {
        let mut text = [b'0'; 12];
        if self.is_empty {
            return text;
        }
        let digest = self.sha256.finalize();
        for (pair, byte) in text.chunks_exact_mut(2).zip(digest) {
            pair.copy_from_slice(&[hex_digit(byte >> 4), hex_digit(byte)]);
        }
        text
    }
}

/// The lower half of `value` as a digit.
fn hex_digit(value: u8) -> u8 {
    b"0123456789abcdef"[usize::from(value & 0x0F)]
}

/// `count`, or 99 when it is more.
fn two_digits(count: usize) -> [u8; 2] {
    let count = count.min(99);
    [hex_digit((count / 10) as u8), hex_digit((count % 10) as u8)]
}

#[cfg(test)]
mod tests;
