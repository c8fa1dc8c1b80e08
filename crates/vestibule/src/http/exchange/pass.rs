//! Responses of servers on their way to the client.

use std::rc::Rc;

use bytes::BytesMut;
use http_body_util::BodyExt;
use hyper::{
    StatusCode,
    body::{Body, Bytes, Incoming},
    http::response,
};

use vestibule_lowband::answer::is_status;

use super::Exchange;
use crate::{
    http::{answer::Answer, body::ResponseBody, head::rewrite_response},
    low_bandwidth::tcp::{self, Unrevised, forget_body},
};

/// The body of a response of a server, before it is known who will be told of its end.
pub(super) enum Content {
    /// As it comes.
    Coming(Incoming),
    /// As it is to be sent.
    Whole(Bytes),
}

impl Content {
    /// Whether nothing of it will come.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Coming(incoming) => incoming.is_end_stream(),
            Self::Whole(bytes) => bytes.is_empty(),
        }
    }

    /// The body of the response of this exchange.
    pub(super) fn into_body(self, exchange: Box<Exchange>) -> ResponseBody {
        match self {
            Self::Coming(incoming) => ResponseBody::Passed(incoming, exchange),
            Self::Whole(bytes) => ResponseBody::Answer(bytes, exchange),
        }
    }
}

impl Exchange {
    /// Makes of a server's response what goes on to the client: `parts` become its head.
    ///
    /// # Errors
    ///
    /// What the client is told when it may not have that.
    pub(super) async fn pass(
        &mut self,
        parts: &mut response::Parts,
        incoming: Incoming,
    ) -> Result<Content, Answer> {
        rewrite_response(parts, incoming.size_hint().exact()).map_err(|_| Answer::BadResponse)?;
        let front = Rc::clone(&self.front);
        let Some(side) = &front.service.side else {
            return Ok(Content::Coming(incoming));
        };
        if !is_status(parts.status) {
            return Err(Answer::BadResponse);
        }
        side.revise_head(parts.status, &mut parts.headers);
        let Some(revision) = self.revision.filter(|_| parts.status == StatusCode::OK) else {
            return Ok(Content::Coming(incoming));
        };
        if !revision.has_body() {
            forget_body(&mut parts.headers);
            return Ok(Content::Coming(incoming));
        }
        // Boxed, because it is large and most answers are passed on as they come.
        let gathered = Box::pin(gather(incoming, tcp::MOST)).await;
        let body = match gathered {
            Ok(body) => body,
            Err(Gathering::TooLarge) => return Err(Answer::Unrevised(Unrevised::TooLarge)),
            Err(Gathering::Broken(error)) => {
                self.breaks(&error);
                let link = self.link.as_ref();
                return Err(match link.is_some_and(|link| link.state.has_timed_out()) {
                    true => Answer::ResponseTimeout,
                    false => Answer::BadResponse,
                });
            }
        };
        self.lets_go();
        let revised = side.revise(revision, &mut parts.headers, body);
        revised.map(Content::Whole).map_err(Answer::Unrevised)
    }
}

/// Why there is no whole body.
enum Gathering {
    /// It breaks off, or breaks a rule.
    Broken(hyper::Error),
    /// It is longer than it may be.
    TooLarge,
}

/// All of a body that has no more than `most` bytes. Trailers are dropped.
///
/// # Errors
///
/// Why it is not there.
async fn gather(mut incoming: Incoming, most: usize) -> Result<Bytes, Gathering> {
    if incoming.size_hint().lower() > most as u64 {
        return Err(Gathering::TooLarge);
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = incoming.frame().await {
        let Ok(data) = frame.map_err(Gathering::Broken)?.into_data() else {
            continue;
        };
        if data.len() > most - whole.len() {
            return Err(Gathering::TooLarge);
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}
