use std::{net::SocketAddr, sync::atomic::Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{self, HeaderValue},
    http::request::Parts,
};

use super::{Answer, Closed, MAX_BODY, Shared, body::Body};
use crate::{
    Fault, Record,
    api::{self, Call, Refusal},
};

/// Answers one request.
///
/// # Errors
///
/// When the connection is to end instead.
pub(super) async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    shared: &Shared,
) -> Result<Response<Body>, Closed> {
    shared.counters.requests.fetch_add(1, Ordering::Relaxed);
    let (head, body) = request.into_parts();
    {
        let mut journal = shared.journal();
        if journal.is_kept() {
            journal.push(Record::new(peer, &head));
        }
    }
    let fault = shared.faults().of(head.uri.path()).clone();
    let answer = match fault {
        Fault::None => proper(head, body, shared).await,
        Fault::Slow(delay) => {
            tokio::time::sleep(delay).await;
            proper(head, body, shared).await
        }
        Fault::Silent => std::future::pending().await,
        Fault::Closed => return Err(Closed),
        fault => {
            // A client that is still sending would otherwise see its connection reset.
            let _ = whole(&head, body).await;
            faulty(&fault, shared)
        }
    };
    Ok(answer.into_response())
}

async fn proper(head: Parts, body: Incoming, shared: &Shared) -> Answer {
    if head.method == Method::OPTIONS {
        return Answer::empty(StatusCode::NO_CONTENT);
    }
    let Some(body) = whole(&head, body).await else {
        return Refusal::TooLarge.into();
    };
    // The head shares the connection's buffer, which a waiting sync needs not hold.
    let call = Call::new(&head, body);
    drop(head);
    match api::answer(call, shared).await {
        Ok(answer) => answer,
        Err(refusal) => refusal.into(),
    }
}

/// The body, unless it is larger than [`MAX_BODY`] or breaks off.
async fn whole(head: &Parts, body: Incoming) -> Option<Bytes> {
    if matches!(head.method, Method::GET | Method::HEAD) {
        return Some(Bytes::new());
    }
    let collected = Limited::new(body, MAX_BODY).collect().await;
    collected.ok().map(http_body_util::Collected::to_bytes)
}

const BAD_GATEWAY: &str = "<html>\n<head><title>502 Bad Gateway</title></head>\n<body>\n\
    <center><h1>502 Bad Gateway</h1></center>\n</body>\n</html>\n";

const PORTAL: &str = "<!DOCTYPE html>\n<html><head><title>Welcome</title></head>\n\
    <body><form action=\"/accept\"><button>I accept the terms of use</button></form></body>\n\
    </html>\n";

/// What a fault answers that does not wait and does not close.
fn faulty(fault: &Fault, shared: &Shared) -> Answer {
    match fault {
        Fault::BadGateway => Answer::page(StatusCode::BAD_GATEWAY, BAD_GATEWAY),
        Fault::Html => Answer::page(StatusCode::OK, PORTAL),
        Fault::Oversized(len) => Answer::with(StatusCode::OK, Body::filler(*len)),
        Fault::Cut => Answer::with(StatusCode::OK, Body::half()),
        Fault::RateLimited { retry_after_ms } => Refusal::Limited {
            retry_after_ms: *retry_after_ms,
        }
        .into(),
        Fault::Error { status, code } => Refusal::Demanded {
            status: *status,
            code,
        }
        .into(),
        Fault::Redirect => {
            let place = format!("{}/redirected", shared.base_url());
            let mut answer = Answer::empty(StatusCode::FOUND);
            let place = HeaderValue::try_from(place).ok();
            answer.field = place.map(|place| (header::LOCATION, place));
            answer
        }
        Fault::Empty | Fault::None | Fault::Silent | Fault::Slow(_) | Fault::Closed => {
            Answer::empty(StatusCode::OK)
        }
    }
}
