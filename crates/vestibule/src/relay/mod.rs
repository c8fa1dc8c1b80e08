//! The relay: bytes both ways between two streams, exactly, until both have ended.

mod direction;
mod leg;
mod stream;

use std::{
    future::poll_fn,
    io,
    task::{Context, Poll},
    time::Duration,
};

use direction::{Cause, Direction, Step};
pub(crate) use leg::Leg;
pub(crate) use stream::Stream;

use crate::{
    ending::{Ending, Party, Stop},
    log::access::Event,
    plan::Service,
    sys::TcpOptions,
    worker::{Connection, TICK, Tick, Worker},
};

/// After this time a connection is written to the access log as still open.
const LONG: Duration = TcpOptions::SETTLED;

/// How long a side that was sent FIN may take to answer, once the connection is over.
const LINGER: Duration = Duration::from_secs(2);

/// Between looks at a side that has said FIN: it may be reset afterwards, which nothing tells while
/// there is nothing to write to it.
const LOOK: Duration = Duration::from_secs(1);

/// Reads of a direction before everybody else has a turn. One that never ends would otherwise take
/// milliseconds at a time.
const READS: u32 = 8;

/// Two streams, and the bytes that go both ways between them until both directions have ended, one
/// side fails, or nothing moves for too long.
///
/// FIN is passed on exactly: a side that has ended may still receive. After a reset, what was read
/// before it is delivered, and then the other side is reset too.
pub(crate) struct Relay<'a> {
    worker: &'a Worker,
    connection: &'a Connection,
    service: &'a Service,
    client: Leg,
    upstream: Leg,
    /// Client to upstream.
    inward: Direction,
    /// Upstream to client.
    outward: Direction,
    client_active: Tick,
    upstream_active: Tick,
    /// The side whose FIN came first.
    first_eof: Option<Party>,
    /// What the first failed system call said, and of which side.
    failure: Option<(Party, io::Error)>,
    /// When to write the "open" record.
    long_at: Tick,
    /// When to look at silence again.
    check_at: Tick,
    /// Whether a direction had ended when silence was last looked at.
    half_closed: bool,
}

impl<'a> Relay<'a> {
    /// A relay between `client` and `upstream`, which is owed `first` before anything else, and from
    /// which `early` has come already.
    pub(crate) fn new(
        worker: &'a Worker,
        connection: &'a Connection,
        service: &'a Service,
        client: Leg,
        upstream: Leg,
        early: Vec<u8>,
        first: Vec<u8>,
    ) -> Self {
        let now = worker.timers.now();
        let came = early.len() as u64;
        connection.sent.set(connection.sent.get() + came);
        service.stats.sent.add(worker.id, came);
        Self {
            worker,
            connection,
            service,
            client,
            upstream,
            inward: Direction::new(first),
            outward: Direction::new(early),
            client_active: now,
            upstream_active: now,
            first_eof: None,
            failure: None,
            long_at: now.after(LONG),
            check_at: now,
            half_closed: false,
        }
    }

    /// Carries until the end, and tells the side that does not know it yet.
    pub(crate) async fn run(&mut self) -> Ending {
        let ending = poll_fn(|cx| self.poll(cx)).await;
        self.connection.account(self.worker, &ending);
        match &ending {
            Ending::Eof(_) => {}
            Ending::Reset(party, _) => self.reset_other(*party).await,
            _ => match self.broken() {
                // However it ends, this is not to look like FIN.
                Some(party) => self.reset_other(party).await,
                None => self.finish(&ending).await,
            },
        }
        ending
    }

