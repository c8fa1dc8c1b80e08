//! What requests and observations of an association have in common.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::StatusCode;
use vestibule_coap::endpoint::{IncomingRequest, Response};
use vestibule_coap::{Code, OptionList};

use super::ask::{Asks, HttpAnswer};
use super::record::{Asked, Exchange, Finished, Outcome};
use super::replies::Replies;
use super::settings::Settings;
use super::shared::{Exceeded, Shared, TokenDigest};
use crate::mapping::method;
use crate::mapping::server::{self, HttpRequest, Opened, Refusal, Request, Session, Upstream};
use crate::mapping::token::Token;
use crate::sync::{self, Answer, PollFailure, RETRY_AFTER};

/// What requests and observations of an association have in common.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) settings: Arc<Settings>,
    pub(super) shared: Arc<Shared>,
    pub(super) session: Session,
    pub(super) asks: Asks,
    pub(super) records: VecDeque<Finished>,
    /// A token that is worth nothing any more, and what those are told who observe with it.
    pub(super) revoked: Option<(Token, sync::Refusal)>,
    /// Whether nobody may wait for news any more.
    pub(super) is_leaving: bool,
}

/// One call of the gateway: what is known, and what can be done.
pub(super) struct Turn<'a> {
    pub(super) now: Instant,
    pub(super) replies: &'a mut (dyn Replies + 'a),
    pub(super) core: &'a mut Core,
}

impl Core {
    pub(super) fn new(settings: Arc<Settings>, shared: Arc<Shared>) -> Self {
        Self {
            settings,
            shared,
            session: Session::new(),
            asks: Asks::default(),
            records: VecDeque::new(),
            revoked: None,
            is_leaving: false,
        }
    }

    pub(super) fn digest(&self, request: &HttpRequest) -> Option<TokenDigest> {
        let token = request.token.as_ref();
        token.map(|token| self.shared.digest(token))
    }

    /// Notes an exchange that is over without an answer.
    pub(super) fn abandon(
        &mut self,
        now: Instant,
        exchange: Exchange,
        asked: &Asked,
        request: &HttpRequest,
    ) {
        let token = self.digest(request);
        self.records.push_back(Finished {
            received: asked.len,
            duration: now.saturating_duration_since(asked.received),
            ..Finished::new(exchange, Outcome::Abandoned, request, token)
        });
    }
}

impl Turn<'_> {
    /// Translates a request that has come at `received`.
    pub(super) fn open(
        &mut self,
        request: &IncomingRequest,
        received: Instant,
    ) -> Result<Opened, Refusal> {
        let asked = to_request(request, received);
        let Core {
            session, settings, ..
        } = &mut *self.core;
        server::open(session, &settings.mapping, &asked, self.now)
    }

    /// Translates an answer of the homeserver, or one in its place.
    pub(super) fn close(&mut self, request: &HttpRequest, answer: &HttpAnswer) -> Response {
        let upstream = Upstream {
            status: answer.status,
            retry_after: answer.retry_after.as_deref(),
            body: &answer.body,
        };
        let Core {
            session, settings, ..
        } = &mut *self.core;
        let response = server::close(session, &settings.mapping, request, &upstream);
        if let Some(token) = session.take_forgotten_token() {
            let refusal = match answer.status {
                StatusCode::UNAUTHORIZED => sync::Refusal::from_answer(&to_answer(answer)),
                _ => sync::Refusal::unknown_token(),
            };
            self.core.revoked = Some((token, refusal));
        }
        match response.payload.len() <= self.core.shared.limits().response_bytes {
            true => response,
            false => Refusal::AnswerTooLarge.response(request.format),
        }
    }

    /// Answers a request that was translated.
    pub(super) fn respond(
        &mut self,
        exchange: Exchange,
        asked: &Asked,
        request: &HttpRequest,
        response: Response,
        outcome: Outcome,
    ) {
        self.note(exchange, asked, request, response.payload.len(), outcome);
        self.replies.respond(asked.exchange, response);
    }

    /// Answers a request that was translated, and that a limit forbids.
    pub(super) fn refuse(
        &mut self,
        exchange: Exchange,
        asked: &Asked,
        request: &HttpRequest,
        exceeded: Exceeded,
    ) {
        let busy = Refusal::Overloaded {
            retry_after: RETRY_AFTER,
        };
        let response = busy.response(request.format);
        let outcome = Outcome::refused(&response, exceeded.name());
        self.respond(exchange, asked, request, response, outcome);
    }

    /// Answers a request that is not translated.
    pub(super) fn reject(
        &mut self,
        request: &IncomingRequest,
        received: Instant,
        refusal: Refusal,
        name: &'static str,
    ) {
        let asked = to_request(request, received);
        let Core {
            session, settings, ..
        } = &mut *self.core;
        let response = server::refuse(session, &settings.mapping, &asked, refusal);
        let outcome = Outcome::refused(&response, name);
        self.settle(request, received, response, outcome);
    }

    /// Answers who observes no more. It is for the sake of it: the observation is gone already.
    pub(super) fn let_go(&mut self, request: &IncomingRequest, received: Instant) {
        let response = Response {
            code: Code::CONTENT,
            options: OptionList::new(),
            payload: Bytes::from_static(&[0xa0]),
        };
        let outcome = Outcome::Answered {
            code: response.code,
            status: None,
            refusal: None,
        };
        self.settle(request, received, response, outcome);
    }

    /// Notes that a request was answered.
    pub(super) fn note(
        &mut self,
        exchange: Exchange,
        asked: &Asked,
        request: &HttpRequest,
        sent: usize,
        outcome: Outcome,
    ) {
        let token = self.core.digest(request);
        self.core.records.push_back(Finished {
            received: asked.len,
            sent,
            duration: self.now.saturating_duration_since(asked.received),
            ..Finished::new(exchange, outcome, request, token)
        });
    }

    fn settle(
        &mut self,
        request: &IncomingRequest,
        received: Instant,
        response: Response,
        outcome: Outcome,
    ) {
        self.core.records.push_back(Finished {
            exchange: Exchange::Request,
            outcome,
            method: method::to_http(request.code),
            path: server::path(&self.core.settings.mapping, &request.options),
            token: None,
            received: request.payload.len(),
            sent: response.payload.len(),
            duration: self.now.saturating_duration_since(received),
        });
        self.replies.respond(request.exchange, response);
    }
}

/// The answer in place of one that has not come.
pub(super) fn refusal(failure: PollFailure) -> Refusal {
    match failure {
        PollFailure::Overloaded => Refusal::Overloaded {
            retry_after: RETRY_AFTER,
        },
        PollFailure::TimedOut => Refusal::UpstreamTimeout,
        PollFailure::TooLarge => Refusal::AnswerTooLarge,
        PollFailure::Unreachable => Refusal::Unreachable,
    }
}

/// An answer as an observation takes it.
pub(super) fn to_answer(answer: &HttpAnswer) -> Answer {
    let retry_after = answer.retry_after.as_deref();
    Answer::new(answer.status, retry_after, answer.body.clone().into())
}

fn to_request(request: &IncomingRequest, received: Instant) -> Request<'_> {
    Request {
        code: request.code,
        options: &request.options,
        payload: &request.payload,
        message_id: request.message_id,
        received,
    }
}
