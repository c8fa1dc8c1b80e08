//! The little of HTTP/1.1 that clients and origin speak.

use crate::error::Error;
use crate::origin::FILLER;

/// The body of every answer: this many bytes.
pub(crate) const BODY: usize = 128;

/// What a client asks on a connection that stays open.
pub(crate) const REQUEST: &[u8] = b"GET /presence HTTP/1.1\r\n\
    Host: chat.example.org\r\n\
    User-Agent: vestibule-bench\r\n\
    Accept: */*\r\n\r\n";

/// The same as a connection's only request.
pub(crate) const ONLY_REQUEST: &[u8] = b"GET /presence HTTP/1.1\r\n\
    Host: chat.example.org\r\n\
    User-Agent: vestibule-bench\r\n\
    Accept: */*\r\n\
    Connection: close\r\n\r\n";

/// The length of a head with the empty line that ends it; none if the end has not come.
pub(crate) fn head_length(received: &[u8]) -> Option<usize> {
    let end = received.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    Some(end + 4)
}

/// Whether the whole answer has come.
///
/// # Errors
///
/// [`Error::Refused`], and [`Error::WrongAnswer`] when the body is another one than the origin's.
pub(crate) fn answer_is_complete(received: &[u8]) -> Result<bool, Error> {
    let Some(length) = head_length(received) else {
        return Ok(false);
    };
    let (head, body) = received.split_at(length);
    expect_ok(head)?;
    if body.len() > BODY || body.iter().any(|byte| *byte != FILLER) {
        return Err(Error::WrongAnswer);
    }
    Ok(body.len() == BODY)
}

/// Checks the status of an answer.
///
/// # Errors
///
/// [`Error::Refused`] if it is not 200.
pub(crate) fn expect_ok(head: &[u8]) -> Result<(), Error> {
    match head {
        [
            b'H',
            b'T',
            b'T',
            b'P',
            b'/',
            b'1',
            b'.',
            _,
            b' ',
            b'2',
            b'0',
            b'0',
            b' ',
            ..,
        ] => Ok(()),
        _ => {
            let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
            Err(Error::Refused(String::from_utf8_lossy(line).into_owned()))
        }
    }
}

/// Whether a head has a field; `field` is its name in lower case, a colon and a space, and perhaps
/// its value.
pub(crate) fn has_field(head: &[u8], field: &[u8]) -> bool {
    head.split(|byte| *byte == b'\n').any(|line| {
        line.get(..field.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(field))
    })
}

#[cfg(test)]
mod tests;
