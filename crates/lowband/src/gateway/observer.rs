//! One observation, and what it has under way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::StatusCode;
use vestibule_coap::Code;
use vestibule_coap::endpoint::{Assurance, NotifyError, ObservationId, Response};

use super::ask::{AskId, HttpAnswer};
use super::record::{Asked, Exchange, Finished, Outcome};
use super::shared::{Exceeded, ObservationPlace, Place};
use super::turn::{Core, Turn, refusal, to_answer};
use crate::mapping::server::HttpRequest;
use crate::sync::{
    self, Action, DeliveryId, Observation, Poll, PollFailure, PollId, Reason, Registration,
    Undelivered,
};

/// One observation, and what it has under way.
#[derive(Debug)]
pub(super) struct Observer {
    pub(super) observation: Observation,
    /// The request that has registered.
    pub(super) request: HttpRequest,
    /// The register, as long as it is not answered.
    pub(super) register: Option<Asked>,
    /// What the endpoint calls it.
    pub(super) id: Option<ObservationId>,
    /// Until its last answer.
    pub(super) place: Option<Arc<ObservationPlace>>,
    /// The last answer, until it is acknowledged.
    pub(super) ending: Option<Ending>,
    poll: Option<Asking>,
    sent: Option<Sent>,
}

/// A last answer, which is given again at a sign of life if it was not acknowledged.
#[derive(Debug)]
pub(super) struct Ending {
    response: Response,
    has_failed: bool,
}

/// A poll that is under way.
#[derive(Debug)]
struct Asking {
    ask: AskId,
    poll: PollId,
    _place: Place,
}

/// What the client has not acknowledged.
#[derive(Debug)]
struct Sent {
    /// `None`: it is the last answer.
    delivery: Option<DeliveryId>,
    /// Whether it answers the register: then that has a record of its own.
    is_answer: bool,
    begun: Instant,
    code: Code,
    len: usize,
}

impl Observer {
    /// An observation that was registered by this request.
    pub(super) fn new(
        turn: &mut Turn<'_>,
        asked: Asked,
        request: HttpRequest,
        place: Arc<ObservationPlace>,
        seed: u64,
    ) -> Self {
        let mut observation = Observation::new(turn.core.settings.sync, seed);
        let registration = Registration::from_query(request.query.items());
        observation.handle_register(turn.now, registration);
        Self {
            observation,
            request,
            register: Some(asked),
            id: None,
            place: Some(place),
            ending: None,
            poll: None,
            sent: None,
        }
    }

    /// The client registers again, with the same token of CoAP.
    pub(super) fn register_again(
        &mut self,
        turn: &mut Turn<'_>,
        asked: Asked,
        request: HttpRequest,
        place: Arc<ObservationPlace>,
    ) {
        if let Some(before) = self.register.replace(asked) {
            turn.core
                .abandon(turn.now, Exchange::Register, &before, &self.request);
            turn.replies.drop_exchange(before.exchange);
        }
        let registration = Registration::from_query(request.query.items());
        self.request = request;
        self.place = Some(place);
        self.ending = None;
        self.observation.handle_register(turn.now, registration);
    }

    /// Whether it observes, or will, with the token of this request.
    pub(super) fn is_of_user(&self, request: &HttpRequest) -> bool {
        self.ending.is_none() && self.request.token == request.token
    }

    /// Whether its observation is to be ended because another one has got its place.
    pub(super) fn has_lost_place(&self) -> bool {
        !self.observation.is_over() && self.place.as_ref().is_some_and(|place| place.is_lost())
    }

    /// Bytes that are held and could be given up: nothing is on its way.
    pub(super) fn spare_bytes(&self) -> usize {
        match self.sent {
            Some(_) => 0,
            None => self.observation.held(),
        }
    }

    pub(super) fn handle_peer_alive(&mut self, turn: &mut Turn<'_>) {
        self.observation.handle_peer_alive(turn.now);
        if let (Some(id), Some(ending)) = (self.id, &mut self.ending)
            && std::mem::take(&mut ending.has_failed)
        {
            let response = ending.response.clone();
            self.sent = Some(Sent::new(turn.now, None, false, &response));
            turn.replies.refuse_observation(id, response);
        }
    }

