//! An answer by HTTP/1.1, as it comes in pieces.

use http::StatusCode;

use super::{Body, Error, Malformed, Whole, chunked::Chunked, is_status, retry_after};

/// Most bytes of all heads of an answer, those of interim answers included.
pub const MAX_HEAD_LEN: usize = 64 * 1024;

/// Most header fields of a head.
const MAX_FIELDS: usize = 100;

/// What every head begins with. The rest of what is said is looked at when a head is complete.
const BEGIN: &[u8] = b"HTTP/1.";

/// Reads one answer by HTTP/1.1, to a request that was not HEAD.
///
/// It keeps what has come of a head, at most [`MAX_HEAD_LEN`] bytes, and nothing of what is put into the
/// body. After an error it is of no use any more.
#[derive(Debug)]
pub struct Reader<B> {
    state: State,
    /// What has come of a head.
    head: Vec<u8>,
    /// Bytes of the heads of interim answers.
    interim: usize,
    /// Whether the connection can carry another request.
    keeps: bool,
    status: StatusCode,
    retry_after: Option<String>,
    body: B,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Head,
    /// The body ends after so many bytes more.
    Length(u64),
    Chunked(Chunked),
    /// The body ends with the connection.
    Close,
    Complete,
}

impl<B: Body> Reader<B> {
    /// For an answer whose body is put into `body`.
    pub fn new(body: B) -> Self {
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
    pub fn receive(&mut self, bytes: &[u8]) -> Result<(), Error<B::Error>> {
        let State::Head = self.state else {
            return self.receive_body(bytes);
        };
        let looked_at = self.head.len();
        self.head.extend_from_slice(bytes);
        let begun = self.head.len().min(BEGIN.len());
        if self.head[..begun] != BEGIN[..begun] {
            return Err(Error::Malformed(Malformed::Head));
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
    pub fn end(&mut self) -> Result<(), Error<B::Error>> {
        match self.state {
            State::Close | State::Complete => {
                self.state = State::Complete;
                self.keeps = false;
                Ok(())
            }
            State::Head | State::Length(_) | State::Chunked(_) => Err(Error::Cut),
        }
    }

    /// Whether the whole answer has come.
    pub fn is_complete(&self) -> bool {
        matches!(self.state, State::Complete)
    }

    /// The answer.
    ///
    /// # Errors
    ///
    /// When it is not complete.
    pub fn finish(self) -> Result<Whole<B>, Error<B::Error>> {
        if !self.is_complete() {
            return Err(Error::Cut);
        }
        Ok(Whole {
            status: self.status,
            retry_after: self.retry_after,
            body: self.body,
            keeps: self.keeps,
        })
    }

    /// How many bytes are kept of a head that is not complete.
    pub fn kept(&self) -> usize {
        self.head.len()
    }

    /// Reads heads as long as there are whole ones, up to that of the final answer, and what stands
    /// behind it.
    fn read_heads(&mut self) -> Result<(), Error<B::Error>> {
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
                return Err(Error::Malformed(Malformed::Head));
            }
        }
    }

    /// Reads the head at the beginning of `bytes`; its length if it is complete.
    fn read_head(&mut self, bytes: &[u8]) -> Result<Option<usize>, Error<B::Error>> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut parsed = httparse::Response::new(&mut fields);
        let len = match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(len)) => len,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => {
                return Err(Error::Malformed(Malformed::HeadTooLong));
            }
            Err(_) => return Err(Error::Malformed(Malformed::Head)),
        };
        if has_bare_lf(&bytes[..len]) {
            return Err(Error::Malformed(Malformed::Head));
        }
        let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok());
        match status.filter(|&status| is_status(status)) {
            Some(status) if status == StatusCode::SWITCHING_PROTOCOLS => {
                Err(Error::Malformed(Malformed::Status))
            }
            Some(status) if status.is_informational() => Ok(Some(len)),
            Some(status) => {
                self.status = status;
                self.begin_body(parsed.version == Some(1), parsed.headers)?;
                Ok(Some(len))
            }
            None => Err(Error::Malformed(Malformed::Status)),
        }
    }

    /// Finds out where the body ends (RFC 9112 section 6.3).
    fn begin_body(
        &mut self,
        is_1_1: bool,
        fields: &[httparse::Header<'_>],
    ) -> Result<(), Error<B::Error>> {
        let mut length = None;
        let mut is_chunked = false;
        self.keeps = is_1_1;
        for field in fields {
            let named = |name: &str| field.name.eq_ignore_ascii_case(name);
            if named("content-length") {
                let said = parse_length(field.value).ok_or(Malformed::Length)?;
                if length.is_some_and(|length| length != said) {
                    return Err(Error::Malformed(Malformed::Length));
                }
                length = Some(said);
            } else if named("transfer-encoding") {
                let is_only = !is_chunked && field.value.eq_ignore_ascii_case(b"chunked");
                if !is_only || !is_1_1 {
                    return Err(Error::Malformed(Malformed::Coding));
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
            (_, true, Some(_)) => return Err(Error::Malformed(Malformed::Length)),
            (204 | 304, ..) => {
                // A body that must not be there may come all the same, and would be taken for the
                // next answer.
                self.keeps &= !is_chunked && length.unwrap_or(0) == 0;
                State::Complete
            }
            (_, false, Some(0)) => State::Complete,
            (_, true, None) => State::Chunked(Chunked::START),
            (_, false, Some(length)) => {
                self.body.expect(length).map_err(Error::Body)?;
                State::Length(length)
            }
            (_, false, None) => State::Close,
        };
        Ok(())
    }

    fn receive_body(&mut self, mut bytes: &[u8]) -> Result<(), Error<B::Error>> {
        while !bytes.is_empty() {
            match &mut self.state {
                State::Length(left) => {
                    let n = bytes
                        .len()
                        .min(usize::try_from(*left).unwrap_or(usize::MAX));
                    let (body, rest) = bytes.split_at(n);
                    self.body.push(body).map_err(Error::Body)?;
                    bytes = rest;
                    *left -= n as u64;
                    if *left == 0 {
                        self.state = State::Complete;
                    }
                }
                State::Chunked(chunked) => {
                    let data = chunked.take(&mut bytes)?;
                    self.body.push(data).map_err(Error::Body)?;
                    if chunked.is_complete() {
                        self.state = State::Complete;
                    }
                }
                State::Close => {
                    self.keeps = false;
                    return self.body.push(bytes).map_err(Error::Body);
                }
                State::Head | State::Complete => {
                    self.keeps = false;
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn check_head_len(&self, len: usize) -> Result<(), Error<B::Error>> {
        match self.interim + len > MAX_HEAD_LEN {
            true => Err(Error::Malformed(Malformed::HeadTooLong)),
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
