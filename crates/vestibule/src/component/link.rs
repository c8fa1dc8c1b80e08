//! One component: its core, and what is known of its link. Its [task](super::task) drives it; others
//! look at it.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use tokio::sync::mpsc;
use vestibule_xmpp::{
    component::{Component, Dropped, Event, SubscriptionState},
    token::Key,
};

use super::{
    ComponentView, Spec,
    counts::Counts,
    shared::Shared,
    view::{Resource, Target},
};
use crate::{log::access, material::are_same_keys};

/// What a component is told.
#[derive(Debug)]
pub(super) enum Order {
    /// These are the settings from now on. The domain is the same.
    Apply(Arc<Spec>),
    /// End: what is pending is waited for until then.
    Leave(Instant),
}

/// One component.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) core: RefCell<Component>,
    domain: String,
    spec: RefCell<Arc<Spec>>,
    /// Those that the core has.
    keys: RefCell<Option<Arc<Vec<Key>>>>,
    orders: RefCell<mpsc::UnboundedReceiver<Order>>,
    state: RefCell<State>,
    counts: RefCell<Counts>,
    leaving: Cell<Option<Instant>>,
}

#[derive(Debug)]
enum State {
    Connected,
    /// With the reason why the last attempt has failed.
    Connecting(Option<String>),
}

impl Link {
    /// A component without a link, that gets `orders`.
    pub(super) fn new(spec: Arc<Spec>, orders: mpsc::UnboundedReceiver<Order>) -> Self {
        Self {
            core: RefCell::new(new_core(&spec)),
            domain: spec.domain().to_owned(),
            keys: RefCell::new(current_keys(&spec)),
            spec: RefCell::new(spec),
            orders: RefCell::new(orders),
            state: RefCell::new(State::Connecting(None)),
            counts: RefCell::new(Counts::new()),
            leaving: Cell::new(None),
        }
    }

    /// Begins anew after a mistake of ours: nothing that was pending is known any more.
    pub(super) fn begin_anew(&self) {
        *self.core.borrow_mut() = new_core(&self.spec());
        self.set_connecting("a mistake of this program: it begins anew".to_owned());
        if self.leaving.get().is_some() {
            self.core.borrow_mut().handle_leaving();
        }
    }

    /// Its domain.
    pub(super) fn domain(&self) -> &str {
        &self.domain
    }

    /// The settings.
    pub(super) fn spec(&self) -> Arc<Spec> {
        Arc::clone(&self.spec.borrow())
    }

    /// The next order.
    pub(super) fn poll_order(&self, cx: &mut Context<'_>) -> Poll<Order> {
        match self.orders.borrow_mut().poll_recv(cx) {
            Poll::Ready(Some(order)) => Poll::Ready(order),
            // Nobody is left who could say anything.
            Poll::Ready(None) => Poll::Pending,
            Poll::Pending => Poll::Pending,
        }
    }

    /// Carries an order out. Who carries the link looks itself whether it is to end or to go
    /// elsewhere.
    pub(super) fn obey(&self, order: Order) {
        match order {
            Order::Apply(spec) => self.apply(spec),
            Order::Leave(until) => {
                let earlier = self.leaving.get().filter(|known| *known < until);
                if self.leaving.replace(earlier.or(Some(until))).is_none() {
                    self.core.borrow_mut().handle_leaving();
                }
            }
        }
    }

    fn apply(&self, spec: Arc<Spec>) {
        let keys = current_keys(&spec);
        let old = self.spec.replace(spec);
        let new = self.spec();
        let are_same = old.settings() == new.settings()
            && are_equal(self.keys.borrow().as_ref(), keys.as_ref());
        *self.keys.borrow_mut() = keys;
        if !are_same {
            let (settings, tokens) = (new.settings().clone(), new.tokens());
            let mut core = self.core.borrow_mut();
            core.reconfigure(Instant::now(), settings, tokens);
        }
    }

