//! The answer of a proxy to a request for a tunnel (RFC 9110 section 9.3.6).

mod malformed;

pub use malformed::Malformed;

pub use super::{MAX_HEAD_LEN, MAX_HEADERS};

/// Most interim answers (RFC 9110 section 15.2) that may stand before the final one.
pub const MAX_INTERIM: usize = 8;

/// Longest reason phrase in bytes that is shown.
pub const MAX_REASON_LEN: usize = 80;

/// Longest Proxy-Status in bytes that is shown.
pub const MAX_PROXY_STATUS_LEN: usize = 256;

/// Looks at the head of the final answer at the beginning of `received`, all that has come so far,
/// behind interim answers. What follows the head belongs to the tunnel when the status is 2xx,
/// whatever the header fields say of a body.
///
/// However the bytes are cut into segments, the answer is the same in the end. Each call looks at
/// the heads from their beginning, [`MAX_HEAD_LEN`] bytes at most. Only a line feed can complete a
/// head. Lines may end with LF alone (RFC 9112 section 2.2). Nothing is allocated.
///
/// # Errors
///
/// The rule that a head breaks.
pub fn head(received: &[u8]) -> Result<Progress<'_>, Malformed> {
    let received = &received[..received.len().min(MAX_HEAD_LEN)];
    let mut start = 0;
    for _ in 0..=MAX_INTERIM {
        let Some(head) = next(&received[start..])? else {
            return match received.len() {
                MAX_HEAD_LEN => Err(Malformed::TooLarge),
                _ => Ok(Progress::NeedMore),
            };
        };
        start += head.len;
        // 101 is final: after it nobody speaks HTTP any more (RFC 9110 section 15.2.2).
        if head.status >= 200 || head.status == 101 {
            return Ok(Progress::Head(Head { len: start, ..head }));
        }
    }
    Err(Malformed::Interim)
}

/// What [`head`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// A complete final head.
    Head(Head<'a>),
    /// Nothing is wrong so far, and more bytes belong to the head.
    NeedMore,
}

/// The head of a final answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// Bytes of the head and of the interim ones before it, from the first one received, its empty
    /// line included.
    pub len: usize,
    /// What the proxy says went wrong (RFC 9209): the first header field Proxy-Status up to
    /// [`MAX_PROXY_STATUS_LEN`] bytes. ASCII without control characters; `None` if it is not.
    pub proxy_status: Option<&'a str>,
    /// Reason phrase up to [`MAX_REASON_LEN`] bytes. ASCII without control characters; empty if it
    /// is not.
    pub reason: &'a str,
    /// Status code, 101 or 200 to 999. The tunnel is there when it is 2xx.
    pub status: u16,
}

/// Reads the head at the beginning of `received`; `None` if it is not complete.
fn next(received: &[u8]) -> Result<Option<Head<'_>>, Malformed> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Response::new(&mut fields);
    let len = match parsed.parse(received) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::HeaderName) => return Err(Malformed::HeaderName),
        Err(httparse::Error::HeaderValue) => return Err(Malformed::HeaderValue),
        Err(httparse::Error::NewLine) => return Err(Malformed::LineEnding),
        Err(httparse::Error::Status) => return Err(Malformed::Status),
        Err(httparse::Error::TooManyHeaders) => return Err(Malformed::TooManyHeaders),
        Err(httparse::Error::Token | httparse::Error::Version) => return Err(Malformed::NotHttp),
    };
    let proxy_status = parsed
        .headers
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case("proxy-status"));
    Ok(Some(Head {
        len,
        proxy_status: proxy_status.and_then(|field| printable(field.value, MAX_PROXY_STATUS_LEN)),
        reason: parsed
            .reason
            .and_then(|reason| printable(reason.as_bytes(), MAX_REASON_LEN))
            .unwrap_or_default(),
        // RFC 9110 section 15: three digits, the first of which is not 0.
        status: parsed
            .code
            .filter(|code| *code >= 100)
            .ok_or(Malformed::Status)?,
    }))
}

/// The beginning of `text`, at most `limit` bytes; `None` if something in all of it is not
/// printable ASCII.
fn printable(text: &[u8], limit: usize) -> Option<&str> {
    if !text.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return None;
    }
    str::from_utf8(&text[..text.len().min(limit)]).ok()
}

#[cfg(test)]
mod tests;
