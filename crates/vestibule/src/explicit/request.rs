//! Reading the request for a tunnel.

use std::{future::poll_fn, pin::pin, time::Duration};

use zeroize::Zeroize as _;

use vestibule_peek::http::{
    MAX_HEAD_LEN,
    connect::{self, Credentials, Progress},
};

use super::{Answer, Failure};
use crate::{
    ending::{Ending, Party, Refusal},
    relay::Leg,
    upstream::Destination,
    worker::{Connection, Interrupt, Worker},
};

/// A client that says what it wants.
pub(super) struct Client<'a> {
    pub(super) worker: &'a Worker,
    pub(super) connection: &'a Connection,
    pub(super) leg: &'a mut Leg,
    /// What it has sent. What is left after the request is for its target.
    pub(super) received: Vec<u8>,
}

/// What it wants, and who it says it is.
pub(super) struct Asked {
    pub(super) destination: Destination,
    pub(super) credentials: Option<Credentials>,
}

impl Client<'_> {
    /// The request, if all of it comes within `limit`.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub(super) async fn request(&mut self, limit: Duration) -> Result<Asked, Failure> {
        let deadline = self.worker.timers.now().after(limit);
        let mut looked_at = 0;
        loop {
            // Lines make a difference, and at the very beginning each byte; and so does the length.
            let received = &self.received;
            let decides = looked_at < FIRST_LINE
                || received[looked_at..].contains(&b'\n')
                || received.len() >= MAX_HEAD_LEN;
            if decides && let Some((asked, len)) = look(received)? {
                // There may be a password in it.
                self.received[..len].zeroize();
                self.received.drain(..len);
                return Ok(asked);
            }
            looked_at = self.received.len();
            let (worker, leg, received) = (self.worker, &mut *self.leg, &mut self.received);
            let reading = pin!(poll_fn(|cx| {
                worker.with_scratch(|scratch| {
                    leg.poll_read(cx, scratch).map_ok(|n| {
                        received.extend_from_slice(&scratch[..n]);
                        n
                    })
                })
            }));
            let read = self.connection.until(worker, deadline, reading).await;
            // Of a tunnel, only what goes through it will count.
            self.connection.received.set(self.received.len() as u64);
            match read {
                Ok(Ok(0)) | Ok(Err(_)) if self.received.is_empty() => {
                    return Err(Ending::Empty.into());
                }
                Ok(Ok(0)) => return Err(Refusal::HttpRequestTruncated.into()),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(Ending::Reset(Party::Client, error).into()),
                // Browsers connect ahead of time: what they hear then is taken for the answer to
                // their first request.
                Err(Interrupt::Timeout) if self.received.is_empty() => {
                    return Err(Failure {
                        ending: Ending::Refused(Refusal::HttpRequestTimeout),
                        answer: None,
                    });
                }
                Err(Interrupt::Timeout) => return Err(Refusal::HttpRequestTimeout.into()),
                Err(Interrupt::Stop(stop)) => return Err(Ending::Stopped(stop).into()),
            }
        }
    }
}

/// Longer than a request line may be before it is clear whether it is one.
const FIRST_LINE: usize = 64;

/// The request at the beginning of `received`, and its length, when it is complete.
fn look(received: &[u8]) -> Result<Option<(Asked, usize)>, Failure> {
    match connect::request(received) {
        Ok(Progress::NeedMore) => Ok(None),
        Ok(Progress::Request(request)) => {
            let asked = Asked {
                destination: Destination {
                    host: request.host,
                    port: request.port,
                },
                credentials: request.credentials,
            };
            Ok(Some((asked, request.len)))
        }
        Ok(Progress::OtherMethod { method: "HEAD", .. }) => {
            let ending = Ending::Refused(Refusal::MethodNotAllowed);
            let answer = Answer::to(&ending).map(|answer| Box::new(answer.head_only()));
            Err(Failure { ending, answer })
        }
        Ok(Progress::OtherMethod { .. }) => Err(Refusal::MethodNotAllowed.into()),
        Ok(Progress::Http2) => Err(Ending::MalformedRequest("http2").into()),
        Ok(Progress::NotHttp) => Err(Ending::MalformedRequest("not_http").into()),
        Err(connect::Malformed::TooLarge | connect::Malformed::TooManyHeaders) => {
            Err(Refusal::HttpRequestTooLarge.into())
        }
        Err(malformed) => Err(Ending::MalformedRequest(malformed.name()).into()),
    }
}
