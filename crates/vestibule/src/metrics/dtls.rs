//! Metrics of CoAP servers over DTLS. Labels are names of the configuration and fixed words.

use std::{fmt, sync::Arc};

use prometheus_client::{collector::Collector, encoding::DescriptorEncoder};
use vestibule_coap::endpoint::{Budget, Counted};
use vestibule_dtls::server::{Closed, Counter, Limits, Refusal, Shared};

use super::{
    Sharded,
    render::{Label, counter, gauge},
};
use crate::coaps::{Counters, Dropped};

/// A server, as it is told of.
#[derive(Clone, Debug)]
pub(crate) struct DtlsServer {
    /// What it is called.
    pub(crate) name: String,
    /// What its associations count.
    pub(crate) shared: Arc<Shared>,
    /// What its sockets and workers count.
    pub(crate) counters: Arc<Counters>,
    /// What is kept of bodies in blocks.
    pub(crate) bodies: Budget,
}

/// Several of them.
#[derive(Debug)]
pub(crate) struct DtlsServers(pub(crate) Vec<DtlsServer>);

impl Collector for DtlsServers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        encode(&self.0, &mut encoder)
    }
}

/// Everything that is told of servers; nothing when there are none.
pub(super) fn encode(servers: &[DtlsServer], encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    if servers.is_empty() {
        return Ok(());
    }
    traffic(servers, encoder)?;
    handshakes(servers, encoder)?;
    associations(servers, encoder)
}

fn traffic(servers: &[DtlsServer], encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let mut count = |name, help, value: fn(&Counters) -> &Sharded| {
        let values = servers
            .iter()
            .map(|server| ([server.label()], value(&server.counters).value()));
        counter(encoder, name, help, values)
    };
    count(
        "vestibule_dtls_received_datagrams",
        "Datagrams received",
        |it| &it.datagrams_in,
    )?;
    count(
        "vestibule_dtls_received_bytes",
        "Bytes of datagrams received",
        |it| &it.bytes_in,
    )?;
    count("vestibule_dtls_sent_datagrams", "Datagrams sent", |it| {
        &it.datagrams_out
    })?;
    count(
        "vestibule_dtls_sent_bytes",
        "Bytes of datagrams sent",
        |it| &it.bytes_out,
    )?;
    count(
        "vestibule_dtls_stray_datagrams",
        "Datagrams whose Connection ID names a worker that does not know it",
        |it| &it.strays,
    )?;
    count(
        "vestibule_coap_malformed_messages",
        "Payloads that are no CoAP messages",
        |it| &it.malformed,
    )?;
    count(
        "vestibule_coap_failures",
        "Failures of ours that ended what they were about",
        |it| &it.panics,
    )?;
    counter(
        encoder,
        "vestibule_dtls_dropped_datagrams",
        "Datagrams that were dropped",
        servers.iter().flat_map(|server| {
            let ours = Dropped::ALL.map(|why| (why.name(), server.counters.dropped(why).value()));
            let associations = &server.shared.counters;
            let theirs = [
                ("unknown", associations.unknown.value()),
                ("waiting", associations.held_dropped.value()),
            ];
            let all = ours.into_iter().chain(theirs);
            all.map(|(reason, n)| ([server.label(), ("reason", reason)], n))
        }),
    )
}

fn handshakes(servers: &[DtlsServer], encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let all = || servers.iter().map(|it| (it.label(), &it.shared.counters));
    counter(
        encoder,
        "vestibule_dtls_cookies",
        "Hellos that were answered with a cookie to return",
        all().map(|(name, it)| ([name], it.cookies.value())),
    )?;
    counter(
        encoder,
        "vestibule_dtls_dropped_hellos",
        "Hellos that nothing came of",
        all().flat_map(|(name, it)| {
            let reasons = [
                // A cookie that is wrong or too old, nothing that both sides can, or nonsense.
                ("unsuitable", it.hellos_dropped.value()),
                // Shorter than the answer.
                ("too_short", it.hellos_too_short.value()),
            ];
            reasons.map(|(reason, n)| ([name, ("reason", reason)], n))
        }),
    )?;
    counter(
        encoder,
        "vestibule_dtls_handshakes_begun",
        "Handshakes begun, by what showed that the client is where it seems to be",
        all().flat_map(|(name, it)| {
            let tickets = it.handshakes_by_ticket.value();
            let cookies = it.handshakes.value().saturating_sub(tickets);
            [("cookie", cookies), ("ticket", tickets)]
                .map(|(proof, n)| ([name, ("proof", proof)], n))
        }),
    )?;
    counter(
        encoder,
        "vestibule_dtls_handshakes",
        "Handshakes that were completed",
        all().flat_map(|(name, it)| {
            let resumed = it.resumed.value();
            let full = it.opened.value().saturating_sub(resumed);
            [("no", full), ("yes", resumed)].map(|(is, n)| ([name, ("resumed", is)], n))
        }),
    )?;
    counter(
        encoder,
        "vestibule_dtls_handshakes_failed",
        "Handshakes that were begun and not completed",
        all().flat_map(|(name, it)| {
            let reasons = [
                ("broken", it.handshakes_failed.value()),
                ("timeout", it.handshake_timeouts.value()),
            ];
            reasons.map(|(reason, n)| ([name, ("reason", reason)], n))
        }),
    )?;
    counter(
        encoder,
        "vestibule_dtls_handshakes_refused",
        "Handshakes that were not begun because of a limit, or of the end of the server",
        all().flat_map(|(name, it)| {
            let refused = Refusal::ALL.into_iter().zip(&it.refused);
            refused.map(move |(why, n)| ([name, ("reason", why.name())], n.value()))
        }),
    )
}

