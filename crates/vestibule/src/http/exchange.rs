//! One request and its response.

mod pass;

use std::{convert::Infallible, future::pending, rc::Rc, sync::Arc, time::Instant};

use hyper::{
    Method, Request, Response, StatusCode, Uri, Version,
    body::Incoming,
    header::{HeaderValue, TRANSFER_ENCODING, UPGRADE},
    http::request,
};

use super::{
    answer::Answer,
    body::{RequestBody, ResponseBody, Upload},
    front::Front,
    head::{Invalid, asks_for_upgrade, check, rewrite_request, was_offered},
    link::Link,
    upgrade::{Upgrade, switching},
};
use crate::{
    log::access::RequestRecord,
    low_bandwidth::tcp::Revision,
    upstream::{Target, dial_for_request},
};

/// What is known of a request. It is counted and recorded when this is dropped.
pub(super) struct Exchange {
    front: Rc<Front>,
    begun: Instant,
    /// What a record names; `None`: there will be none.
    asked: Option<Asked>,
    /// The status that the client was sent.
    status: Option<StatusCode>,
    sent: u64,
    upload: Option<Rc<Upload>>,
    /// The server's connection, as long as its response comes.
    link: Option<Link>,
    target: Option<Arc<Target>>,
    /// What becomes of a homeserver's answer, if anything does.
    revision: Option<Revision>,
    /// Whether the body of the response is on its way.
    under_way: bool,
    /// Why there is no whole response of a server.
    failure: Option<(&'static str, Option<String>)>,
}

struct Asked {
    method: Method,
    uri: Uri,
    version: Version,
    host: Option<HeaderValue>,
}

/// Answers a request, by a server or by ourselves. It counts from this call on.
pub(super) fn exchange(
    front: Rc<Front>,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<ResponseBody>, Infallible>> {
    let (parts, incoming) = request.into_parts();
    // Not only when the future is polled: hyper looks for FIN before that.
    let exchange = Exchange::begin(front, &parts);
    carry_out(Box::new(exchange), parts, incoming)
}

async fn carry_out(
    mut exchange: Box<Exchange>,
    parts: request::Parts,
    incoming: Incoming,
) -> Result<Response<ResponseBody>, Infallible> {
    let method = parts.method.clone();
    let answer = match exchange.carry(parts, incoming).await {
        Ok(response) => {
            let (mut parts, incoming) = response.into_parts();
            match exchange.pass(&mut parts, incoming).await {
                Ok(content) => {
                    exchange.responds(parts.status, content.is_empty());
                    let body = content.into_body(exchange);
                    return Ok(Response::from_parts(parts, body));
                }
                Err(answer) => answer,
            }
        }
        Err(answer) => answer,
    };
    exchange.link = None;
    exchange.fails(answer.name(), None);
    let is_matrix = exchange.front.service.side.is_some();
    let (response, text) = answer.response(&method, is_matrix);
    exchange.responds(answer.status(), text.is_empty());
    Ok(response.map(|()| ResponseBody::Answer(text, exchange)))
}

impl Exchange {
    fn begin(front: Rc<Front>, parts: &request::Parts) -> Self {
        front.request_begins();
        let asked = front.worker.access.enabled().then(|| Asked {
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            version: parts.version,
            host: None,
        });
        Self {
            front,
            begun: Instant::now(),
            asked,
            status: None,
            sent: 0,
            upload: None,
            link: None,
            target: None,
            revision: None,
            under_way: false,
            failure: None,
        }
    }

    /// Sends the request to a server; answers what that says.
    async fn carry(
        &mut self,
        mut parts: request::Parts,
        incoming: Incoming,
    ) -> Result<Response<Incoming>, Answer> {
        let front = Rc::clone(&self.front);
        // Whoever counts by the other length would see another request behind this one.
        if parts.headers.contains_key(TRANSFER_ENCODING) && !front.flow.has_one_length(&parts) {
            return Err(Answer::Invalid(Invalid::Length));
        }
        let host = check(&mut parts).map_err(Answer::Invalid)?;
        if let Some(asked) = &mut self.asked {
            asked.host = Some(host.clone());
        }
        let known = front.for_host(&host)?;
        let side = front.service.side.as_deref();
        let route = side.map(|side| side.admit(&parts.method, &parts.uri));
        let route = route.transpose().map_err(Answer::Refused)?;
        let (body, upload) = RequestBody::new(&front, incoming);
        let has_body = upload.is_some();
        self.upload = upload;
        // Matrix knows no other protocol.
        let upgrade = side.is_none() && asks_for_upgrade(&parts, has_body);
        let offered: Vec<_> = match upgrade {
            true => parts.headers.get_all(UPGRADE).iter().cloned().collect(),
            false => Vec::new(),
        };
        let may_repeat = !has_body && !upgrade && is_idempotent(&parts.method);
        let forwarded = &front.forwarded;
        rewrite_request(&mut parts, has_body, upgrade, forwarded, &known, side);
        if let (Some(side), Some(route)) = (side, route) {
            self.revision = route.revision;
            side.address(route, &mut parts);
        }
        // They are of the client's connection.
        parts.extensions.clear();
        let request = Request::from_parts(parts, body);
        let response = self.send(request, has_body, may_repeat).await?;
        match (response.status(), upgrade) {
            (StatusCode::SWITCHING_PROTOCOLS, true)
                if was_offered(&offered, response.headers()) =>
            {
                self.switch(response).await
            }
            (StatusCode::SWITCHING_PROTOCOLS, _) => Err(Answer::BadResponse),
            _ => Ok(response),
        }
    }

    /// Sends the request on a connection that was kept, or on a new one. It is sent again when nothing
    /// of it was sent, or when it `may_repeat` and nothing came back.
    async fn send(
        &mut self,
        mut request: Request<RequestBody>,
        has_body: bool,
        may_repeat: bool,
    ) -> Result<Response<Incoming>, Answer> {
        let mut failures = 0;
        loop {
            let mut link = self.link().await?;
            let spare = may_repeat.then(|| copy(&request));
            let (got, was_used) = (link.state.got(), link.state.was_used());
            if let Some(upload) = &self.upload {
                upload.goes_to(&link.state);
            }
            let mut error = match link.send(request, has_body).await {
                Ok(response) => {
                    link.state.responds();
                    self.link = Some(link);
                    return Ok(response);
                }
                Err(error) => error,
            };
            if self.upload_has_failed() {
                return Err(Answer::BadBody);
            }
            if link.state.has_starved() {
                return Err(Answer::LateBody);
            }
            let nothing_came = link.state.got() == got;
            if link.state.has_timed_out() {
                return Err(Answer::ResponseTimeout);
            }
            request = match (error.take_message(), spare) {
                (Some(unsent), _) => {
                    // A connection that was kept may have been closed meanwhile: that is no failure.
                    failures += u32::from(!was_used);
                    unsent
                }
                (None, Some(spare)) if nothing_came => {
                    failures += 1;
                    spare.map(|()| RequestBody::empty())
                }
                (None, _) => {
                    self.fails("upstream_failed", Some(error.into_error().to_string()));
                    return Err(Answer::BadResponse);
                }
            };
            if failures > self.front.service.config.retries {
                self.fails("upstream_failed", Some("the server has closed".to_owned()));
                return Err(Answer::BadResponse);
            }
        }
    }

    /// A connection to a server.
    async fn link(&mut self) -> Result<Link, Answer> {
        let front = &self.front;
        if let Some(link) = front.pool.take().await {
            self.target = Some(Arc::clone(&link.state.target));
            return Ok(link);
        }
        let share = front.share().ok_or(Answer::TooMany)?;
        let certificate = front.certificate.as_deref();
        let (worker, connection, service) = (&front.worker, &front.connection, &front.service);
        // Boxed, because it is large and most requests have a connection already.
        let dialing = Box::pin(dial_for_request(worker, connection, service, certificate));
        match dialing.await {
            Ok(dialed) => {
                self.target = Some(Arc::clone(dialed.active.target()));
                let link = Link::open(front, dialed, share).await;
                link.map_err(|_| Answer::ConnectionFailed)
            }
            Err(ending) => {
                self.fails(Answer::to(&ending).name(), ending.reason());
                Err(Answer::to(&ending))
            }
        }
    }

    /// Leaves the connection to the other protocol. Whoever drives it takes it away from hyper, and
    /// from this future.
    async fn switch(&mut self, response: Response<Incoming>) -> Result<Response<Incoming>, Answer> {
        let (parts, _) = response.into_parts();
        let mut early = switching(parts).map_err(|_| Answer::BadResponse)?;
        let link = self.link.take().ok_or(Answer::BadResponse)?;
        let released = link.release().await;
        let (leg, received, active) = released.ok_or(Answer::BadResponse)?;
        early.extend_from_slice(&received);
        self.status = Some(StatusCode::SWITCHING_PROTOCOLS);
        *self.front.upgrade.borrow_mut() = Some(Upgrade { leg, active, early });
        pending().await
    }

    /// The client is sent this status; `is_empty`: and no body.
    fn responds(&mut self, status: StatusCode, is_empty: bool) {
        self.status = Some(status);
        self.under_way = true;
        self.front.response_begins();
        if is_empty {
            self.ends();
        }
    }

    /// A part of the body goes to the client.
    pub(super) fn sends(&mut self, len: usize) {
        self.sent += len as u64;
        self.front.body_moves();
    }

    /// More of the body is wanted and has not come; or it has, and the client has to take it.
    pub(super) fn wants_more(&self, wanted: bool) {
        if let Some(link) = &self.link {
            link.state.is_wanted(wanted);
        }
    }

    fn upload_has_failed(&self) -> bool {
        self.upload
            .as_ref()
            .is_some_and(|upload| upload.has_failed())
    }

    /// The body has come to its end: the server's connection may be used again.
    pub(super) fn ends(&mut self) {
        if std::mem::take(&mut self.under_way) {
            self.front.response_ends();
        }
        self.lets_go();
    }

    /// The response has come to its end.
    fn lets_go(&mut self) {
        let request_ended = self.upload.as_ref().is_none_or(|upload| upload.has_ended());
        if let Some(link) = self.link.take()
            && request_ended
        {
            self.front.pool.put(link);
        }
    }

    /// The body breaks off.
    pub(super) fn breaks(&mut self, error: &hyper::Error) {
        let (name, reason) = match &self.link {
            _ if self.upload_has_failed() => (Answer::BadBody.name(), None),
            Some(link) if link.state.has_timed_out() => ("idle_timeout", None),
            _ => ("upstream_failed", Some(error.to_string())),
        };
        self.fails(name, reason);
    }

    /// Why there is no whole response of a server. The first reason counts.
    fn fails(&mut self, name: &'static str, reason: Option<String>) {
        self.failure.get_or_insert((name, reason));
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let front = &self.front;
        let (worker, connection, service) = (&front.worker, &front.connection, &front.service);
        if self.under_way {
            front.response_ends();
        }
        let abandoned = self.status.is_none();
        if abandoned && front.gave_up() {
            self.status = Some(StatusCode::REQUEST_TIMEOUT);
            self.failure.get_or_insert(("http_request_timeout", None));
        }
        if self.status.is_none() || self.under_way {
            // Neither we nor the server have ended it.
            self.failure.get_or_insert(match connection.stopped() {
                Some(_) => ("stopped", None),
                None => ("client_closed", None),
            });
        }
        front.request_ends(abandoned);
        service
            .stats
            .requests(self.status.map(|s| s.as_u16()))
            .add(worker.id, 1);
        let Some(asked) = &self.asked else {
            return;
        };
        let failure = self.failure.as_ref();
        worker.access.write_request(&RequestRecord {
            id: connection.id,
            listener: &connection.listener().name,
            client: connection.client(),
            peer: connection.peer(),
            service: service.name(),
            upstream: self.target.as_deref().map(|target| &*target.label),
            protocol: asked.version,
            method: asked.method.as_str(),
            host: asked.host.as_ref().and_then(|host| host.to_str().ok()),
            path: asked.uri.path(),
            status: self.status.map(|status| status.as_u16()),
            bytes_in: self.upload.as_ref().map_or(0, |upload| upload.bytes()),
            bytes_out: self.sent,
            duration: self.begun.elapsed(),
            end: failure.map(|(name, _)| *name),
            reason: failure.and_then(|(_, reason)| reason.as_deref()),
        });
    }
}

/// The head of a request without a body.
fn copy(request: &Request<RequestBody>) -> Request<()> {
    let mut copy = Request::new(());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}

/// RFC 9110 section 9.2.2.
fn is_idempotent(method: &Method) -> bool {
    matches!(
        *method,
        Method::DELETE | Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT
    )
}
