//! The companion's calls of sync: a receiver for each user, and what it has registered.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use http::Method;
use vestibule_coap::endpoint::{Acknowledge, RequestId, Response};
use vestibule_lowband::mapping::client::Exchange;
use vestibule_lowband::mapping::query::Query;
use vestibule_lowband::sync::{
    self, CallId, Receipt, Receiver, ReceiverAction, ReceiverSettings, Registration, RegistrationId,
};

use crate::companion::Link;
use crate::notes::{Call, Heard, timeout, token};

pub(crate) struct Syncs {
    users: [User; 2],
    /// Whether an earlier registration is renewed rather than cancelled.
    renews: bool,
}

struct User {
    number: usize,
    receiver: Receiver,
    registered: Option<Registered>,
    calls: HashMap<CallId, u64>,
}

/// What was registered last and has not ended.
struct Registered {
    id: RegistrationId,
    registration: Registration,
    request: RequestId,
    exchange: Exchange,
}

/// The time for a register.
const REGISTER: Duration = Duration::from_secs(100);

impl Syncs {
    pub(crate) fn new(renews: bool) -> Self {
        Self {
            users: [0, 1].map(User::new),
            renews,
        }
    }

    pub(crate) fn handle_call(&mut self, now: Instant, number: u64, user: usize, call: &Call) {
        let (_, query) = call.target.split_once('?').expect("a query");
        let (query, _) = Query::from_http(query).expect("a query");
        let registration = Registration::from_query(query.items());
        let user = &mut self.users[user];
        let id = user
            .receiver
            .handle_call(now, registration, timeout(&call.target));
        user.calls.insert(id, number);
    }

    pub(crate) fn handle_gone(&mut self, user: usize, number: u64) {
        let user = &mut self.users[user];
        let gone = user.calls.extract_if(|_, other| *other == number);
        for (id, _) in gone {
            user.receiver.handle_gone(id);
        }
    }

    /// There is another association.
    pub(crate) fn handle_disconnected(&mut self, now: Instant) {
        for user in &mut self.users {
            if let Some(registered) = user.registered.take() {
                user.receiver.handle_lost(now, registered.id);
            }
        }
    }

    /// The gateway cannot be heard, and may have forgotten what was registered.
    pub(crate) fn handle_silence(&mut self, now: Instant, link: &mut Link) {
        for user in &mut self.users {
            if let Some(registered) = user.registered.take() {
                link.endpoint.cancel(now, registered.request);
                user.receiver.handle_lost(now, registered.id);
            }
        }
    }

    /// A register is answered.
    pub(crate) fn handle_registered(
        &mut self,
        now: Instant,
        link: &mut Link,
        request: RequestId,
        response: &Response,
        observed: bool,
    ) {
        let user = self.user(request);
        let registered = user.registered.take().expect("a registration");
        match link.close(&registered.exchange, response) {
            None => user.register(
                now,
                link,
                false,
                registered.id,
                registered.registration.clone(),
            ),
            Some(heard) if heard.status == 200 => {
                let id = registered.id;
                user.registered = observed.then_some(registered);
                user.take(now, link, id, heard);
                if !observed {
                    user.receiver.handle_lost(now, id);
                }
            }
            Some(heard) => user
                .receiver
                .handle_refused(registered.id, &refusal(&heard)),
        }
    }

    pub(crate) fn handle_notification(
        &mut self,
        now: Instant,
        link: &mut Link,
        request: RequestId,
        response: &Response,
    ) {
        let user = self.user(request);
        let registered = user.registered.as_ref().expect("a registration");
        let heard = link.close(&registered.exchange, response);
        let heard = heard.expect("an answer");
        assert_eq!(heard.status, 200, "a notification");
        let id = registered.id;
        user.take(now, link, id, heard);
    }

    pub(crate) fn handle_refused(
        &mut self,
        link: &mut Link,
        request: RequestId,
        response: &Response,
    ) {
        let user = self.user(request);
        let registered = user.registered.take().expect("a registration");
        let heard = link.close(&registered.exchange, response);
        let heard = heard.expect("an answer");
        user.receiver
            .handle_refused(registered.id, &refusal(&heard));
    }

