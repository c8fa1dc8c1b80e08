//! A component as it is shown.

use vestibule_xmpp::component::{Dropped, SubscriptionState};

use super::counts::Counts;

/// A component at one moment.
#[derive(Clone, Debug)]
pub(crate) struct ComponentView {
    /// Its domain.
    pub(crate) domain: String,
    /// Where its server takes components.
    pub(crate) server: String,
    /// Whether the server has accepted it.
    pub(crate) is_connected: bool,
    /// Whether the process is not ready while it is not connected.
    pub(crate) is_required: bool,
    /// Why it is not connected; `None`: it is, or no attempt has come to its end yet.
    pub(crate) reason: Option<String>,
    /// Requests that wait for their answers.
    pub(crate) pending: usize,
    /// Attempts beyond the first of their request.
    pub(crate) retries: u64,
    /// Stanzas that were dropped, in the order of [`Dropped::ALL`].
    pub(crate) dropped: [u64; Dropped::ALL.len()],
    /// What it has done.
    pub(crate) counts: Counts,
    /// The accounts whose resources answer.
    pub(crate) targets: Vec<Target>,
    /// Their resources.
    pub(crate) resources: Vec<Resource>,
}

/// An account whose resources answer.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) jid: String,
    pub(crate) subscription: SubscriptionState,
}

/// One of its resources. See [`vestibule_xmpp::component::ResourceView`].
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) jid: String,
    pub(crate) priority: i8,
    pub(crate) show: String,
    pub(crate) is_eligible: bool,
    pub(crate) is_suspect: bool,
    pub(crate) outstanding: usize,
    pub(crate) asked: u64,
}

impl ComponentView {
    /// One line for `/readyz`, without a line feed.
    pub(crate) fn line(&self) -> String {
        let domain = &self.domain;
        match &self.reason {
            _ if self.is_connected => format!("component {domain}: connected"),
            Some(reason) => format!("component {domain}: connecting: {reason}"),
            None => format!("component {domain}: connecting"),
        }
    }
}
