//! Metrics as Prometheus reads them. Labels are names of the configuration and fixed words, never
//! anything a client sends.

use std::{fmt, iter::once, time::Duration};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet, text::encode},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};
use vestibule_config::ServiceKind;
use vestibule_proxy_protocol::Reject;

use super::{Gateway, REQUEST_CLASSES, Sharded, components, dtls, low_bandwidth};
use crate::{component::ComponentView, ending::Refusal, identity::HeaderKind, plan::Plan};

/// What is read out once: the plan with its counters, and numbers of the process.
#[derive(Debug)]
pub(crate) struct Readout {
    pub(crate) plan: std::sync::Arc<Plan>,
    pub(crate) components: Vec<ComponentView>,
    /// Low bandwidth gateways.
    pub(crate) gateways: Vec<Gateway>,
    pub(crate) connections: usize,
    pub(crate) max_connections: usize,
    pub(crate) reloads: (u64, u64),
    pub(crate) lost_records: u64,
    pub(crate) uptime: Duration,
}

/// The text that `/metrics` answers (OpenMetrics 1.0).
pub(crate) fn render(collector: impl Collector) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(collector));
    let mut text = String::new();
    // Writing to a string fails only when a collector does, and this one does not.
    let _ = encode(&mut text, &registry);
    text
}

/// A label.
pub(super) type Label<'a> = (&'a str, &'a str);

impl Collector for Readout {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.process(&mut encoder)?;
        self.certificates(&mut encoder)?;
        self.listeners(&mut encoder)?;
        self.services(&mut encoder)?;
        components::encode(&self.components, &mut encoder)?;
        low_bandwidth::encode(&self.gateways, &mut encoder)?;
        let servers: Vec<_> = self.gateways.iter().map(|it| it.dtls.clone()).collect();
        dtls::encode(&servers, &mut encoder)
    }
}

impl Readout {
    fn process(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        gauge(
            encoder,
            "vestibule_places_used",
            "Connections that the process holds",
            [([], count(self.connections))],
        )?;
        gauge(
            encoder,
            "vestibule_places",
            "Connections that the process may hold",
            [([], count(self.max_connections))],
        )?;
        counter(
            encoder,
            "vestibule_reloads",
            "Reloads of the configuration",
            [
                ([("result", "done")], self.reloads.0),
                ([("result", "refused")], self.reloads.1),
            ],
        )?;
        counter(
            encoder,
            "vestibule_access_records_lost",
            "Access records that could not be written as fast as they came",
            [([], self.lost_records)],
        )?;
        gauge(
            encoder,
            "vestibule_uptime_seconds",
            "Seconds since the start",
            [([], i64::try_from(self.uptime.as_secs()).unwrap_or(i64::MAX))],
        )
    }

    fn certificates(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let certificates = self.plan.material.tls.certificates();
        gauge(
            encoder,
            "vestibule_certificate_not_after_seconds",
            "When the time of a certificate is over, in seconds since 1970",
            certificates.iter().map(|certificate| {
                (
                    [("certificate", &*certificate.label)],
                    certificate.not_after.0,
                )
            }),
        )
    }