    /// A register is not answered.
    pub(crate) fn handle_failed(&mut self, now: Instant, request: RequestId) {
        let user = self.user(request);
        let registered = user.registered.take().expect("a registration");
        user.receiver.handle_lost(now, registered.id);
    }

    pub(crate) fn next_timer(&self) -> Option<Instant> {
        let users = self.users.iter();
        users.filter_map(|user| user.receiver.poll_timeout()).min()
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        for user in &mut self.users {
            user.receiver.handle_timeout(now);
        }
    }

    /// Does what the receivers want.
    pub(crate) fn drive(
        &mut self,
        now: Instant,
        link: &mut Link,
        answers: &mut VecDeque<(u64, Heard)>,
    ) {
        for user in &mut self.users {
            while let Some(action) = user.receiver.poll_action() {
                match action {
                    ReceiverAction::Register { id, registration } => {
                        user.register(now, link, self.renews, id, registration);
                    }
                    ReceiverAction::Cancel(id) => {
                        let cancelled = user.registered.take_if(|it| it.id == id);
                        if let Some(registered) = cancelled {
                            link.endpoint.cancel(now, registered.request);
                        }
                    }
                    ReceiverAction::Answer { call, body } => {
                        let heard = Heard {
                            status: 200,
                            retry_after: None,
                            body: body.as_bytes().to_vec(),
                        };
                        let number = user.calls.remove(&call);
                        answers.extend(number.map(|number| (number, heard)));
                    }
                    ReceiverAction::Refuse { call, refusal } => {
                        let heard = Heard {
                            status: refusal.status,
                            retry_after: refusal.retry_after.map(|wait| wait.as_secs()),
                            body: refusal.body.as_bytes().to_vec(),
                        };
                        let number = user.calls.remove(&call);
                        answers.extend(number.map(|number| (number, heard)));
                    }
                }
            }
        }
    }

    pub(crate) fn is_observing(&self) -> bool {
        self.users.iter().any(|user| user.registered.is_some())
    }

    fn user(&mut self, request: RequestId) -> &mut User {
        let has = |user: &&mut User| {
            let registered = user.registered.as_ref();
            registered.is_some_and(|registered| registered.request == request)
        };
        self.users.iter_mut().find(has).expect("a registration")
    }
}

impl User {
    fn new(number: usize) -> Self {
        let settings = ReceiverSettings {
            idle: Duration::from_secs(60),
            refresh: Duration::from_secs(150),
            ..ReceiverSettings::default()
        };
        Self {
            number,
            receiver: Receiver::new(settings, number as u64),
            registered: None,
            calls: HashMap::new(),
        }
    }

    fn register(
        &mut self,
        now: Instant,
        link: &mut Link,
        renews: bool,
        id: RegistrationId,
        registration: Registration,
    ) {
        let query = Query::from_items(registration.query());
        let call = Call {
            method: Method::GET,
            target: format!("/_matrix/client/v3/sync?{}", query.to_http()),
            token: Some(token(self.number)),
            body: Vec::new(),
        };
        let (asked, exchange) = link.open(now, &call, REGISTER);
        let before = self.registered.take();
        let request = match before {
            Some(before)
                if renews
                    && link
                        .endpoint
                        .renew(now, before.request, asked.options.clone()) =>
            {
                before.request
            }
            before => {
                if let Some(before) = before {
                    link.endpoint.cancel(now, before.request);
                }
                let request = link.endpoint.observe(now, asked, Acknowledge::ByCaller);
                request.expect("room for a request")
            }
        };
        self.registered = Some(Registered {
            id,
            registration,
            request,
            exchange,
        });
    }

    /// A body has come.
    fn take(&mut self, now: Instant, link: &mut Link, id: RegistrationId, heard: Heard) {
        let receipt = self.receiver.handle_body(now, id, heard.body.into());
        let Some(request) = self.registered.as_ref().map(|it| it.request) else {
            return;
        };
        match receipt {
            Receipt::Acknowledge => link.endpoint.acknowledge(request),
            Receipt::Reject => {
                self.registered = None;
                link.endpoint.cancel(now, request);
            }
        }
    }
}

fn refusal(heard: &Heard) -> sync::Refusal {
    sync::Refusal {
        status: heard.status,
        retry_after: heard.retry_after.map(Duration::from_secs),
        body: heard.body.clone().into(),
    }
}
