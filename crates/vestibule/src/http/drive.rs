//! Driving hyper on the client's side: time, the end, and who is told what then.

use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use hyper::{
    rt::Executor,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::TokioTimer;
use tokio::task::JoinSet;
use vestibule_config::Http;

use super::{
    MAX_HEAD,
    exchange::exchange,
    front::{Front, Wait},
    io::Io,
    upgrade::Upgrade,
};
use crate::{
    ending::{Ending, Party, Refusal, Stop},
    listener::farewell,
    relay::{Leg, Relay},
    worker::Tick,
};

/// How long responses may still take once the operator has ended the connection.
const GRACE: Duration = Duration::from_secs(2);

/// Requests that a client may have under way at once by HTTP/2.
const STREAMS: u32 = 100;

/// How much may be under way from a client by HTTP/2 for one request, and for all, in bytes.
const WINDOWS: (u32, u32) = (256 * 1024, 1024 * 1024);

/// Between looks whether a client that speaks HTTP/2 still answers, and how long it may take.
const PING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(20));

/// What a client is told that does not send a head to its end.
const TIMEOUT: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// How hyper has come to an end, or why it has to.
enum Outcome {
    Done(hyper::Result<()>),
    /// The client gives up what it asks for, all the time.
    Flooded,
    Late(Wait),
    Stopped(Stop),
    Upgraded(Upgrade),
}

/// Answers requests by HTTP/1.1 until the connection ends.
pub(super) async fn drive_http1(front: Rc<Front>, config: &Http, io: Io) -> Ending {
    let service = {
        let front = Rc::clone(&front);
        service_fn(move |request| exchange(Rc::clone(&front), request))
    };
    let mut connection = http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        .max_header_size(MAX_HEAD)
        .header_read_timeout(None)
        .serve_connection(io.kept_open(), service);
    let mut watch = Watch::new(&front, config, false);
    let outcome = poll_fn(|cx| {
        if watch.is_told_to_end() {
            Pin::new(&mut connection).graceful_shutdown();
        }
        if let Poll::Ready(result) = Pin::new(&mut connection).poll(cx) {
            return Poll::Ready(Outcome::Done(result));
        }
        // hyper may not have written all of the responses before.
        if front.flow.is_flushed()
            && let Some(upgrade) = front.upgrade.take()
        {
            return Poll::Ready(Outcome::Upgraded(upgrade));
        }
        watch.poll(cx)
    })
    .await;
    let was_busy = front.is_busy();
    let starved = front.waits_for_upload();
    if let Outcome::Late(Wait::Body) = outcome
        && starved
    {
        front.gives_up();
    }
    let parts = connection.into_parts();
    let (mut leg, unread) = parts.io.into_leg();
    if let Outcome::Upgraded(upgrade) = outcome {
        let mut first = Vec::from(parts.read_buf);
        first.extend_from_slice(&unread);
        return relay(&front, leg, upgrade, first).await;
    }
    let last_words = match outcome {
        Outcome::Late(Wait::Head) if front.flow.is_flushed() => TIMEOUT,
        Outcome::Late(Wait::Body) if starved => TIMEOUT,
        _ => &[],
    };
    let ending = ending(&front, outcome, was_busy);
    let (worker, connection) = (&front.worker, &front.connection);
    connection.account(worker, &ending);
    match &ending {
        Ending::IdleTimeout(_) if starved => {
            farewell(worker, connection, &mut leg, last_words).await;
        }
        // hyper drops a body that breaks off before it says so.
        Ending::Reset(..) => leg.reset_on_close(),
        Ending::IdleTimeout(_) if was_busy || !front.flow.is_flushed() => leg.reset_on_close(),
        Ending::Stopped(_) if was_busy => leg.reset_on_close(),
        Ending::Stopped(_) => say_end(&mut leg).await,
        _ => farewell(worker, connection, &mut leg, last_words).await,
    }
    ending
}

