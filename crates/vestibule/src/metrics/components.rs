//! Metrics of components. Labels are domains and accounts of the configuration and fixed words.

use std::fmt;

use prometheus_client::encoding::DescriptorEncoder;
use vestibule_xmpp::component::{Dropped, Outcome, SubscriptionState};

use super::render::{Label, counter, gauge, histogram};
use crate::component::{BUCKETS, ComponentView};

/// All states, in the order in which they are told.
const STATES: [SubscriptionState; 4] = [
    SubscriptionState::Pending,
    SubscriptionState::Subscribed,
    SubscriptionState::Refused,
    SubscriptionState::Failed,
];

/// Everything that is told of components; nothing when there are none.
pub(super) fn encode(
    components: &[ComponentView],
    encoder: &mut DescriptorEncoder<'_>,
) -> fmt::Result {
    if components.is_empty() {
        return Ok(());
    }
    let all = || components.iter().map(|view| (name(view), view));
    let size = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    gauge(
        encoder,
        "vestibule_component_up",
        "Whether the component is connected to its server",
        all().map(|(name, view)| ([name], i64::from(view.is_connected))),
    )?;
    counter(
        encoder,
        "vestibule_component_connects",
        "Links to servers that were established",
        all().map(|(name, view)| ([name], view.counts.connects)),
    )?;
    counter(
        encoder,
        "vestibule_component_requests",
        "Requests by how they ended",
        all().flat_map(|(name, view)| {
            let outcomes = Outcome::ALL.into_iter().zip(view.counts.outcomes);
            outcomes.map(move |(outcome, n)| ([name, ("outcome", outcome.name())], n))
        }),
    )?;
    counter(
        encoder,
        "vestibule_component_dropped_stanzas",
        "Stanzas that were dropped without an answer",
        all().flat_map(|(name, view)| {
            let dropped = Dropped::ALL.into_iter().zip(view.dropped);
            dropped.map(move |(reason, n)| ([name, ("reason", reason.name())], n))
        }),
    )?;
    counter(
        encoder,
        "vestibule_component_retries",
        "Attempts beyond the first of their request",
        all().map(|(name, view)| ([name], view.retries)),
    )?;
    gauge(
        encoder,
        "vestibule_component_pending",
        "Requests that wait for their answers",
        all().map(|(name, view)| ([name], size(view.pending))),
    )?;
    gauge(
        encoder,
        "vestibule_component_resources",
        "Resources that may be asked now",
        all().map(|(name, view)| {
            let resources = view.resources.iter();
            let eligible = resources.filter(|resource| resource.is_eligible);
            ([name], size(eligible.count()))
        }),
    )?;
    gauge(
        encoder,
        "vestibule_component_subscription",
        "1 for what is known of the subscription to a target",
        all().flat_map(|(name, view)| {
            view.targets.iter().flat_map(move |target| {
                STATES.map(|state| {
                    let labels = [name, ("target", &*target.jid), ("state", state.name())];
                    (labels, i64::from(state == target.subscription))
                })
            })
        }),
    )?;
    histogram(
        encoder,
        "vestibule_component_request_duration_seconds",
        "From a request until its end",
        &BUCKETS,
        all().map(|(name, view)| ([name], view.counts.durations, view.counts.took)),
    )
}

fn name(view: &ComponentView) -> Label<'_> {
    ("component", &view.domain)
}