    /// The side that is known to have failed, when only bytes for the other side are still owed.
    fn broken(&self) -> Option<Party> {
        if self.inward.source_failed() || self.outward.sink_failed() {
            return Some(Party::Client);
        }
        (self.outward.source_failed() || self.inward.sink_failed()).then_some(Party::Upstream)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ending> {
        if let Some(stop) = self.connection.stopped() {
            return Poll::Ready(Ending::Stopped(stop));
        }
        let inward = self.poll_direction(Party::Client, cx);
        let outward = self.poll_direction(Party::Upstream, cx);
        match (inward, outward) {
            (Poll::Ready(Cause::Eof), Poll::Ready(Cause::Eof)) => {
                return Poll::Ready(Ending::Eof(self.first_eof.unwrap_or(Party::Client)));
            }
            // A side whose read failed is gone, and so is all that could still be sent to it.
            (Poll::Ready(Cause::SourceFailed), _) => return self.failed(Party::Client),
            (_, Poll::Ready(Cause::SourceFailed)) => return self.failed(Party::Upstream),
            // A side that takes no more may have sent something before: that is read to its end.
            (Poll::Ready(Cause::SinkFailed), Poll::Ready(_)) => {
                return self.failed(Party::Upstream);
            }
            (Poll::Ready(_), Poll::Ready(Cause::SinkFailed)) => return self.failed(Party::Client),
            (Poll::Pending, _) | (_, Poll::Pending) => {}
        }
        self.poll_silence(cx)
    }

    fn failed(&mut self, party: Party) -> Poll<Ending> {
        let known = self.failure.take().filter(|(of, _)| *of == party);
        let reset = || io::ErrorKind::ConnectionReset.into();
        Poll::Ready(Ending::Reset(
            party,
            known.map_or_else(reset, |(_, error)| error),
        ))
    }

    /// Moves bytes from `source` to the other side until a system call would block.
    fn poll_direction(&mut self, source: Party, cx: &mut Context<'_>) -> Poll<Cause> {
        let opposite = match source {
            Party::Client => self.outward.next(),
            _ => self.inward.next(),
        };
        let (direction, from, to, sink) = match source {
            Party::Client => (
                &mut self.inward,
                &mut self.client,
                &mut self.upstream,
                Party::Upstream,
            ),
            _ => (
                &mut self.outward,
                &mut self.upstream,
                &mut self.client,
                Party::Client,
            ),
        };
        let (moved, stat, source_active, sink_active) = match source {
            Party::Client => (
                &self.connection.received,
                &self.service.stats.received,
                &mut self.client_active,
                &mut self.upstream_active,
            ),
            _ => (
                &self.connection.sent,
                &self.service.stats.sent,
                &mut self.upstream_active,
                &mut self.client_active,
            ),
        };
        let now = self.worker.timers.now();
        let mut reads = 0;
        loop {
            // What was taken before goes out first: that is the back-pressure of TLS.
            if !direction.sink_failed() {
                let owed = to.owed();
                let flushed = to.poll_flush(cx);
                if to.owed() < owed {
                    *sink_active = now;
                }
                match flushed {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(error)) => {
                        write_failed(direction, to, sink, error, &mut self.failure);
                    }
                }
            }
            match direction.next() {
                Step::Read => {
                    if reads == READS {
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    reads += 1;
                    let moved_now = self.worker.with_scratch(|scratch| {
                        let n = match from.poll_read(cx, scratch) {
                            Poll::Pending => return Poll::Pending,
                            Poll::Ready(Ok(n)) => n,
                            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                        };
                        // The bytes are still in the processor's cache: write them at once.
                        let written = match n {
                            0 => Ok(0),
                            n => match to.poll_write(cx, &scratch[..n]) {
                                Poll::Pending => Ok(0),
                                Poll::Ready(written) => written,
                            },
                        };
                        match written {
                            Ok(written) => {
                                direction.on_read(n, &scratch[written..n]);
                                Poll::Ready(Ok((n, written > 0)))
                            }
                            Err(error) => {
                                write_failed(direction, to, sink, error, &mut self.failure);
                                Poll::Ready(Ok((n, false)))
                            }
                        }
                    });
                    match moved_now {
                        Poll::Pending => return Poll::Pending,
                        Poll::Ready(Ok((0, _))) => {
                            self.first_eof.get_or_insert(source);
                        }
                        Poll::Ready(Ok((n, wrote))) => {
                            moved.set(moved.get() + n as u64);
                            stat.add(self.worker.id, n as u64);
                            *source_active = now;
                            if wrote {
                                *sink_active = now;
                            }
                        }
                        Poll::Ready(Err(error)) => {
                            self.failure.get_or_insert((source, error));
                            direction.on_read_failed();
                        }
                    }
                }
                Step::Write => match to.poll_write(cx, direction.pending()) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(n)) => {
                        direction.on_written(n);
                        *sink_active = now;
                    }
                    Poll::Ready(Err(error)) => {
                        write_failed(direction, to, sink, error, &mut self.failure);
                    }
                },
                Step::ShutDown => match opposite {
                    // Writing to the source failed before, so this is no FIN: the reset was told
                    // to the write and the read sees only the end. It must not look like FIN.
                    Step::Finished(Cause::SinkFailed) => direction.on_source_failed(),
                    // Both have ended: closing the socket says FIN as well.
                    Step::Finished(Cause::Eof) if !to.is_tls() => direction.on_shut_down(),
                    _ => match to.poll_shut_down(cx) {
                        Poll::Pending => return Poll::Pending,
                        Poll::Ready(Ok(())) => direction.on_shut_down(),
                        // It has ended, and everything was delivered: only our goodbye was not.
                        Poll::Ready(Err(_)) if opposite == Step::Finished(Cause::Eof) => {
                            direction.on_shut_down();
                        }
                        Poll::Ready(Err(error)) => {
                            write_failed(direction, to, sink, error, &mut self.failure);
                        }
                    },
                },
                Step::Finished(cause) => {
                    // The source may be unable to read what it is owed before somebody reads what
                    // it writes, although nobody wants that any more.
                    while cause == Cause::SinkFailed
                        && let Poll::Ready(Ok(1..)) = self
                            .worker
                            .with_scratch(|scratch| from.poll_read(cx, scratch))
                    {
                    }
                    return Poll::Ready(cause);
                }
            }
        }
    }

    /// Ends the connection when nothing has moved for too long. The deadline is only looked at
    /// when it comes up, or when a direction has ended; moving bytes costs no timer operation.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<Ending> {
        let half_closed = self.inward.source_ended() || self.outward.source_ended();
        let now = self.worker.timers.now();
        if now < self.check_at && half_closed == self.half_closed {
            return Poll::Pending;
        }
        // Looked at again and again, but not in the moment of FIN: most connections end soon after.
        let looks = half_closed && std::mem::replace(&mut self.half_closed, half_closed);
        if looks && let Some(party) = self.reset_after_fin() {
            return Poll::Ready(Ending::Reset(party, io::ErrorKind::ConnectionReset.into()));
        }
        let (deadline, ending) = self.silence_deadline(half_closed);
        if deadline <= now {
            return Poll::Ready(ending);
        }
        if self.long_at <= now {
            self.connection.record(self.worker, Event::Open);
            if let Stream::Tcp(socket) = self.upstream.socket() {
                // Without them it is only noticed later that the upstream is gone.
                let _ = self.worker.tcp_options.borrow().settle(socket);
            }
            self.long_at = Tick::NEVER;
        }
        self.check_at = deadline.min(self.long_at);
        if half_closed {
            self.check_at = self.check_at.min(now.after(LOOK));
        }
        self.connection.set_deadline(self.worker, self.check_at);
        self.connection
            .poll_deadline(self.worker, cx)
            .map(|()| ending)
    }

    /// The side that has been reset after it had said FIN.
    fn reset_after_fin(&self) -> Option<Party> {
        if self.inward.source_said_fin() && self.client.has_failed() {
            return Some(Party::Client);
        }
        (self.outward.source_said_fin() && self.upstream.has_failed()).then_some(Party::Upstream)
    }

    fn silence_deadline(&self, half_closed: bool) -> (Tick, Ending) {
        let limits = &self.service.config;
        let client = self.client_active.after(limits.idle_timeout.client);
        let upstream = self.upstream_active.after(limits.idle_timeout.upstream);
        let mut soonest = match client <= upstream {
            true => (client, Ending::IdleTimeout(Party::Client)),
            false => (upstream, Ending::IdleTimeout(Party::Upstream)),
        };
        if half_closed {
            let last = self.client_active.max(self.upstream_active);
            let half_close = last.after(limits.half_close_timeout);
            if half_close <= soonest.0 {
                soonest = (half_close, Ending::HalfCloseTimeout);
            }
        }
        soonest
    }

    /// `failed` is gone: waits until what the kernel still holds for the other side is delivered,
    /// and has it reset when it is closed. Waiting ends when nothing moves for
    /// `half_close_timeout`.
    async fn reset_other(&mut self, failed: Party) {
        let other = match failed {
            Party::Client => &mut self.upstream,
            _ => &mut self.client,
        };
        let limit = self.service.config.half_close_timeout;
        let (mut left, mut unmoved) = (other.unacknowledged(), Duration::ZERO);
        while left > 0 && unmoved < limit && self.connection.stopped().is_none() {
            tokio::time::sleep(TICK / 10).await;
            let flushing = poll_fn(|cx| Poll::Ready(other.poll_flush(cx)));
            if let Poll::Ready(Err(_)) = flushing.await {
                break;
            }
            let now = other.unacknowledged();
            unmoved = if now < left {
                Duration::ZERO
            } else {
                unmoved + TICK / 10
            };
            left = now;
        }
        other.reset_on_close();
    }

    /// Ends both sides with FIN: bytes already read are delivered, what still comes in is thrown
    /// away, so that closing does not become a reset.
    async fn finish(&mut self, ending: &Ending) {
        let limit = match ending {
            Ending::Stopped(Stop::Shutdown) => LINGER / 2,
            _ => LINGER,
        };
        let (worker, connection) = (self.worker, self.connection);
        connection.set_deadline(worker, worker.timers.now().after(limit));
        poll_fn(|cx| {
            let inward = poll_discard(
                worker,
                &mut self.inward,
                &mut self.client,
                &mut self.upstream,
                cx,
            );
            let outward = poll_discard(
                worker,
                &mut self.outward,
                &mut self.upstream,
                &mut self.client,
                cx,
            );
            if inward.is_ready() && outward.is_ready() {
                return Poll::Ready(());
            }
            connection.poll_deadline(worker, cx)
        })
        .await;
    }
}

