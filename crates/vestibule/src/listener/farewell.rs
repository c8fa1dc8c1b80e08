//! Saying goodbye to a client that is not carried.

use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

use crate::{
    relay::Leg,
    worker::{Connection, Worker},
};

/// How long a client may take to hear it.
const LINGER: Duration = Duration::from_secs(2);

/// How much is read meanwhile and thrown away.
const MOST: usize = 256 * 1024;

/// A fatal alert of TLS in clear, as it is sent before there are keys (RFC 8446 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alert {
    DecodeError = 50,
    UnrecognizedName = 112,
}

impl Alert {
    /// The record. Its version is 1.2 in all versions that are in use (RFC 8446 section 5.1).
    pub(super) fn record(self) -> [u8; 7] {
        const ALERT: u8 = 21;
        const FATAL: u8 = 2;
        [ALERT, 3, 3, 0, 2, FATAL, self as u8]
    }
}

/// Writes `last_words` as the leg carries bytes, then the end of the stream, and reads until the client has closed. To close
/// at once would reset the connection if anything of the client's is unread, and a reset may
/// overtake what was written.
pub(crate) async fn farewell(
    worker: &Worker,
    connection: &Connection,
    leg: &mut Leg,
    last_words: &[u8],
) {
    let (mut said, mut discarded) = (0, 0);
    let closing = pin!(poll_fn(|cx| {
        while said < last_words.len() {
            match leg.poll_write(cx, &last_words[said..]) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(n)) => said += n,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
            }
        }
        if leg.poll_shut_down(cx).is_pending() {
            return Poll::Pending;
        }
        worker.with_scratch(|scratch| {
            loop {
                match leg.socket().poll_read(cx, scratch) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(n)) if n > 0 && discarded < MOST => discarded += n,
                    Poll::Ready(_) => return Poll::Ready(()),
                }
            }
        })
    }));
    let _ = connection.within(worker, LINGER, closing).await;
}