    /// Whether the keys were read again since the core was given them.
    pub(super) fn has_new_keys(&self) -> bool {
        let (known, current) = (self.keys.borrow(), current_keys(&self.spec()));
        match (&*known, &current) {
            (Some(known), Some(current)) => !Arc::ptr_eq(known, current),
            _ => false,
        }
    }

    /// Until when what is pending is waited for; `None`: it is not to end.
    pub(super) fn leaving(&self) -> Option<Instant> {
        self.leaving.get()
    }

    /// Whether it is to end now.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        let over = |until| now >= until || self.core.borrow().pending() == 0;
        self.leaving.get().is_some_and(over)
    }

    /// Does what is due.
    pub(super) fn tend(&self, now: Instant) {
        let mut core = self.core.borrow_mut();
        if core.poll_timeout().is_some_and(|due| due <= now) {
            core.handle_timeout(now);
        }
    }

    /// The server has accepted us.
    pub(super) fn set_connected(&self) {
        *self.state.borrow_mut() = State::Connected;
        self.counts.borrow_mut().connects += 1;
    }

    /// There is no link, for this reason.
    pub(super) fn set_connecting(&self, reason: String) {
        *self.state.borrow_mut() = State::Connecting(Some(reason));
    }

    /// Writes and counts what has happened.
    pub(super) fn tell(&self, shared: &Shared) {
        loop {
            let event = self.core.borrow_mut().poll_event();
            let Some(event) = event else { break };
            let component = &self.domain;
            match event {
                Event::Request(record) => {
                    self.counts.borrow_mut().request(&record);
                    shared.record(&access::ComponentRecord { component, record });
                }
                Event::ResourceUp(resource) => {
                    tracing::debug!(component, resource, "resource is up");
                }
                Event::ResourceDown(resource) => {
                    tracing::debug!(component, resource, "resource is down");
                }
                Event::Subscription { target, state } => match state {
                    SubscriptionState::Subscribed => {
                        tracing::info!(component, target, "the target has approved us");
                    }
                    SubscriptionState::Pending => {
                        tracing::info!(component, target, "the target is asked to approve us");
                    }
                    SubscriptionState::Refused => tracing::warn!(
                        component,
                        target,
                        "the target does not approve us; it is asked again later"
                    ),
                    SubscriptionState::Failed => tracing::warn!(
                        component,
                        target,
                        "the target's server answers with an error: does the account exist? it is \
                         asked again later"
                    ),
                },
            }
        }
    }

    /// It as it is now.
    pub(super) fn view(&self) -> ComponentView {
        let (spec, core) = (self.spec(), self.core.borrow());
        let (is_connected, reason) = match &*self.state.borrow() {
            State::Connected => (true, None),
            State::Connecting(reason) => (false, reason.clone()),
        };
        let targets = core.targets().map(|target| Target {
            jid: target.jid.to_owned(),
            subscription: target.subscription,
        });
        let resources = core.resources().map(|resource| Resource {
            jid: resource.jid.to_owned(),
            priority: resource.priority,
            show: resource.show.to_owned(),
            is_eligible: resource.is_eligible,
            is_suspect: resource.is_suspect,
            outstanding: resource.outstanding,
            asked: resource.asked,
        });
        ComponentView {
            domain: self.domain.clone(),
            server: spec.server_label(),
            is_connected,
            is_required: spec.is_required(),
            reason,
            pending: core.pending(),
            retries: core.retries(),
            dropped: Dropped::ALL.map(|reason| core.dropped(reason)),
            counts: self.counts.borrow().clone(),
            targets: targets.collect(),
            resources: resources.collect(),
        }
    }
}

fn new_core(spec: &Spec) -> Component {
    Component::new(spec.settings().clone(), spec.tokens(), rand::random())
}

fn current_keys(spec: &Spec) -> Option<Arc<Vec<Key>>> {
    let keys = spec.material().keys.as_ref();
    keys.map(|keys| keys.current())
}

/// Whether the core would do the same with either.
fn are_equal(one: Option<&Arc<Vec<Key>>>, other: Option<&Arc<Vec<Key>>>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => are_same_keys(one, other),
        _ => false,
    }
}