/// `sink`, which is `to`, takes no more.
fn write_failed(
    direction: &mut Direction,
    to: &Leg,
    sink: Party,
    error: io::Error,
    failure: &mut Option<(Party, io::Error)>,
) {
    if to.closed_in_order(&error) {
        return direction.on_sink_closed();
    }
    failure.get_or_insert((sink, error));
    direction.on_write_failed();
}

/// Writes what is pending from `from` to `to`, then FIN, and reads `from` to its end.
fn poll_discard(
    worker: &Worker,
    direction: &mut Direction,
    from: &mut Leg,
    to: &mut Leg,
    cx: &mut Context<'_>,
) -> Poll<()> {
    loop {
        match direction.next() {
            Step::Write => match std::task::ready!(to.poll_write(cx, direction.pending())) {
                Ok(n) => direction.on_written(n),
                Err(_) => direction.on_write_failed(),
            },
            Step::Read => direction.on_read(0, &[]),
            Step::ShutDown => {
                let _ = std::task::ready!(to.poll_shut_down(cx));
                direction.on_shut_down();
            }
            Step::Finished(_) => {
                let read = worker.with_scratch(|scratch| from.poll_read(cx, scratch));
                match std::task::ready!(read) {
                    Ok(n) if n > 0 => {}
                    _ => return Poll::Ready(()),
                }
            }
        }
    }
}
