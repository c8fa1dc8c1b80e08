//! One connection by HTTP/2 (RFC 9113), which carries many requests at once.

pub(super) mod io;

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    task::{Poll, ready},
    time::Duration,
};

use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    client::conn::{TrySendError, http2},
    header::{CONTENT_LENGTH, RETRY_AFTER},
    rt::Executor,
};
use hyper_util::rt::TokioTimer;
use tokio::{task::spawn_local, time::Instant};
use vestibule_lowband::{
    answer::{Body, Malformed, is_status, retry_after},
    gateway::HttpAnswer,
};

use self::io::Io;
use super::{
    answer::Collected,
    failure::{Again, Failure, Unanswered},
    scratch::Scratch,
};
use crate::relay::Leg;

/// How much may be under way of one answer, and of all of a connection, in bytes.
const WINDOWS: (u32, u32) = (1024 * 1024, 4 * 1024 * 1024);

/// Most bytes of the head of an answer.
const MAX_HEAD: u32 = 64 * 1024;

/// Between looks whether the server is still there while something is asked of it, and how long its
/// answer may take.
const PING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));

/// A connection by HTTP/2.
pub(super) struct Http2 {
    sender: http2::SendRequest<Full<Bytes>>,
    connection: Driven,
    streams: Cell<usize>,
    /// When the last stream has ended, if there is none.
    idle_since: Cell<Instant>,
    /// Whether a request was answered on it.
    is_proven: Cell<bool>,
    /// Whether it has failed as a whole.
    is_over: Cell<bool>,
}

/// What carries the streams, driven by a task of its own. It is gone when it is over: requests that
/// it has not taken yet come back then.
type Driven = Rc<RefCell<Option<http2::Connection<Io, Full<Bytes>, Local>>>>;

/// A place for one request on a connection.
pub(super) struct Stream(Rc<Http2>);

impl Http2 {
    /// Begins to speak on `leg`, and waits for what the server says of itself. Time is not limited
    /// here.
    ///
    /// # Errors
    ///
    /// When it does not speak HTTP/2.
    pub(super) async fn open(leg: Leg, scratch: &Rc<Scratch>) -> Result<Rc<Self>, Failure> {
        let (io, begin) = Io::new(leg, Rc::clone(scratch));
        let (sender, connection) = http2::Builder::new(Local)
            .timer(TokioTimer::new())
            .initial_stream_window_size(WINDOWS.0)
            .initial_connection_window_size(WINDOWS.1)
            .max_header_list_size(MAX_HEAD)
            .keep_alive_interval(PING.0)
            .keep_alive_timeout(PING.1)
            .handshake(io)
            .await
            .map_err(Failure::Http2)?;
        let connection = Rc::new(RefCell::new(Some(connection)));
        let driven = spawn_local({
            let connection = Rc::clone(&connection);
            poll_fn(move |cx| {
                let mut connection = connection.borrow_mut();
                let Some(driven) = &mut *connection else {
                    return Poll::Ready(Ok(()));
                };
                let done = ready!(Pin::new(driven).poll(cx));
                *connection = None;
                Poll::Ready(done)
            })
        });
        // How many streams there may be is not known before.
        if !begin.is_good().await {
            return Err(match driven.await {
                Ok(Err(error)) => Failure::Http2(error),
                _ => Failure::Cut,
            });
        }
        Ok(Rc::new(Self {
            sender,
            connection,
            streams: Cell::new(0),
            idle_since: Cell::new(Instant::now()),
            is_proven: Cell::new(false),
            is_over: Cell::new(false),
        }))
    }

    /// Whether it can carry no other request, now and later.
    pub(super) fn is_over(&self) -> bool {
        self.is_over.get() || self.sender.is_closed() || self.connection.borrow().is_none()
    }

    /// Since when nothing is under way on it; `None` if something is.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        (self.streams.get() == 0).then(|| self.idle_since.get())
    }

    /// A place for a request; `None` if the server allows no further one now.
    pub(super) fn stream(self: &Rc<Self>) -> Option<Stream> {
        let connection = self.connection.borrow();
        let most = connection.as_ref()?.current_max_send_streams();
        let has_room = self.streams.get() < most;
        (has_room && !self.is_over()).then(|| {
            self.streams.update(|n| n + 1);
            Stream(Rc::clone(self))
        })
    }
}

impl Stream {
    /// Sends a request and takes its answer, whose body is put into `body`. When it is
    /// dropped, the stream is reset.
    ///
    /// # Errors
    ///
    /// When no whole answer came.
    pub(super) async fn exchange(
        self,
        request: Request<Full<Bytes>>,
        body: Collected,
    ) -> Result<HttpAnswer, Unanswered> {
        let connection = &self.0;
        let sent = connection.sender.clone().try_send_request(request).await;
        match sent {
            Ok(response) => {
                connection.is_proven.set(true);
                collect(response, body).await.map_err(Unanswered::for_good)
            }
            Err(error) => Err(connection.unanswered(error)),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.streams.update(|n| n - 1);
        self.0.idle_since.set(Instant::now());
    }
}

impl Http2 {
    fn unanswered(&self, error: TrySendError<Request<Full<Bytes>>>) -> Unanswered {
        let is_unsent = error.message().is_some();
        let error = error.into_error();
        let cause = std::error::Error::source(&error).and_then(|it| it.downcast_ref::<h2::Error>());
        let is_of_the_stream = cause.is_some_and(|it| it.is_reset() && it.is_remote());
        // RFC 9113 section 8.7.
        let is_refused = is_of_the_stream
            && cause.and_then(h2::Error::reason) == Some(h2::Reason::REFUSED_STREAM);
        if !is_of_the_stream {
            self.is_over.set(true);
        }
        let again = match (is_unsent || is_refused, is_of_the_stream) {
            (true, _) => Again::Always,
            (false, false) if self.is_proven.get() => Again::IfIdempotent,
            _ => Again::Never,
        };
        Unanswered {
            why: Failure::Http2(error),
            again,
        }
    }
}

async fn collect(
    response: Response<Incoming>,
    mut collected: Collected,
) -> Result<HttpAnswer, Failure> {
    let (head, mut body) = response.into_parts();
    if !is_status(head.status) {
        return Err(Failure::Malformed(Malformed::Status));
    }
    let length = head.headers.get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    if let Some(length) = length {
        collected.expect(length)?;
    }
    while let Some(frame) = body.frame().await {
        if let Some(data) = frame.map_err(Failure::Http2)?.data_ref() {
            collected.push(data)?;
        }
    }
    Ok(HttpAnswer {
        status: head.status,
        retry_after: head
            .headers
            .get(RETRY_AFTER)
            .and_then(|value| retry_after(value.as_bytes())),
        body: collected.into_bytes(),
    })
}

/// Runs what hyper has to do on this thread.
#[derive(Clone, Copy)]
struct Local;

impl<F: Future<Output = ()> + 'static> Executor<F> for Local {
    fn execute(&self, task: F) {
        spawn_local(task);
    }
}