/// Answers requests by HTTP/2 until the connection ends.
pub(super) async fn drive_http2(front: &Rc<Front>, config: &Http, io: Io) -> Ending {
    let tasks = Tasks::default();
    let service = {
        let front = Rc::clone(front);
        service_fn(move |request| exchange(Rc::clone(&front), request))
    };
    let connection = http2::Builder::new(tasks.clone())
        .timer(TokioTimer::new())
        .initial_stream_window_size(WINDOWS.0)
        .initial_connection_window_size(WINDOWS.1)
        .keep_alive_interval(PING.0)
        .keep_alive_timeout(PING.1)
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(MAX_HEAD as u32)
        .max_local_error_reset_streams(64)
        .max_pending_accept_reset_streams(20)
        .max_send_buf_size(MAX_HEAD)
        .serve_connection(io, service);
    let mut connection = Box::pin(connection);
    let mut watch = Watch::new(front, config, true);
    let outcome = poll_fn(|cx| {
        if watch.is_told_to_end() {
            connection.as_mut().graceful_shutdown();
        }
        loop {
            if let Poll::Ready(result) = connection.as_mut().poll(cx) {
                return Poll::Ready(Outcome::Done(result));
            }
            tasks.reap(cx);
            if front.is_flooded() {
                return Poll::Ready(Outcome::Flooded);
            }
            match std::task::ready!(watch.poll(cx)) {
                // The client is told up to which request it was answered.
                Outcome::Late(Wait::Request) if watch.takes_leave() => {
                    connection.as_mut().graceful_shutdown();
                }
                outcome => return Poll::Ready(outcome),
            }
        }
    })
    .await;
    let was_busy = front.is_busy();
    let ending = match outcome {
        Outcome::Done(Ok(())) if watch.late => Ending::IdleTimeout(Party::Client),
        outcome => ending(front, outcome, was_busy),
    };
    // Requests are recorded before their connection.
    tasks.end().await;
    front.connection.account(&front.worker, &ending);
    ending
}

/// Carries bytes as they are between the client and a server that has switched protocols. `first` is
/// what the client has sent behind its request.
async fn relay(front: &Front, client: Leg, upgrade: Upgrade, first: Vec<u8>) -> Ending {
    let Upgrade {
        leg,
        active: _active,
        early,
    } = upgrade;
    let (worker, connection, service) = (&front.worker, &front.connection, &front.service);
    let mut relay = Relay::new(worker, connection, service, client, leg, early, first);
    Box::pin(relay.run()).await
}

/// How the connection ends. `was_busy`: a response was still due.
fn ending(front: &Front, outcome: Outcome, was_busy: bool) -> Ending {
    let flow = &front.flow;
    let stopped = front.connection.stopped();
    let error = match outcome {
        Outcome::Done(Err(error)) => error,
        Outcome::Done(Ok(())) => {
            return match stopped {
                Some(stop) => Ending::Stopped(stop),
                None if flow.has_ended() => Ending::Eof(Party::Client),
                None => Ending::Eof(Party::Vestibule),
            };
        }
        Outcome::Flooded => return Ending::Refused(Refusal::HttpRequestInvalid),
        Outcome::Late(Wait::Head) => return Ending::Refused(Refusal::HttpRequestTimeout),
        Outcome::Late(_) => return Ending::IdleTimeout(Party::Client),
        Outcome::Stopped(stop) => return Ending::Stopped(stop),
        Outcome::Upgraded(_) => return Ending::InternalError,
    };
    if let Some(kind) = flow.failure() {
        return Ending::Reset(Party::Client, kind.into());
    }
    if error.is_user() || error.is_body_write_aborted() {
        // The body of a response has broken off.
        return Ending::Reset(Party::Upstream, io::ErrorKind::ConnectionReset.into());
    }
    if error.is_parse_too_large() {
        return Ending::Refused(Refusal::HttpRequestTooLarge);
    }
    match flow.has_ended() {
        true if was_busy => Ending::Eof(Party::Client),
        true => Ending::Refused(Refusal::HttpRequestTruncated),
        false => Ending::Refused(Refusal::HttpRequestInvalid),
    }
}

