//! Metrics of low bandwidth gateways. Labels are names of the configuration and fixed words.

#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use prometheus_client::encoding::DescriptorEncoder;
use vestibule_lowband::gateway::{Exceeded, Exchange, Present, Shared};

use super::{
    DtlsServer, Sharded,
    render::{Label, counter, gauge, histogram},
};
use crate::low_bandwidth::meters::{BUCKETS, End, ExchangeMeters, Meters};

/// A gateway, as it is told of.
#[derive(Clone, Debug)]
pub(crate) struct Gateway {
    /// What its exchanges and the homeserver's answers count.
    pub(crate) meters: Arc<Meters>,
    /// What its associations share.
    pub(crate) shared: Arc<Shared>,
    /// What is told of it as a server of DTLS.
    pub(crate) dtls: DtlsServer,
}

/// Everything that is told of gateways, without DTLS; nothing when there are none.
pub(super) fn encode(gateways: &[Gateway], encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    if gateways.is_empty() {
        return Ok(());
    }
    exchanges(gateways, encoder)?;
    present(gateways, encoder)?;
    upstream(gateways, encoder)
}

fn exchanges(gateways: &[Gateway], encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let all = || gateways.iter().map(|it| (it.label(), &*it.meters));
    let kinds = || all().flat_map(|(name, it)| Exchange::ALL.map(|kind| (name, kind, it.of(kind))));
    counter(
        encoder,
        "vestibule_lowband_exchanges",
        "Requests, registers and notifications by how they ended",
        kinds().flat_map(|(name, kind, it)| {
            let ends = End::ALL.into_iter().filter(move |end| end.is_of(kind));
            ends.map(move |end| {
                let labels = [name, exchange(kind), ("outcome", end.name())];
                (labels, it.ended(end))
            })
        }),
    )?;
    histogram(
        encoder,
        "vestibule_lowband_exchange_duration_seconds",
        "From the beginning of an exchange to its end",
        &BUCKETS,
        kinds().map(|(name, kind, it)| {
            let durations = &it.durations;
            ([name, exchange(kind)], durations.counts(), durations.sum())
        }),
    )?;
    let mut bodies = |name, help, bytes: fn(&ExchangeMeters) -> &Sharded| {
        let values = kinds().map(|(name, kind, it)| ([name, exchange(kind)], bytes(it).value()));
        counter(encoder, name, help, values)
    };
    bodies(
        "vestibule_lowband_received_body_bytes",
        "Bytes of bodies from clients",
        |it| &it.received,
    )?;
    bodies(
        "vestibule_lowband_sent_body_bytes",
        "Bytes of bodies to clients, without those of repetitions",
        |it| &it.sent,
    )?;
    counter(
        encoder,
        "vestibule_lowband_received_bytes",
        "Bytes of UDP payloads from clients",
        all().map(|(name, it)| ([name], it.received.value())),
    )?;
    counter(
        encoder,
        "vestibule_lowband_sent_bytes",
        "Bytes of UDP payloads to clients",
        all().map(|(name, it)| ([name], it.sent.value())),
    )?;
    counter(
        encoder,
        "vestibule_lowband_refusals",
        "Requests that the gateway has answered itself, by why",
        all().flat_map(|(name, it)| {
            let refused = it.refused();
            refused.map(move |(reason, n)| ([name, ("reason", reason)], n))
        }),
    )
}

fn present(gateways: &[Gateway], encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let all: Vec<_> = gateways
        .iter()
        .map(|it| (it.label(), it.shared.present()))
        .collect();
    let mut size = |name, help, value: fn(&Present) -> usize| {
        let values = all.iter().map(|(label, it)| {
            let value = i64::try_from(value(it)).unwrap_or(i64::MAX);
            ([*label], value)
        });
        gauge(encoder, name, help, values)
    };
    size(
        "vestibule_lowband_requests_active",
        "Requests at the homeserver, without syncs",
        |it| it.requests,
    )?;
    size(
        "vestibule_lowband_polls_active",
        "Syncs at the homeserver, those of observations included",
        |it| it.polls,
    )?;
    size(
        "vestibule_lowband_observations_active",
        "Observations",
        |it| it.observations,
    )?;
    size(
        "vestibule_lowband_held_bytes",
        "Bytes of requests that wait, and of bodies that could not be delivered",
        |it| it.held_bytes,
    )?;
    counter(
        encoder,
        "vestibule_lowband_limit_exceeded",
        "How often a limit was reached",
        gateways.iter().flat_map(|it| {
            Exceeded::ALL.map(|limit| {
                let labels = [it.label(), ("limit", limit.name())];
                (labels, it.shared.exceeded(limit))
            })
        }),
    )
}

fn upstream(gateways: &[Gateway], encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let all = || gateways.iter().map(|it| (it.label(), &it.meters.upstream));
    counter(
        encoder,
        "vestibule_lowband_upstream_requests",
        "Requests to the homeserver by the class of the status, or why there is no answer",
        all().flat_map(|(name, it)| {
            let replies = it.replies();
            replies.map(move |(outcome, n)| ([name, ("outcome", outcome)], n))
        }),
    )?;
    histogram(
        encoder,
        "vestibule_lowband_upstream_duration_seconds",
        "From a request to the homeserver to the end of its answer",
        &BUCKETS,
        all().map(|(name, it)| ([name], it.durations.counts(), it.durations.sum())),
    )?;
    counter(
        encoder,
        "vestibule_lowband_upstream_sent_bytes",
        "Bytes of bodies to the homeserver",
        all().map(|(name, it)| ([name], it.sent.value())),
    )?;
    counter(
        encoder,
        "vestibule_lowband_upstream_received_bytes",
        "Bytes of bodies from the homeserver",
        all().map(|(name, it)| ([name], it.received.value())),
    )
}

fn exchange(kind: Exchange) -> Label<'static> {
    ("exchange", kind.name())
}

impl Gateway {
    fn label(&self) -> Label<'_> {
        ("gateway", self.meters.name())
    }
}
