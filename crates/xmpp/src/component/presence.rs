//! Presence: which resources are there, and whether we may know.

use std::time::Instant;

use super::{
    Component, Dropped, Event, SubscriptionState,
    targets::{PING_EVERY, Presence, Targets},
};
use crate::{
    Malformed, jid,
    stanza::{Condition, ErrorKind, Reply, Stanza},
};

/// What the ids of our questions to resources begin with.
pub(super) const PING: &str = "vestibule-ping-";

impl Component {
    /// The link is there: asks for the presence of all targets. Who was not subscribed to is not
    /// probed, for that takes a request back that is still open.
    pub(super) fn begin_presence(&mut self, now: Instant) {
        for at in 0..self.targets.0.len() {
            self.targets.0[at].ask_no_more();
            if self.targets.0[at].was_subscribed {
                self.probe(at);
                // Not every server says that there is no subscription any more: a little later it
                // is asked for, which is answered at once where there is one.
                self.targets.0[at].ask_again(now);
                continue;
            }
            self.subscribe(now, at);
            // Who has registered by presence learns that it is time to do so again.
            if !self.targets.0[at].resources.is_empty() {
                self.show_ourselves(at);
            }
        }
    }

    /// The component goes.
    pub(super) fn end_presence(&mut self) {
        if self.link.is_none() {
            return;
        }
        for target in &self.targets.0 {
            if target.was_subscribed {
                let _ = self.out.presence("unavailable", &target.jid);
            }
        }
    }

    /// Other targets are wanted.
    pub(super) fn change_targets(&mut self, now: Instant) {
        let mut old = std::mem::take(&mut self.targets).0;
        let mut targets = Targets::new(&self.settings.targets);
        for target in &mut targets.0 {
            if let Some(at) = old.iter().position(|known| known.jid == target.jid) {
                *target = old.swap_remove(at);
            }
        }
        self.targets = targets;
        for target in old.iter().filter(|target| target.was_subscribed) {
            if self.link.is_some() {
                let _ = self.out.presence("unavailable", &target.jid);
            }
        }
        for resource in old.into_iter().flat_map(|target| target.resources) {
            self.resource_gone(now, &resource.jid);
            self.tell(Event::ResourceDown(resource.jid));
        }
        for at in 0..self.targets.0.len() {
            let target = &self.targets.0[at];
            if self.link.is_some() && !target.was_subscribed && target.ask_at.is_none() {
                self.subscribe(now, at);
            }
        }
    }

    /// Presence has come.
    pub(super) fn take_presence(
        &mut self,
        now: Instant,
        stanza: &Stanza<'_>,
        from: &str,
        to: &str,
    ) {
        let kind = stanza.type_name();
        if !self.targets.has(from) {
            return match kind {
                "error" => self.drop_stanza(Dropped::Unwanted),
                _ => self.answer(
                    stanza,
                    Some(Reply::Error(
                        ErrorKind::Cancel,
                        Condition::BadRequest,
                        "The presence of others is not of interest here.",
                    )),
                ),
            };
        }
        let bare = jid::bare(from);
        let position = self.targets.0.iter().position(|target| target.jid == bare);
        let Some(at) = position.filter(|_| to == self.settings.domain) else {
            return self.drop_stanza(Dropped::Unwanted);
        };
        match kind {
            "" if from == bare => self.drop_stanza(Dropped::Unwanted),
            "" => match presence(stanza) {
                Ok(presence) => self.resource_comes(now, at, from, presence),
                Err(_) => self.drop_stanza(Dropped::Malformed),
            },
            "unavailable" if from == bare => self.lose_all(now, at),
            "unavailable" => self.lose_resource(now, from),
            "error" if from != bare => self.lose_resource(now, from),
            "error" => {
                self.lose_all(now, at);
                self.subscription_ends(now, at, SubscriptionState::Failed);
            }
            "probe" => self.show_ourselves(at),
            "subscribe" => {
                let sent = self.out.presence("subscribed", bare);
                self.check(sent);
                self.show_ourselves(at);
                let target = &mut self.targets.0[at];
                if target.subscription != SubscriptionState::Subscribed {
                    target.ask_soon(now);
                }
            }
            "subscribed" => {
                let target = &mut self.targets.0[at];
                target.was_subscribed = true;
                target.ask_no_more();
                self.subscription_is(at, SubscriptionState::Subscribed);
                self.probe(at);
            }
            "unsubscribe" => {
                let sent = self.out.presence("unsubscribed", bare);
                self.check(sent);
            }
            "unsubscribed" => self.subscription_ends(now, at, SubscriptionState::Refused),
            _ => self.drop_stanza(Dropped::Unwanted),
        }
    }