/// Says the end where the client is not waited for.
pub(super) async fn say_end(leg: &mut Leg) {
    poll_fn(|cx| {
        let _ = leg.poll_shut_down(cx);
        Poll::Ready(())
    })
    .await;
}

/// Looks at the time, and whether the connection was told to end.
struct Watch<'a> {
    front: &'a Front,
    config: &'a Http,
    is_h2: bool,
    /// Until when responses may take, once it was told to end.
    grace: Option<Tick>,
    /// Whether it was told that the process ends.
    leaves: bool,
    /// Since when the process only waits for the client to take leave, by HTTP/2.
    leaving_since: Option<Tick>,
    /// Whether the next request has not come in time, by HTTP/2, and the client was told so.
    late: bool,
}

impl<'a> Watch<'a> {
    fn new(front: &'a Front, config: &'a Http, is_h2: bool) -> Self {
        Self {
            front,
            config,
            is_h2,
            grace: None,
            leaves: false,
            leaving_since: None,
            late: false,
        }
    }

    /// Whether the connection was told to end, at once or after its responses. Says each once.
    fn is_told_to_end(&mut self) -> bool {
        let Some(stop) = self.front.connection.stopped() else {
            // Responses may take as long as the process waits.
            return self.front.worker.is_leaving() && !std::mem::replace(&mut self.leaves, true);
        };
        if self.grace.is_some() {
            return false;
        }
        let limit = match stop {
            Stop::Drained => GRACE,
            Stop::Killed => Duration::ZERO,
            Stop::Shutdown => GRACE / 2,
        };
        self.grace = Some(self.front.worker.timers.now().after(limit));
        true
    }

    /// The client has not asked for anything in time: gives it [`GRACE`] to end the connection.
    /// Not twice.
    fn takes_leave(&mut self) -> bool {
        if self.late {
            return false;
        }
        self.late = true;
        self.grace = Some(self.front.worker.timers.now().after(GRACE));
        true
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let (worker, connection) = (&self.front.worker, &self.front.connection);
        let (deadline, outcome) = match (connection.stopped(), self.grace) {
            (Some(Stop::Killed), _) => return Poll::Ready(Outcome::Stopped(Stop::Killed)),
            (Some(stop), Some(grace)) => (grace, Outcome::Stopped(stop)),
            (None, Some(grace)) => (grace, Outcome::Late(Wait::Request)),
            _ => match self.front.wait(self.config, self.is_h2) {
                // Who does not answer GOAWAY must not hold the process.
                (Wait::Request, _) if self.leaves && self.is_h2 => {
                    let now = worker.timers.now();
                    let since = *self.leaving_since.get_or_insert(now);
                    (since.after(GRACE), Outcome::Done(Ok(())))
                }
                (wait, deadline) => {
                    self.leaving_since = None;
                    (deadline, Outcome::Late(wait))
                }
            },
        };
        connection.set_deadline(worker, deadline);
        connection.poll_deadline(worker, cx).map(|()| outcome)
    }
}

/// The requests of a connection by HTTP/2, each a task of the worker that ends with the connection.
#[derive(Clone, Default)]
struct Tasks(Rc<RefCell<JoinSet<()>>>);

impl Tasks {
    /// Forgets those that have ended.
    fn reap(&self, cx: &mut Context<'_>) {
        let mut tasks = self.0.borrow_mut();
        while let Poll::Ready(Some(_)) = tasks.poll_join_next(cx) {}
    }

    /// Ends all.
    async fn end(&self) {
        let mut tasks = self.0.take();
        pin!(tasks.shutdown()).await;
    }
}

impl<F: Future<Output = ()> + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        self.0.borrow_mut().spawn_local(task);
    }
}
