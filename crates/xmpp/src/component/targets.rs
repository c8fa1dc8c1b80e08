//! The accounts whose resources answer, and what their presence tells.

mod choice;

use std::time::{Duration, Instant};

pub(super) use choice::Choice;

use super::{ResourceView, SubscriptionState};
use crate::jid;

/// How many resources of a target are remembered.
const RESOURCES: usize = 1024;

/// When a subscription is asked for again, at first and at last.
const FIRST_AGAIN: Duration = Duration::from_secs(10);
const LAST_AGAIN: Duration = Duration::from_secs(600);

/// When it is asked for when somebody asks for ours.
const SOON: Duration = Duration::from_secs(1);

/// How often a resource that does not answer is asked whether it is there.
pub(super) const PING_EVERY: Duration = Duration::from_secs(15);

/// An account.
#[derive(Debug)]
pub(super) struct Target {
    /// A bare address.
    pub(super) jid: String,
    pub(super) subscription: SubscriptionState,
    /// Whether it was subscribed to at any time.
    pub(super) was_subscribed: bool,
    /// When the subscription is asked for again.
    pub(super) ask_at: Option<Instant>,
    again: Duration,
    /// In the order of their addresses.
    pub(super) resources: Vec<Resource>,
}

/// A client of the account that is there.
#[derive(Debug)]
pub(super) struct Resource {
    /// A full address.
    pub(super) jid: String,
    pub(super) priority: i8,
    pub(super) show: String,
    /// Whether its presence was seen since the link is there.
    pub(super) is_confirmed: bool,
    /// When it is asked again whether it is there, after a request that it did not answer.
    pub(super) suspect: Option<Instant>,
    /// Requests that it has not answered.
    pub(super) outstanding: usize,
    /// Requests that it was given.
    pub(super) asked: u64,
}

/// What a presence says (RFC 6121 section 4.7.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Presence {
    pub(super) priority: i8,
    pub(super) show: String,
}

/// All accounts of a component.
#[derive(Debug, Default)]
pub(super) struct Targets(pub(super) Vec<Target>);

impl Targets {
    pub(super) fn new(jids: &[String]) -> Self {
        Self(jids.iter().map(|jid| Target::new(jid)).collect())
    }

    /// The account with this bare address.
    pub(super) fn target(&mut self, bare: &str) -> Option<&mut Target> {
        self.0.iter_mut().find(|target| target.jid == bare)
    }

    /// Whether `jid` is an address of one of the accounts.
    pub(super) fn has(&self, jid: &str) -> bool {
        let bare = jid::bare(jid);
        self.0.iter().any(|target| target.jid == bare)
    }

    /// The resource with this full address.
    pub(super) fn resource(&mut self, jid: &str) -> Option<&mut Resource> {
        self.target(jid::bare(jid))?.resource(jid)
    }
}

impl Target {
    fn new(jid: &str) -> Self {
        Self {
            jid: jid.to_owned(),
            subscription: SubscriptionState::default(),
            was_subscribed: false,
            ask_at: None,
            again: FIRST_AGAIN,
            resources: Vec::new(),
        }
    }

    fn position(&self, jid: &str) -> Result<usize, usize> {
        self.resources
            .binary_search_by(|resource| resource.jid.as_str().cmp(jid))
    }

    fn resource(&mut self, jid: &str) -> Option<&mut Resource> {
        let at = self.position(jid).ok()?;
        self.resources.get_mut(at)
    }

    /// A resource is there, with this presence. Whether it is new, or can be asked again after it
    /// could not; `None`: it is one too many.
    pub(super) fn comes(&mut self, jid: &str, presence: Presence) -> Option<bool> {
        let at = match self.position(jid) {
            Ok(at) => at,
            Err(_) if self.resources.len() >= RESOURCES => return None,
            Err(at) => {
                self.resources.insert(at, Resource::new(jid));
                at
            }
        };
        let resource = &mut self.resources[at];
        let was_eligible = resource.is_eligible();
        resource.is_confirmed = true;
        resource.priority = presence.priority;
        resource.show = presence.show;
        Some(!was_eligible && resource.is_eligible())
    }

    /// A resource is gone. Whether it was there.
    pub(super) fn goes(&mut self, jid: &str) -> bool {
        let at = self.position(jid);
        at.is_ok_and(|at| {
            self.resources.remove(at);
            true
        })
    }

    /// The subscription was asked for, or is wanted again: says when the next time is.
    pub(super) fn ask_again(&mut self, now: Instant) {
        self.ask_at = Some(now + self.again);
        self.again = (self.again * 2).min(LAST_AGAIN);
    }

    /// The subscription is wanted soon.
    pub(super) fn ask_soon(&mut self, now: Instant) {
        let soon = now + SOON;
        self.ask_at = Some(self.ask_at.map_or(soon, |at| at.min(soon)));
    }

    /// The subscription is there, or the link is new.
    pub(super) fn ask_no_more(&mut self) {
        self.ask_at = None;
        self.again = FIRST_AGAIN;
    }
}

impl Resource {
    fn new(jid: &str) -> Self {
        Self {
            jid: jid.to_owned(),
            priority: 0,
            show: String::new(),
            is_confirmed: false,
            suspect: None,
            outstanding: 0,
            asked: 0,
        }
    }

    /// Whether it takes anything new: negative priority says that it is not meant (RFC 6121 section
    /// 4.7.2.3), `dnd` that it is busy.
    pub(super) fn takes(&self) -> bool {
        self.priority >= 0 && self.show != "dnd"
    }

    /// Whether it may be asked now without a doubt.
    pub(super) fn is_eligible(&self) -> bool {
        self.takes() && self.is_confirmed && self.suspect.is_none()
    }

    pub(super) fn view(&self) -> ResourceView<'_> {
        ResourceView {
            jid: &self.jid,
            priority: self.priority,
            show: &self.show,
            is_eligible: self.is_eligible(),
            is_suspect: self.suspect.is_some(),
            outstanding: self.outstanding,
            asked: self.asked,
        }
    }
}
