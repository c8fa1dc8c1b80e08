//! Formats of bodies: CBOR, or JSON for those who ask for it.

use vestibule_coap::endpoint::Response;
use vestibule_coap::{Code, ContentFormat, OptionList, OptionNumber};

use crate::keys::Keys;
use crate::transcode::{self, Limits, json_to_cbor_lossy};

/// Most bytes of a request's body over CoAP. Events of Matrix have 64 KiB at most.
pub const MAX_REQUEST_LEN: usize = 128 * 1024;

/// The format in which a request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// CBOR, with the integers of this table.
    Cbor(Keys),
    /// JSON, for a client that asked for it or wrote it.
    Json,
}

impl Format {
    /// JSON text in this format. Text of white space is an empty object: clients written in Go do not
    /// survive an empty body.
    ///
    /// # Errors
    ///
    /// When it is no JSON, or exceeds a limit.
    pub fn encode(self, json: &[u8]) -> Result<Vec<u8>, transcode::Error> {
        let json = match json.trim_ascii() {
            [] => b"{}",
            json => json,
        };
        let mut out = Vec::new();
        let keys = match self {
            Self::Cbor(keys) => keys,
            Self::Json => Keys::None,
        };
        json_to_cbor_lossy(json, keys, &Limits::RESPONSE, &mut out)?;
        Ok(match self {
            Self::Cbor(_) => out,
            // The conversion has shown that it is good.
            Self::Json => json.to_vec(),
        })
    }

    fn content_format(self) -> ContentFormat {
        match self {
            Self::Cbor(_) => ContentFormat::CBOR,
            Self::Json => ContentFormat::JSON,
        }
    }
}

/// A response with a body of this format.
pub(super) fn response(
    code: Code,
    format: Format,
    payload: Vec<u8>,
    max_age: Option<u32>,
) -> Response {
    let mut options = OptionList::new();
    let number = format.content_format().0;
    options.push_uint(OptionNumber::CONTENT_FORMAT, number.into());
    if let Some(seconds) = max_age {
        options.push_uint(OptionNumber::MAX_AGE, seconds.into());
    }
    Response {
        code,
        options,
        payload: payload.into(),
    }
}

/// Whether a body is JSON rather than CBOR, by its beginning. CBOR has texts and byte strings of more
/// than 2^56 bytes where JSON has objects and arrays.
pub(super) fn is_json(body: &[u8]) -> bool {
    matches!(body.trim_ascii_start(), [b'{' | b'[', second, ..] if *second != 0)
}
