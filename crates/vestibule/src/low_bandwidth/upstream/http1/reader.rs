//! An answer by HTTP/1.1, as it comes in pieces.

use std::fmt;

use hyper::StatusCode;
use vestibule_lowband::gateway::HttpAnswer;

use super::chunked::Chunked;
use crate::low_bandwidth::upstream::{
    answer::{Collected, retry_after},
    failure::Failure,
};

/// Most bytes of all heads, those of interim answers included.
const MAX_HEAD_LEN: usize = 64 * 1024;

/// Most header fields of a head.
const MAX_FIELDS: usize = 100;

/// What every head begins with. The rest of what is said is looked at when a head is complete.
const BEGIN: &[u8] = b"HTTP/1.";

/// Reads one answer.
pub(super) struct Reader {
    state: State,
    /// What has come of a head.
    head: Vec<u8>,
    /// Bytes of the heads of interim answers.
    interim: usize,
    /// Whether the connection can carry another request.
    keeps: bool,
    status: StatusCode,
    retry_after: Option<String>,
    body: Collected,
}

#[derive(Clone, Copy)]
enum State {
    Head,
    /// The body ends after so many bytes more.
    Length(u64),
    Chunked(Chunked),
    /// The body ends with the connection.
    Close,
    Complete,
}

/// Which rule an answer breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Malformed {
    /// The chunked coding is broken.
    Chunk,
    /// There is another transfer coding than chunked, or there is one although there must not be.
    Coding,
    /// It does not begin like an answer, or a line of the head is none.
    Head,
    /// The head is too long, or has too many fields.
    HeadTooLong,
    /// Content-Length is no number, or there are different ones, or a transfer coding beside it.
    Length,
    /// The status is no status, or nobody has asked for the protocol to be switched.
    Status,
}

impl Reader {
    /// For an answer whose body is put into `body`.
    pub(super) fn new(body: Collected) -> Self {
        Self {
            state: State::Head,
            head: Vec::new(),
            interim: 0,
            keeps: true,
            status: StatusCode::OK,
            retry_after: None,
            body,
        }
    }

    /// Takes what has come. What stands behind the answer is ignored, and the connection not kept.
    ///
    /// # Errors
    ///
    /// When it is no answer, or too large.
    pub(super) fn receive(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let State::Head = self.state else {
            return self.receive_body(bytes);
        };
        let looked_at = self.head.len();
        self.head.extend_from_slice(bytes);
        let begun = self.head.len().min(BEGIN.len());
        if self.head[..begun] != BEGIN[..begun] {
            return Err(Failure::Malformed(Malformed::Head));
        }
        if has_end(&self.head, looked_at) {
            return self.read_heads();
        }
        self.check_head_len(self.head.len())
    }

    /// The connection has ended.
    ///
    /// # Errors
    ///
    /// When that is not the end of the answer.
    pub(super) fn end(&mut self) -> Result<(), Failure> {
        match self.state {
            State::Close | State::Complete => {
                self.state = State::Complete;
                self.keeps = false;
                Ok(())
            }
            State::Head | State::Length(_) | State::Chunked(_) => Err(Failure::Cut),
        }
    }

    /// Whether the whole answer has come.
    pub(super) fn is_complete(&self) -> bool {
        matches!(self.state, State::Complete)
    }

    /// The answer, and whether the connection can carry another request.
    ///
    /// # Errors
    ///
    /// When it is not complete.
    pub(super) fn finish(self) -> Result<(HttpAnswer, bool), Failure> {
        if !self.is_complete() {
            return Err(Failure::Cut);
        }
        let answer = HttpAnswer {
            status: self.status,
            retry_after: self.retry_after,
            body: self.body.into_bytes(),
        };
        Ok((answer, self.keeps))
    }

    /// Reads heads as long as there are whole ones, up to that of the final answer, and what stands
    /// behind it.
    fn read_heads(&mut self) -> Result<(), Failure> {
        let head = std::mem::take(&mut self.head);
        let mut rest = &head[..];
        loop {
            // What is wrong with one is said when it is whole, whatever it came with.
            let len = match has_end(rest, 0) {
                true => self.read_head(rest)?,
                false => None,
            };
            self.check_head_len(len.unwrap_or(rest.len()))?;
            let Some(len) = len else {
                self.head = rest.to_vec();
                return Ok(());
            };
            rest = &rest[len..];
            if !matches!(self.state, State::Head) {
                return self.receive_body(rest);
            }
            self.interim += len;
            let begun = rest.len().min(BEGIN.len());
            if rest[..begun] != BEGIN[..begun] {
                return Err(Failure::Malformed(Malformed::Head));
            }
        }
    }