    /// A resource is gone, with all that it was asked.
    pub(super) fn lose_resource(&mut self, now: Instant, jid: &str) {
        let target = self.targets.target(jid::bare(jid));
        if target.is_some_and(|target| target.goes(jid)) {
            self.tell(Event::ResourceDown(jid.to_owned()));
            self.resource_gone(now, jid);
        }
    }

    /// Asks for subscriptions whose time has come.
    pub(super) fn ask_again(&mut self, now: Instant) {
        for at in 0..self.targets.0.len() {
            if self.targets.0[at].ask_at.is_some_and(|due| due <= now) {
                self.subscribe(now, at);
            }
        }
    }

    /// Has those asked whether they are there that were not seen since the link is.
    pub(super) fn doubt_unseen(&mut self, now: Instant) {
        if self.settled.take_if(|at| *at <= now).is_none() {
            return;
        }
        for target in &mut self.targets.0 {
            for resource in &mut target.resources {
                if !resource.is_confirmed {
                    resource.suspect.get_or_insert(now);
                }
            }
        }
    }

    /// Asks resources that have not answered in time whether they are there (XEP-0199).
    pub(super) fn ping_suspects(&mut self, now: Instant) {
        for target in &mut self.targets.0 {
            for resource in &mut target.resources {
                if let Some(due) = &mut resource.suspect
                    && *due <= now
                {
                    *due = now + PING_EVERY;
                    let id = format!("{PING}{:x}", rand::RngCore::next_u32(&mut self.random));
                    let _ = self
                        .out
                        .get(&id, &resource.jid, "<ping xmlns='urn:xmpp:ping'/>");
                }
            }
        }
    }

    fn resource_comes(&mut self, now: Instant, at: usize, jid: &str, presence: Presence) {
        match self.targets.0[at].comes(jid, presence) {
            None => self.drop_stanza(Dropped::TooManyResources),
            Some(is_new) => {
                if is_new {
                    self.tell(Event::ResourceUp(jid.to_owned()));
                }
                self.gather(now);
            }
        }
    }

    /// All resources are gone: first all, so that none of them is asked for another one.
    fn lose_all(&mut self, now: Instant, at: usize) {
        for resource in std::mem::take(&mut self.targets.0[at].resources) {
            self.tell(Event::ResourceDown(resource.jid.clone()));
            self.resource_gone(now, &resource.jid);
        }
    }

    fn subscribe(&mut self, now: Instant, at: usize) {
        let target = &mut self.targets.0[at];
        target.ask_again(now);
        let sent = self.out.presence("subscribe", &target.jid);
        self.check(sent);
    }

    /// Asks for the presence of all resources, and shows ours: clients that register by presence
    /// know that it is time to.
    fn probe(&mut self, at: usize) {
        let sent = self.out.presence("probe", &self.targets.0[at].jid);
        self.check(sent);
        self.show_ourselves(at);
    }

    fn show_ourselves(&mut self, at: usize) {
        let sent = self.out.presence("", &self.targets.0[at].jid);
        self.check(sent);
    }

    fn subscription_ends(&mut self, now: Instant, at: usize, state: SubscriptionState) {
        let target = &mut self.targets.0[at];
        target.was_subscribed = false;
        if target.ask_at.is_none() {
            target.ask_again(now);
        }
        self.subscription_is(at, state);
    }

    fn subscription_is(&mut self, at: usize, state: SubscriptionState) {
        let target = &mut self.targets.0[at];
        if std::mem::replace(&mut target.subscription, state) != state {
            let target = target.jid.clone();
            self.tell(Event::Subscription { target, state });
        }
    }
}

impl Targets {
    /// When a subscription is to be asked for, or a resource whether it is there.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let asks = self.0.iter().filter_map(|target| target.ask_at);
        let resources = self.0.iter().flat_map(|target| &target.resources);
        asks.chain(resources.filter_map(|it| it.suspect)).min()
    }
}

/// What a presence without a type says (RFC 6121 section 4.7.2).
fn presence(stanza: &Stanza<'_>) -> Result<Presence, Malformed> {
    let priority = stanza.child_text("priority")?;
    let show = stanza.child_text("show")?.unwrap_or_default();
    let show = match show.trim() {
        show @ ("away" | "chat" | "dnd" | "xa") => show,
        _ => "",
    };
    Ok(Presence {
        priority: priority
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(0),
        show: show.to_owned(),
    })
}