    pub(super) fn handle_delivered(&mut self, turn: &mut Turn<'_>) {
        // A last answer may have taken its place before this was told. Of that one, the end is told.
        let Some(sent) = self.sent.take_if(|sent| sent.delivery.is_some()) else {
            return;
        };
        if let Some(delivery) = sent.delivery {
            self.observation.handle_delivered(turn.now, delivery);
        }
        self.note(turn, &sent, Outcome::Delivered(sent.code));
    }

    pub(super) fn handle_undelivered(&mut self, turn: &mut Turn<'_>, why: Undelivered) {
        let Some(sent) = self.sent.take() else { return };
        match (sent.delivery, &mut self.ending) {
            (Some(delivery), _) => self.observation.handle_undelivered(turn.now, delivery, why),
            (None, Some(ending)) => ending.has_failed = true,
            (None, None) => {}
        }
        self.note(turn, &sent, Outcome::Undelivered(sent.code));
    }

    /// The client does not observe any more, because it has acknowledged the last answer or for another
    /// reason.
    pub(super) fn handle_ended(&mut self, turn: &mut Turn<'_>, is_acknowledged: bool) {
        self.id = None;
        self.ending = None;
        if let Some(sent) = self.sent.take() {
            let outcome = match is_acknowledged {
                true => Outcome::Delivered(sent.code),
                false => Outcome::Abandoned,
            };
            self.note(turn, &sent, outcome);
        }
        self.observation.handle_reset();
    }

    /// The homeserver has answered, or has not. Whether it was asked by this observation.
    pub(super) fn handle_answer(
        &mut self,
        now: Instant,
        id: AskId,
        answer: &Result<HttpAnswer, PollFailure>,
    ) -> bool {
        let Some(Asking { poll, .. }) = self.poll.take_if(|it| it.ask == id) else {
            return false;
        };
        match answer {
            Ok(answer) => self
                .observation
                .handle_answer(now, poll, &to_answer(answer)),
            Err(failure) => self.observation.handle_failure(now, poll, *failure),
        }
        true
    }

    /// Does what the observation wants.
    pub(super) fn act(&mut self, turn: &mut Turn<'_>, action: Action) {
        match action {
            Action::Poll(poll) => self.ask(turn, &poll),
            Action::AnswerRegister { delivery, body } => self.answer(turn, delivery, &body),
            Action::Push { delivery, body } => self.push(turn, delivery, &body),
            Action::RefuseRegister(refusal) | Action::EndWith(refusal) => {
                let answer = refused(&refusal);
                let response = turn.close(&self.request, &answer);
                self.end_with(turn, response, answer.status);
            }
            Action::Ended(Reason::Orphaned) => turn.core.shared.note(Exceeded::Orphan),
            Action::Ended(_) => {}
        }
        if self.observation.is_over() {
            self.cancel_poll(turn.core);
            self.place = None;
        }
    }

    /// It is over, and not because the client has said so.
    pub(super) fn leave(mut self, turn: &mut Turn<'_>) {
        self.cancel_poll(turn.core);
        if let Some(id) = self.id {
            turn.replies.forget_observation(id);
        }
        if let Some(sent) = self.sent.take() {
            self.note(turn, &sent, Outcome::Abandoned);
        }
        if let Some(asked) = self.register.take() {
            let busy = refusal(PollFailure::Overloaded);
            let response = busy.response(self.request.format);
            let outcome = Outcome::refused(&response, busy.name());
            turn.respond(Exchange::Register, &asked, &self.request, response, outcome);
        }
    }

    /// The association is over.
    pub(super) fn abandon(mut self, now: Instant, core: &mut Core) {
        self.cancel_poll(core);
        if let Some(asked) = self.register.take() {
            core.abandon(now, Exchange::Register, &asked, &self.request);
        }
        if let Some(sent) = self.sent.take().filter(|sent| !sent.is_answer) {
            let record = self.record(core, now, &sent, Outcome::Abandoned);
            core.records.push_back(record);
        }
    }

    fn ask(&mut self, turn: &mut Turn<'_>, poll: &Poll) {
        self.cancel_poll(turn.core);
        let Some(place) = turn.core.shared.poll() else {
            let observation = &mut self.observation;
            return observation.handle_failure(turn.now, poll.id, PollFailure::Overloaded);
        };
        let timeouts = &turn.core.settings.timeouts;
        let timeout = match poll.timeout {
            // What the client has missed may be much.
            Duration::ZERO => timeouts.sync,
            wait => timeouts.of_poll(wait),
        };
        let request = Box::new(self.request.for_poll(poll));
        self.poll = Some(Asking {
            ask: turn.core.asks.request(request, timeout),
            poll: poll.id,
            _place: place,
        });
    }

