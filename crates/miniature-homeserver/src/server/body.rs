use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use super::Closed;

/// Most bytes of a request's body, media included.
pub const MAX_BODY: usize = 50 << 20;

/// Most bytes of a piece of filler.
const PIECE: usize = 16 << 10;

static FILLER: [u8; PIECE] = [b'x'; PIECE];

/// What is answered.
#[derive(Debug)]
pub(crate) enum Body {
    /// All of it, or nothing when it has been taken.
    Whole(Bytes),
    /// An object of JSON with a text of so many letters more.
    Filler { begun: bool, left: usize },
    /// This, of twice as many bytes that are announced, and then the end of the connection.
    Half { bytes: Bytes, is_sent: bool },
}

impl Body {
    /// An object of JSON of `len` bytes, at least of the 8 that it takes.
    pub(crate) fn filler(len: usize) -> Self {
        Self::Filler {
            begun: false,
            left: len.saturating_sub(OPEN.len() + CLOSE.len()),
        }
    }

    /// The first half of an object of JSON.
    pub(crate) fn half() -> Self {
        Self::Half {
            bytes: Bytes::from_static(HALF),
            is_sent: false,
        }
    }
}

const HALF: &[u8] = b"{\"next_batch\":\"s1\",\"rooms\":{\"join\":{";
const OPEN: &[u8] = b"{\"x\":\"";
const CLOSE: &[u8] = b"\"}";

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Closed;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Closed>>> {
        let next = match &mut *self {
            Self::Whole(bytes) if bytes.is_empty() => None,
            Self::Whole(bytes) => Some(Ok(std::mem::take(bytes))),
            Self::Half { is_sent: true, .. } => Some(Err(Closed)),
            Self::Half { bytes, is_sent } if bytes.is_empty() => {
                // What was given before is written first.
                *is_sent = true;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Self::Half { bytes, .. } => Some(Ok(std::mem::take(bytes))),
            Self::Filler { begun, .. } if !*begun => {
                *begun = true;
                Some(Ok(Bytes::from_static(OPEN)))
            }
            Self::Filler { left: 0, .. } => {
                *self = Self::Whole(Bytes::new());
                Some(Ok(Bytes::from_static(CLOSE)))
            }
            Self::Filler { left, .. } => {
                let len = (*left).min(PIECE);
                *left -= len;
                Some(Ok(Bytes::from_static(&FILLER[..len])))
            }
        };
        Poll::Ready(next.map(|next| next.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Half { bytes, .. } => SizeHint::with_exact(2 * bytes.len() as u64),
            Self::Filler { .. } => SizeHint::default(),
        }
    }
}