    fn listeners(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let all = || {
            self.plan
                .listeners
                .iter()
                .map(|l| (("listener", l.name.as_str()), &*l.stats))
        };
        counter(
            encoder,
            "vestibule_connections",
            "Connections accepted",
            all().map(|(name, stats)| ([name], stats.total.value())),
        )?;
        gauge(
            encoder,
            "vestibule_connections_active",
            "Connections open now",
            all().map(|(name, stats)| ([name], signed(&stats.active))),
        )?;
        counter(
            encoder,
            "vestibule_connections_empty",
            "Connections that closed without a byte of payload",
            all().map(|(name, stats)| ([name], stats.empty.value())),
        )?;
        counter(
            encoder,
            "vestibule_connections_refused",
            "Connections refused before anything was carried",
            all().flat_map(|(name, stats)| {
                Refusal::ALL.into_iter().map(move |refusal| {
                    (
                        [name, ("reason", refusal.name())],
                        stats.refused(refusal).value(),
                    )
                })
            }),
        )?;
        let handshakes = |version: &'static str, resumed: bool| {
            let resumed_label = ("resumed", if resumed { "yes" } else { "no" });
            all().map(move |(name, stats)| {
                (
                    [name, ("version", version), resumed_label],
                    stats.handshakes(version, resumed).value(),
                )
            })
        };
        counter(
            encoder,
            "vestibule_tls_handshakes",
            "TLS handshakes with clients that were completed",
            ["TLSv1.2", "TLSv1.3"]
                .into_iter()
                .flat_map(|version| [false, true].map(|resumed| (version, resumed)))
                .flat_map(|(version, resumed)| handshakes(version, resumed)),
        )?;
        counter(
            encoder,
            "vestibule_proxy_headers",
            "PROXY headers accepted; local: one that names no client",
            all().flat_map(|(name, stats)| {
                HeaderKind::ALL.into_iter().map(move |kind| {
                    (
                        [name, ("version", kind.name())],
                        stats.headers[kind as usize].value(),
                    )
                })
            }),
        )?;
        counter(
            encoder,
            "vestibule_proxy_headers_rejected",
            "PROXY headers that break a rule of the protocol",
            all().flat_map(|(name, stats)| {
                Reject::ALL.iter().map(move |reject| {
                    (
                        [name, ("reason", reject.name())],
                        stats.rejected(*reject).value(),
                    )
                })
            }),
        )
    }

    fn services(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let services = || {
            self.plan
                .services
                .iter()
                .map(|s| (("service", s.name()), &*s.stats))
        };
        let targets = || {
            self.plan.services.iter().flat_map(|service| {
                service.targets.iter().map(|target| {
                    let labels = [("service", service.name()), ("upstream", &*target.label)];
                    (labels, target)
                })
            })
        };
        counter(
            encoder,
            "vestibule_received_bytes",
            "Bytes of payload from clients",
            services().map(|(name, stats)| ([name], stats.received.value())),
        )?;
        counter(
            encoder,
            "vestibule_sent_bytes",
            "Bytes of payload to clients",
            services().map(|(name, stats)| ([name], stats.sent.value())),
        )?;
        let requests = self.plan.services.iter().filter(|service| {
            // Others have none.
            matches!(service.config.kind, ServiceKind::Http(_))
        });
        counter(
            encoder,
            "vestibule_http_requests",
            "HTTP requests by the class of their status; abandoned: the client was gone before",
            requests.flat_map(|service| {
                (0..).zip(REQUEST_CLASSES).map(move |(class, name)| {
                    let labels = [("service", service.name()), ("status", name)];
                    (labels, service.stats.requests(Some(class * 100)).value())
                })
            }),
        )?;
        counter(
            encoder,
            "vestibule_upstream_connections",
            "Connections established to upstreams",
            targets().map(|(labels, target)| (labels, target.stats.total.value())),
        )?;
        gauge(
            encoder,
            "vestibule_upstream_connections_active",
            "Connections to upstreams, established or being established",
            targets().map(|(labels, target)| {
                (labels, i64::try_from(target.active()).unwrap_or(i64::MAX))
            }),
        )?;
        counter(
            encoder,
            "vestibule_upstream_connect_errors",
            "Attempts to connect to upstreams that failed",
            targets().map(|(labels, target)| (labels, target.stats.connect_errors.value())),
        )?;
        gauge(
            encoder,
            "vestibule_upstream_up",
            "Whether the upstream is thought to be up",
            targets().map(|(labels, target)| (labels, i64::from(target.is_up()))),
        )
    }
}

fn signed(value: &Sharded) -> i64 {
    i64::try_from(value.value()).unwrap_or(0)
}

pub(super) fn counter<'a, const N: usize>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = ([Label<'a>; N], u64)>,
) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (labels, value) in values {
        let value = ConstCounter::new(value);
        if labels.is_empty() {
            return value.encode(metric);
        }
        value.encode(metric.encode_family(&labels)?)?;
    }
    Ok(())
}

pub(super) fn gauge<'a, const N: usize>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = ([Label<'a>; N], i64)>,
) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (labels, value) in values {
        let value = ConstGauge::new(value);
        if labels.is_empty() {
            return value.encode(metric);
        }
        value.encode(metric.encode_family(&labels)?)?;
    }
    Ok(())
}

/// `ends` are the upper ends of the buckets but the last, which has none. Each value is what is in the
/// buckets, one more than there are ends and those before not included, and the sum of all in seconds.
pub(super) fn histogram<'a, const N: usize>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    ends: &[f64],
    values: impl IntoIterator<Item = ([Label<'a>; N], impl AsRef<[u64]>, Duration)>,
) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
    for (labels, counts, sum) in values {
        let counts = counts.as_ref();
        let ends = ends.iter().copied().chain(once(f64::INFINITY));
        let buckets: Vec<_> = ends.zip(counts.iter().copied()).collect();
        metric
            .encode_family(&labels)?
            .encode_histogram::<NoLabelSet>(
                sum.as_secs_f64(),
                counts.iter().sum(),
                &buckets,
                None,
            )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Example;

    impl Collector for Example {
        fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
            let values = [([("of", "it")], [1, 0, 2], Duration::from_millis(4_500))];
            histogram(&mut encoder, "example", "An example", &[0.5, 1.0], values)
        }
    }

    #[test]
    fn the_last_bucket_of_a_histogram_has_no_end() {
        let text = render(Example);
        let values = text.lines().filter(|line| !line.starts_with('#'));
        assert_eq!(
            values.collect::<Vec<_>>(),
            [
                "example_sum{of=\"it\"} 4.5",
                "example_count{of=\"it\"} 3",
                "example_bucket{le=\"0.5\",of=\"it\"} 1",
                "example_bucket{le=\"1.0\",of=\"it\"} 1",
                "example_bucket{le=\"+Inf\",of=\"it\"} 3",
            ]
        );
    }
}
