//! The same bytes, read by hyper.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::client::conn::http1;
use hyper::rt::{Read, ReadBufCursor, Write};

use super::Outcome;
use crate::answer::Error;

/// What hyper makes of an answer.
#[derive(Debug)]
enum Theirs {
    /// It has all of it.
    Whole {
        status: u16,
        body: Vec<u8>,
        /// Whether it would send another request.
        keeps: bool,
    },
    /// It waits for more.
    Waiting,
    /// It takes it for broken.
    Broken,
}

/// A connection that answers, and has nothing but the end behind that, if it `ends`.
struct Wire<'a> {
    answer: &'a [u8],
    ends: bool,
    /// Whether something was asked. Before that, hyper would not know what the answer answers.
    is_asked: bool,
}

/// Whether somebody is to be polled again.
#[derive(Default)]
struct Woken(AtomicBool);

/// What is an answer to us is the same to hyper, if it is one, and what is not whole for us is not for
/// hyper. The other way round proves nothing: hyper takes much that we refuse.
///
/// # Panics
///
/// When it does not hold.
pub(super) fn check_against_hyper(input: &[u8], ends: bool, ours: &Outcome) {
    let theirs = read(input, ends);
    let is_right = match (ours, &theirs) {
        (
            Ok(ours),
            Theirs::Whole {
                status,
                body,
                keeps,
            },
        ) => (ours.0, &ours.1) == (*status, body) && (!ours.2 || ends || *keeps),
        (Ok(_), Theirs::Waiting) | (Err(Error::Cut), Theirs::Whole { .. }) => false,
        _ => true,
    };
    assert!(is_right, "{ours:?}, but hyper has {theirs:?}");
}

/// As much as hyper makes of it.
fn read(input: &[u8], ends: bool) -> Theirs {
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    let wire = Wire {
        answer: input,
        ends,
        is_asked: false,
    };
    let Poll::Ready(Ok((mut sender, mut connection))) =
        pin!(http1::handshake::<_, Empty<Bytes>>(wire)).poll(&mut context)
    else {
        return Theirs::Broken;
    };
    let response = sender.send_request(Request::new(Empty::new()));
    let mut whole = Box::pin(async {
        let response = response.await?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await?;
        Ok::<_, hyper::Error>((status, body.to_bytes().to_vec()))
    });
    let mut read = Poll::Pending;
    let mut is_over = false;
    loop {
        if !is_over {
            is_over = Pin::new(&mut connection).poll(&mut context).is_ready();
        }
        if read.is_pending() {
            read = whole.as_mut().poll(&mut context);
        }
        if !woken.0.swap(false, Ordering::Relaxed) {
            break;
        }
    }
    match read {
        Poll::Ready(Ok((status, body))) => Theirs::Whole {
            status,
            body,
            keeps: sender.is_ready(),
        },
        Poll::Ready(Err(_)) => Theirs::Broken,
        Poll::Pending => Theirs::Waiting,
    }
}

impl Read for Wire<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.is_asked || (self.answer.is_empty() && !self.ends) {
            return Poll::Pending;
        }
        let len = self.answer.len().min(buf.remaining());
        let (now, later) = self.answer.split_at(len);
        buf.put_slice(now);
        self.answer = later;
        Poll::Ready(Ok(()))
    }
}

impl Write for Wire<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.is_asked = true;
        context.waker().wake_by_ref();
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