    fn answer(&mut self, turn: &mut Turn<'_>, delivery: Option<DeliveryId>, body: &sync::Body) {
        let response = turn.close(&self.request, &ok(body));
        if let Some(delivery) = delivery
            && !response.code.is_success()
        {
            let observation = &mut self.observation;
            return observation.handle_undelivered(turn.now, delivery, Undelivered::Unsendable);
        }
        let Some(asked) = self.register.take() else {
            return self.observation.handle_reset();
        };
        // What was on its way is not delivered by anything that comes now.
        if let Some(before) = self.sent.take() {
            self.note(turn, &before, Outcome::Abandoned);
        }
        let assurance = match delivery {
            Some(_) => Assurance::Acknowledged,
            None => Assurance::None,
        };
        self.sent = delivery.map(|it| Sent::new(turn.now, Some(it), true, &response));
        let outcome = Outcome::passed_on(&response, StatusCode::OK);
        let len = response.payload.len();
        turn.note(Exchange::Register, &asked, &self.request, len, outcome);
        self.id = turn
            .replies
            .respond_observed(asked.exchange, response, assurance);
        if self.id.is_none() {
            self.sent = None;
            self.observation.handle_reset();
        }
    }

    fn push(&mut self, turn: &mut Turn<'_>, delivery: DeliveryId, body: &sync::Body) {
        let Some(id) = self.id else {
            return self.observation.handle_reset();
        };
        let response = turn.close(&self.request, &ok(body));
        let why = if response.code.is_success() {
            let sent = Sent::new(turn.now, Some(delivery), false, &response);
            match turn.replies.notify(id, response) {
                Ok(()) => {
                    self.sent = Some(sent);
                    return;
                }
                Err(NotifyError::Gone) => {
                    self.id = None;
                    return self.observation.handle_reset();
                }
                Err(NotifyError::NoRoom | NotifyError::Outstanding) => Undelivered::Abandoned,
                Err(NotifyError::NoSuccess) => Undelivered::Unsendable,
            }
        } else {
            Undelivered::Unsendable
        };
        self.observation.handle_undelivered(turn.now, delivery, why);
    }

    /// Tells the client why nothing is observed, by the answer that it waits for.
    fn end_with(&mut self, turn: &mut Turn<'_>, response: Response, status: StatusCode) {
        if let Some(asked) = self.register.take() {
            let outcome = Outcome::passed_on(&response, status);
            turn.respond(Exchange::Register, &asked, &self.request, response, outcome);
        } else if let Some(id) = self.id {
            if let Some(before) = self.sent.take() {
                self.note(turn, &before, Outcome::Abandoned);
            }
            self.sent = Some(Sent::new(turn.now, None, false, &response));
            turn.replies.refuse_observation(id, response.clone());
            self.ending = Some(Ending {
                response,
                has_failed: false,
            });
        }
    }

    fn cancel_poll(&mut self, core: &mut Core) {
        if let Some(Asking { ask, .. }) = self.poll.take() {
            core.asks.cancel(ask);
        }
    }

    fn note(&self, turn: &mut Turn<'_>, sent: &Sent, outcome: Outcome) {
        if !sent.is_answer {
            let record = self.record(turn.core, turn.now, sent, outcome);
            turn.core.records.push_back(record);
        }
    }

    fn record(&self, core: &Core, now: Instant, sent: &Sent, outcome: Outcome) -> Finished {
        let token = core.digest(&self.request);
        Finished {
            sent: sent.len,
            duration: now.saturating_duration_since(sent.begun),
            ..Finished::new(Exchange::Notification, outcome, &self.request, token)
        }
    }
}

impl Sent {
    fn new(
        begun: Instant,
        delivery: Option<DeliveryId>,
        is_answer: bool,
        response: &Response,
    ) -> Self {
        Self {
            delivery,
            is_answer,
            begun,
            code: response.code,
            len: response.payload.len(),
        }
    }
}

fn ok(body: &sync::Body) -> HttpAnswer {
    HttpAnswer {
        status: StatusCode::OK,
        retry_after: None,
        body: body.to_bytes(),
    }
}

fn refused(refusal: &sync::Refusal) -> HttpAnswer {
    HttpAnswer {
        status: StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_GATEWAY),
        retry_after: refusal.retry_after_header(),
        body: refusal.body.to_bytes(),
    }
}
