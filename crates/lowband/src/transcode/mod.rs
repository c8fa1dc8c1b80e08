//! JSON ⇄ CBOR (RFC 8259, RFC 8949), without trees.
//!
//! [`json_to_cbor`] and [`cbor_to_json`] read from one end to the other and append to a buffer. Names
//! of members in the table of [`Keys`] become its integers, at every depth, and integers become
//! names; values never do. Neither recurses, and each stops at the [`Limits`] that it is given.
//!
//! | JSON | CBOR |
//! |---|---|
//! | name in the table | its integer; any other name is text, also one that looks like a number |
//! | integer of -2^64 to 2^64 - 1 | integer, in its shortest form; `-0` is 0 |
//! | number that is, as a float of 64 bits, integral and smaller than 2^63: `1.0`, `1e2` | integer |
//! | other integer, other number with exponent | float of 64 bits |
//! | other number | shortest float that is equal |
//! | array, object | definite length, in the order of the JSON |
//! | name that is repeated in an object | the last one stays |
//! | half of a surrogate pair | [`Reason::Surrogate`], or U+FFFD ([`json_to_cbor_lossy`]) |
//!
//! | CBOR | JSON |
//! |---|---|
//! | integer in the table, as a key | its name |
//! | other integer, as a key | its decimal digits |
//! | text, as a key | the same text, never a name of the table |
//! | any other key | [`Reason::Key`] |
//! | key that is repeated in a map | text wins over the integer for the same name, else the last one stays |
//! | float, integral and smaller than 2^63 | integer |
//! | other float | shortest decimal that is equal; [`Reason::NotFinite`] for NaN and infinities |
//! | `undefined` | `null` |
//! | byte string | [`Reason::ByteString`], except under tag 21, 22 or 23: text as the tag asks for |
//! | bignum (tag 2 or 3) of at most 128 bits | integer |
//! | tag 55799 | nothing |
//! | any other tag | [`Reason::Tag`] |
//! | indefinite length | accepted |
//!
//! # Why not a library's parsers
//!
//! General ones recurse, decide themselves what becomes of repeated names, of half surrogate pairs and of
//! the digits of numbers, and do not say at which byte a limit was passed; what they give out would be
//! looked at once more. Here the rules above are the parser. Another one is the judge in tests and fuzz
//! targets: what it takes is taken here, to the same value, and nothing else.
//!
//! # Memory
//!
//! Beside `out`, which gets no more bytes than [`Limits::output`] and is never reserved for more
//! than that, the conversion holds 16 bytes for each member of the objects that are open, no more
//! than [`Limits::items`] of them; about 100 bytes for each container that is open; and one string under
//! tag 21, 22 or 23. Lists grow by doubling. What the input claims about lengths reserves nothing.

mod canonical;
mod cbor;
mod error;
mod float;
mod json;
mod limits;
mod members;
mod output;
mod scan;

#[cfg(test)]
mod tests;

use self::{
    cbor::Decoder,
    json::{Encoder, Surrogates},
    members::Order,
    output::Output,
};
use crate::keys::Keys;

pub use self::{
    error::{Error, Reason},
    limits::Limits,
};

/// Appends to `out` the CBOR of the JSON text `json`, with the integers of `keys`.
///
/// # Errors
///
/// What is wrong with the text and where, or which limit it passes; `out` is then as it was.
pub fn json_to_cbor(
    json: &[u8],
    keys: Keys,
    limits: &Limits,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let order = Order::AsWritten;
    encode(json, keys, limits, order, Surrogates::Refuse, out)
}

/// As [`json_to_cbor`], but half of a surrogate pair becomes U+FFFD, the replacement character; of
/// names that are the same then the last one stays.
///
/// It is for what a homeserver says: others have written what it passes on, and one such string must
/// not keep all the rest from its reader.
///
/// # Errors
///
/// Those of [`json_to_cbor`] but [`Reason::Surrogate`].
pub fn json_to_cbor_lossy(
    json: &[u8],
    keys: Keys,
    limits: &Limits,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let order = Order::AsWritten;
    encode(json, keys, limits, order, Surrogates::Replace, out)
}

/// As [`json_to_cbor`], but canonical: keys are sorted, shorter ones first (RFC 7049 section 3.9),
/// and a number with an exponent has its shortest form, too.
///
/// Sorting needs another buffer, as long as the longest map at most.
///
/// # Errors
///
/// Those of [`json_to_cbor`].
pub fn json_to_canonical_cbor(
    json: &[u8],
    keys: Keys,
    limits: &Limits,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let order = Order::Canonical(Vec::new());
    encode(json, keys, limits, order, Surrogates::Refuse, out)
}

/// Appends to `out` the JSON text of the CBOR data item `cbor`, without white space, with the names
/// of `keys` for integers.
///
/// # Errors
///
/// What is wrong with the item and where, or which limit it passes; `out` is then as it was.
pub fn cbor_to_json(
    cbor: &[u8],
    keys: Keys,
    limits: &Limits,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    // While it is being written, a comma follows it.
    let limit = limits.output.saturating_add(1);
    let mut output = Output::new(out, limit, cbor.len() / 2 * 3);
    let mut decoder = Decoder::new(cbor, keys, limits, &mut output);
    let result = decoder.document();
    let offset = decoder.position();
    finish(result, offset, &mut output)
}

fn encode(
    json: &[u8],
    keys: Keys,
    limits: &Limits,
    order: Order,
    surrogates: Surrogates,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let json = str::from_utf8(json).map_err(|error| Error {
        reason: Reason::Utf8,
        offset: error.valid_up_to(),
    })?;
    let mut output = Output::new(out, limits.output, json.len());
    let mut encoder = Encoder::new(json, keys, limits, order, surrogates, &mut output);
    let result = encoder.document();
    let offset = encoder.position();
    finish(result, offset, &mut output)
}

fn finish(result: Result<(), Reason>, offset: usize, output: &mut Output<'_>) -> Result<(), Error> {
    result.map_err(|reason| {
        output.truncate(0);
        Error { reason, offset }
    })
}