    /// Reads the head at the beginning of `bytes`; its length if it is complete.
    fn read_head(&mut self, bytes: &[u8]) -> Result<Option<usize>, Failure> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut parsed = httparse::Response::new(&mut fields);
        let len = match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(len)) => len,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => {
                return Err(Failure::Malformed(Malformed::HeadTooLong));
            }
            Err(_) => return Err(Failure::Malformed(Malformed::Head)),
        };
        if has_bare_lf(&bytes[..len]) {
            return Err(Failure::Malformed(Malformed::Head));
        }
        let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok());
        match status {
            Some(status) if status == StatusCode::SWITCHING_PROTOCOLS => {
                Err(Failure::Malformed(Malformed::Status))
            }
            Some(status) if status.is_informational() => Ok(Some(len)),
            Some(status) => {
                self.status = status;
                self.begin_body(parsed.version == Some(1), parsed.headers)?;
                Ok(Some(len))
            }
            None => Err(Failure::Malformed(Malformed::Status)),
        }
    }

    /// Finds out where the body ends (RFC 9112 section 6.3).
    fn begin_body(&mut self, is_1_1: bool, fields: &[httparse::Header<'_>]) -> Result<(), Failure> {
        let mut length = None;
        let mut is_chunked = false;
        self.keeps = is_1_1;
        for field in fields {
            let named = |name: &str| field.name.eq_ignore_ascii_case(name);
            if named("content-length") {
                let said = parse_length(field.value).ok_or(Malformed::Length);
                let said = said.map_err(Failure::Malformed)?;
                if length.is_some_and(|length| length != said) {
                    return Err(Failure::Malformed(Malformed::Length));
                }
                length = Some(said);
            } else if named("transfer-encoding") {
                let is_only = !is_chunked && field.value.eq_ignore_ascii_case(b"chunked");
                if !is_only || !is_1_1 {
                    return Err(Failure::Malformed(Malformed::Coding));
                }
                is_chunked = true;
            } else if named("connection") {
                let mut options = field.value.split(|&byte| byte == b',');
                self.keeps &= !options.any(|it| it.trim_ascii().eq_ignore_ascii_case(b"close"));
            } else if named("retry-after") {
                self.retry_after = retry_after(field.value);
            }
        }
        self.state = match (self.status.as_u16(), is_chunked, length) {
            (_, true, Some(_)) => return Err(Failure::Malformed(Malformed::Length)),
            (204 | 304, ..) => {
                // A body that must not be there may come all the same, and would be taken for the
                // next answer.
                self.keeps &= !is_chunked && length.unwrap_or(0) == 0;
                State::Complete
            }
            (_, false, Some(0)) => State::Complete,
            (_, true, None) => State::Chunked(Chunked::START),
            (_, false, Some(length)) => {
                self.body.expect(length)?;
                State::Length(length)
            }
            (_, false, None) => State::Close,
        };
        Ok(())
    }

    fn receive_body(&mut self, mut bytes: &[u8]) -> Result<(), Failure> {
        while !bytes.is_empty() {
            match &mut self.state {
                State::Length(left) => {
                    let n = bytes
                        .len()
                        .min(usize::try_from(*left).unwrap_or(usize::MAX));
                    let (body, rest) = bytes.split_at(n);
                    self.body.push(body)?;
                    bytes = rest;
                    *left -= n as u64;
                    if *left == 0 {
                        self.state = State::Complete;
                    }
                }
                State::Chunked(chunked) => {
                    let data = chunked.take(&mut bytes).map_err(Failure::Malformed)?;
                    self.body.push(data)?;
                    if chunked.is_complete() {
                        self.state = State::Complete;
                    }
                }
                State::Close => {
                    self.keeps = false;
                    return self.body.push(bytes);
                }
                State::Head | State::Complete => {
                    self.keeps = false;
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn check_head_len(&self, len: usize) -> Result<(), Failure> {
        match self.interim + len > MAX_HEAD_LEN {
            true => Err(Failure::Malformed(Malformed::HeadTooLong)),
            false => Ok(()),
        }
    }
}

/// Whether a head may end in `bytes`, of which `looked_at` were looked at before: with an empty line.
fn has_end(bytes: &[u8], looked_at: usize) -> bool {
    let new = &bytes[looked_at.saturating_sub(2)..];
    let mut ends = new.windows(2).enumerate();
    ends.any(|(i, pair)| pair == b"\n\n" || (pair == b"\n\r" && new.get(i + 2) == Some(&b'\n')))
}

/// Whether a line of `head` ends with LF alone. It may be taken for the end of a line (RFC 9112
/// section 2.2), but who has written the line may have taken it for a part of a field.
fn has_bare_lf(head: &[u8]) -> bool {
    let is_bare = |pair: &[u8]| pair[0] != b'\r' && pair[1] == b'\n';
    head.windows(2).any(is_bare)
}

/// The number that a field Content-Length has.
fn parse_length(value: &[u8]) -> Option<u64> {
    let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    let text = str::from_utf8(value).ok().filter(|_| is_number)?;
    text.parse().ok()
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chunk => "the chunked coding is broken",
            Self::Coding => "the transfer coding is not the chunked one",
            Self::Head => "the head is none",
            Self::HeadTooLong => "the head is too long",
            Self::Length => "the length of the body is not clear",
            Self::Status => "the status is none that was asked for",
        })
    }
}
