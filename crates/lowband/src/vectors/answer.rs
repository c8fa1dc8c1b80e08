//! Answers of a homeserver by HTTP/1.1.

mod oracle;

use crate::answer::{Body, Error, MAX_HEAD_LEN, Malformed, Reader};

/// Most bytes of a body.
const MOST: usize = 1_000;

/// What the connection may carry next.
const NEXT: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// What comes of an answer: its status, its body, and whether the connection can carry another one.
type Outcome = Result<(u16, Vec<u8>, bool), Error<TooLarge>>;

/// A body that takes no more than it may, and sees to it that it is given no more than it was said to be.
#[derive(Debug, Default)]
struct Kept {
    bytes: Vec<u8>,
    expected: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TooLarge;

impl Body for Kept {
    type Error = TooLarge;

    fn expect(&mut self, length: u64) -> Result<(), TooLarge> {
        assert_eq!(self.expected, None, "said twice");
        let length = usize::try_from(length).map_err(|_| TooLarge)?;
        self.expected = Some(length);
        (length <= MOST).then_some(()).ok_or(TooLarge)
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), TooLarge> {
        let len = self.bytes.len() + bytes.len();
        assert!(self.expected.is_none_or(|expected| len <= expected));
        if len > MOST {
            return Err(TooLarge);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

/// Any bytes as what a homeserver says: they mean one thing however they are cut, no more is kept of
/// them than is allowed, a connection is kept only when all of it was the answer, and hyper reads the
/// same.
///
/// # Panics
///
/// When it does not hold.
pub fn check_answer(input: &[u8]) {
    for ends in [false, true] {
        let whole = read([input].into_iter(), ends);
        for len in [1, 2, 7, 64, input.len() / 2 + 1] {
            let cut = read(input.chunks(len), ends);
            assert!(is_same(&whole, &cut), "{whole:?}, but in pieces {cut:?}");
        }
        oracle::check_against_hyper(input, ends, &whole);
        if let Ok((status, body, keeps)) = whole {
            assert!((200..=599).contains(&status) && body.len() <= MOST);
            if keeps {
                check_kept(input, (status, body));
            }
        }
    }
}

/// Nothing but the answer was there: it is none without its last byte, and what follows it belongs to
/// something else.
fn check_kept(input: &[u8], (status, body): (u16, Vec<u8>)) {
    let (_, cut) = input.split_last().expect("an answer has bytes");
    for ends in [false, true] {
        assert_eq!(read([cut].into_iter(), ends), Err(Error::Cut));
    }
    let more = [input, NEXT].concat();
    let expected = Ok((status, body, false));
    assert_eq!(read([&more[..]].into_iter(), false), expected);
    assert_eq!(read(more.chunks(3), false), expected);
}

/// What comes of these pieces, of an answer that may have been complete before the last of them, and
/// then of the end of the connection if it `ends`.
fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>, ends: bool) -> Outcome {
    let mut reader = Reader::new(Kept::default());
    for piece in pieces {
        reader.receive(piece)?;
        assert!(reader.kept() <= MAX_HEAD_LEN);
    }
    if ends && !reader.is_complete() {
        reader.end()?;
    }
    let whole = reader.finish()?;
    Ok((whole.status.as_u16(), whole.body.bytes, whole.keeps))
}

/// Whether two ways to cut the same bytes have led to the same. What breaks two rules breaks that which
/// was looked at first, so a head that is too long may be a broken one too.
fn is_same(whole: &Outcome, cut: &Outcome) -> bool {
    let too_long = Err(Error::Malformed(Malformed::HeadTooLong));
    let is_broken = |outcome: &Outcome| matches!(outcome, Err(Error::Malformed(_)));
    whole == cut || (*cut == too_long && is_broken(whole))
}