fn associations(servers: &[DtlsServer], encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let size = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let present: Vec<_> = servers
        .iter()
        .map(|server| (server.label(), server.shared.present()))
        .collect();
    gauge(
        encoder,
        "vestibule_dtls_half_open",
        "Handshakes under way",
        present
            .iter()
            .map(|&(name, (half, _))| ([name], size(half))),
    )?;
    gauge(
        encoder,
        "vestibule_dtls_associations",
        "Associations open now",
        present
            .iter()
            .map(|&(name, (half, all))| ([name], size(all.saturating_sub(half)))),
    )?;
    gauge(
        encoder,
        "vestibule_coap_held_body_bytes",
        "Bytes of bodies that come or are fetched in blocks",
        servers
            .iter()
            .map(|it| ([it.label()], size(it.bodies.used()))),
    )?;
    counter(
        encoder,
        "vestibule_coap_limited",
        "What was refused before anybody was asked, or gave way because of a limit",
        servers.iter().flat_map(|server| {
            let of = |what: Counted| {
                let label = [server.label(), ("reason", what.name())];
                (label, server.bodies.counted(what))
            };
            Counted::ALL.map(of)
        }),
    )?;
    counter(
        encoder,
        "vestibule_dtls_associations_closed",
        "Associations that are over, by who or what ended them",
        servers.iter().flat_map(|server| {
            let names = Closed::NAMES.into_iter();
            let counts = names.zip(&server.shared.counters.closed);
            counts.map(|(reason, n)| ([server.label(), ("reason", reason)], n.value()))
        }),
    )?;
    counter(
        encoder,
        "vestibule_dtls_contained",
        "Associations and handshakes that were ended to protect the others",
        servers.iter().flat_map(|server| {
            let it = &server.shared.counters;
            // The stack panicked; the peer made it keep too much.
            let reasons = [("panic", &it.panics), ("memory", &it.excesses)];
            reasons.map(|(reason, n)| ([server.label(), ("reason", reason)], n.value()))
        }),
    )?;
    counter(
        encoder,
        "vestibule_dtls_address_changes",
        "Clients that seemed to have moved, that were found to have, and that were not",
        servers.iter().flat_map(|server| {
            let it = &server.shared.counters;
            let values: [(_, &Counter); 3] = [
                ("tried", &it.trials),
                ("adopted", &it.moves),
                ("failed", &it.trials_failed),
            ];
            values.map(|(result, n)| ([server.label(), ("result", result)], n.value()))
        }),
    )?;
    counter(
        encoder,
        "vestibule_dtls_alerts",
        "Alerts to those who have no association",
        servers
            .iter()
            .map(|it| ([it.label()], it.shared.counters.alerts.value())),
    )
}

impl DtlsServer {
    /// A server that has not been there before, with so many workers, and so many bytes of bodies at most.
    pub(crate) fn new(name: &str, workers: usize, limits: Limits, max_bodies: usize) -> Self {
        Self {
            name: name.to_owned(),
            shared: Shared::new(limits),
            counters: Arc::new(Counters::new(workers)),
            bodies: Budget::new(max_bodies),
        }
    }

    /// The one that comes after it, which counts on. It has as many workers.
    pub(crate) fn succeeding(&self, limits: Limits, max_bodies: usize) -> Self {
        Self {
            name: self.name.clone(),
            shared: self.shared.succeeding(limits),
            counters: Arc::clone(&self.counters),
            bodies: self.bodies.succeeding(max_bodies),
        }
    }

    fn label(&self) -> Label<'_> {
        ("server", &self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::render;

    fn server(name: &str) -> DtlsServer {
        DtlsServer::new(name, 2, Limits::default(), 1 << 20)
    }

    #[test]
    fn everything_is_told_by_server_and_reason() {
        let (one, other) = (server("one"), server("other"));
        one.counters.bytes_in.add(0, 100);
        one.counters.bytes_in.add(1, 20);
        one.counters.dropped(Dropped::WorkerBusy).add(1, 3);
        let associations = &other.shared.counters;
        for _ in 0..3 {
            associations.handshakes.add();
        }
        associations.handshakes_by_ticket.add();
        associations.opened.add();
        associations.refused[Refusal::Rate as usize].add();
        associations.held_dropped.add();
        associations.moves.add();
        associations.closed[3].add();
        associations.excesses.add();
        let text = render(DtlsServers(vec![one, other]));
        for line in [
            "vestibule_dtls_received_bytes_total{server=\"one\"} 120",
            "vestibule_dtls_dropped_datagrams_total{server=\"one\",reason=\"worker_busy\"} 3",
            "vestibule_dtls_dropped_datagrams_total{server=\"one\",reason=\"waiting\"} 0",
            "vestibule_dtls_dropped_datagrams_total{server=\"other\",reason=\"waiting\"} 1",
            "vestibule_dtls_handshakes_begun_total{server=\"other\",proof=\"cookie\"} 2",
            "vestibule_dtls_handshakes_begun_total{server=\"other\",proof=\"ticket\"} 1",
            "vestibule_dtls_handshakes_total{server=\"other\",resumed=\"no\"} 1",
            "vestibule_dtls_handshakes_refused_total{server=\"other\",reason=\"rate\"} 1",
            "vestibule_dtls_address_changes_total{server=\"other\",result=\"adopted\"} 1",
            "vestibule_dtls_associations_closed_total{server=\"other\",reason=\"idle\"} 1",
            "vestibule_dtls_contained_total{server=\"other\",reason=\"memory\"} 1",
            "vestibule_dtls_associations{server=\"one\"} 0",
            "vestibule_coap_held_body_bytes{server=\"one\"} 0",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}\n{text}");
        }
    }

    #[test]
    fn nothing_is_told_of_no_server() {
        assert_eq!(render(DtlsServers(Vec::new())), "# EOF\n");
    }
}
