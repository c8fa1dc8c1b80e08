//! One connection by HTTP/1.1 (RFC 9112), which carries one request after the other.
//!
//! This is our own, with the reader of [`vestibule_lowband::answer`], and not left to hyper, because of memory. A gateway waits for
//! one answer for each client that observes, so there are thousands of connections with a long poll,
//! and a client may cost 32 kB in all. Measured per waiting long poll (in debug builds): 22 to 25 kB
//! with hyper and read buffers of 2 to 8 KiB, 3.5 to 4 kB here, where no buffer is kept while nothing
//! comes.

use std::{
    future::poll_fn,
    io,
    task::{Context, Poll, Waker, ready},
};

use rustix::{io::Errno, net::RecvFlags};
use vestibule_lowband::{
    answer::{Reader, Whole},
    gateway::HttpAnswer,
};
use zeroize::Zeroizing;

use super::{
    answer::Collected,
    failure::{Again, Failure, Unanswered},
    scratch::Scratch,
};
use crate::relay::Leg;

/// A connection on which no request is under way.
pub(super) struct Http1 {
    leg: Leg,
    /// Whether it has carried a request.
    is_proven: bool,
}

/// An answer, and the connection if it can carry another request.
pub(super) struct Exchanged {
    pub(super) answer: HttpAnswer,
    pub(super) kept: Option<Http1>,
}

impl Http1 {
    /// On a new connection.
    pub(super) fn new(leg: Leg) -> Self {
        Self {
            leg,
            is_proven: false,
        }
    }

    /// Sends a request and takes its answer, whose body is put into `body`. When it is
    /// dropped, the connection is closed.
    ///
    /// # Errors
    ///
    /// When no whole answer came.
    pub(super) async fn exchange(
        self,
        request: Zeroizing<Vec<u8>>,
        body: Collected,
        scratch: &Scratch,
    ) -> Result<Exchanged, Unanswered> {
        let mut exchange = Exchange {
            leg: self.leg,
            request: Some((request, 0)),
            reader: Reader::new(body),
            again: Again::Always,
        };
        let outcome = poll_fn(|cx| exchange.poll(cx, scratch)).await;
        let Exchange {
            leg,
            request,
            reader,
            again,
        } = exchange;
        match outcome.and_then(|()| Ok(reader.finish()?)) {
            Ok(Whole {
                status,
                retry_after,
                body,
                keeps,
            }) => Ok(Exchanged {
                answer: HttpAnswer {
                    status,
                    retry_after,
                    body: body.into_bytes(),
                },
                kept: (keeps && request.is_none()).then_some(Self {
                    leg,
                    is_proven: true,
                }),
            }),
            Err(why) => Err(match self.is_proven {
                true => Unanswered { why, again },
                false => Unanswered::for_good(why),
            }),
        }
    }

    /// Whether the server has neither closed the connection nor said something that nobody asked
    /// for. It may still do so on the way to here.
    pub(super) fn is_quiet(&mut self, scratch: &Scratch) -> bool {
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        let peeked = rustix::net::recv(self.leg.socket(), &mut [0; 1][..], flags);
        match (peeked, self.leg.is_tls()) {
            (Err(Errno::AGAIN), false) => true,
            // Tickets of TLS come when they want.
            (Err(Errno::AGAIN), true) | (Ok((_, 1..)), true) => {
                let mut cx = Context::from_waker(Waker::noop());
                scratch.with(|scratch| self.leg.poll_read(&mut cx, scratch).is_pending())
            }
            _ => false,
        }
    }

    /// Says the end, as far as the socket takes it at once, and closes the connection.
    pub(super) fn close(mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        let _ = self.leg.poll_shut_down(&mut cx);
    }
}

/// A request under way.
struct Exchange {
    leg: Leg,
    /// The request, and how much of it was written; `None` when all was.
    request: Option<(Zeroizing<Vec<u8>>, usize)>,
    reader: Reader<Collected>,
    /// What may be done when it fails now.
    again: Again,
}

impl Exchange {
    /// Ready when the whole answer has come, which may be before the whole request is written.
    fn poll(&mut self, cx: &mut Context<'_>, scratch: &Scratch) -> Poll<Result<(), Failure>> {
        let unwritten = match self.poll_write(cx) {
            Poll::Ready(Err(error)) => Some(error),
            Poll::Ready(Ok(())) | Poll::Pending => None,
        };
        match (self.poll_answer(cx, scratch), unwritten) {
            // A server that refuses a body need not read it, but it may have said so.
            (Poll::Pending, Some(error)) => Poll::Ready(Err(Failure::Io(error))),
            (answered, _) => answered,
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some((bytes, sent)) = &mut self.request {
            if *sent == bytes.len() {
                self.request = None;
                break;
            }
            *sent += ready!(self.leg.poll_write(cx, &bytes[*sent..]))?;
            if self.again == Again::Always {
                self.again = Again::IfIdempotent;
            }
        }
        self.leg.poll_flush(cx)
    }

    fn poll_answer(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &Scratch,
    ) -> Poll<Result<(), Failure>> {
        scratch.with(|scratch| {
            loop {
                match ready!(self.leg.poll_read(cx, scratch)) {
                    Ok(0) => return Poll::Ready(Ok(self.reader.end()?)),
                    Ok(n) => {
                        self.again = Again::Never;
                        self.reader.receive(&scratch[..n])?;
                        if self.reader.is_complete() {
                            return Poll::Ready(Ok(()));
                        }
                    }
                    Err(error) => return Poll::Ready(Err(Failure::Io(error))),
                }
            }
        })
    }
}
