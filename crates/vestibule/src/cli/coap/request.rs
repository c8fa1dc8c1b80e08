//! What the arguments ask for, as a request.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::Path, time::Duration};

use bytes::Bytes;
use vestibule_coap::{ContentFormat, OptionList, OptionNumber, endpoint::Request};

use super::{
    arguments::Arguments,
    exchange::Wish,
    format,
    header::{Header, Source},
    output::as_cbor,
};
use crate::cli::streams::read;

/// The largest body that is sent, in bytes: as many blocks of the smallest size as can be counted.
const LARGEST_BODY: u64 = 16 << 20;

/// When a request fails that nothing else ends.
const FOR_EVER: Duration = Duration::from_secs(365 * 86_400);

/// What is asked for.
///
/// # Errors
/// The body cannot be read, or is not what it should be.
pub(super) fn wish(arguments: &Arguments) -> Result<Wish, String> {
    if arguments.ping {
        return Ok(Wish::Ping);
    }
    let request = request(arguments)?;
    Ok(match arguments.observe {
        true => Wish::States(request, arguments.count),
        false => Wish::Answer(request),
    })
}

fn request(arguments: &Arguments) -> Result<Request, String> {
    let mut options = OptionList::new();
    arguments.target.push_to(&mut options);
    let headers = headers(arguments)?;
    for header in &headers {
        header.push_to(&mut options);
    }
    let mut payload = data(body(arguments))?;
    let says_format = headers.iter().any(Header::is_content_format);
    let told = options.uint(OptionNumber::CONTENT_FORMAT);
    let is_cbor = told == Some(ContentFormat::CBOR.0.into());
    if let Some(keys) = arguments.keys()
        && format::guess(&payload) == Some(ContentFormat::JSON)
        && (is_cbor || !says_format)
    {
        payload = as_cbor(&payload, keys)
            .map_err(|error| format!("the body is no JSON: {}: {error}", error.reason.name()))?;
    }
    if let Some(ContentFormat(format)) = format::guess(&payload)
        && !says_format
    {
        options.set_uint(OptionNumber::CONTENT_FORMAT, format.into());
    }
    Ok(Request {
        code: arguments.method(),
        options,
        payload: Bytes::from(payload),
        confirmable: true,
        deadline: FOR_EVER,
        once: &[],
    })
}

/// The headers that were given, and those of files.
fn headers(arguments: &Arguments) -> Result<Vec<Header>, String> {
    let body_is_stdin = matches!(body(arguments), Some(b"-" | b"@-"));
    let mut readers = arguments.headers.iter().filter(|it| it.is_stdin()).count();
    readers += usize::from(body_is_stdin);
    if readers > 1 {
        return Err("standard input cannot be read twice".to_owned());
    }
    let headers: Result<Vec<_>, _> = arguments.headers.iter().map(Source::headers).collect();
    Ok(headers?.concat())
}

fn body(arguments: &Arguments) -> Option<&[u8]> {
    arguments.data.as_deref().map(OsStr::as_bytes)
}

/// The body that was given, or what is in what was named.
fn data(data: Option<&[u8]>) -> Result<Vec<u8>, String> {
    match data {
        None => Ok(Vec::new()),
        Some(b"-" | b"@-") => read(None, LARGEST_BODY),
        Some(b"@") => Err("no name of a file follows the @".to_owned()),
        Some([b'@', file @ ..]) => read(Some(Path::new(OsStr::from_bytes(file))), LARGEST_BODY),
        Some(literal) => Ok(literal.to_vec()),
    }
}
