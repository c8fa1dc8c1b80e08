use std::{hash::RandomState, time::Duration};

use hyper::{Method, StatusCode};
use prometheus_client::collector::Collector;
use vestibule_coap::Code;
use vestibule_dtls::server;
use vestibule_lowband::{
    gateway::{Finished, Limits, Outcome},
    sync::PollFailure,
};

use super::*;
use crate::metrics::{dtls, render};

#[derive(Debug)]
struct Gateways(Vec<Gateway>);

impl Collector for Gateways {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        encode(&self.0, &mut encoder)?;
        let servers: Vec<_> = self.0.iter().map(|it| it.dtls.clone()).collect();
        dtls::encode(&servers, &mut encoder)
    }
}

fn gateway(name: &str) -> Gateway {
    Gateway {
        meters: Arc::new(Meters::new(name, 2)),
        shared: Shared::new(Limits::default(), RandomState::new()),
        dtls: DtlsServer::new(name, 2, server::Limits::default(), 1 << 20),
    }
}

fn finished(exchange: Exchange, outcome: Outcome) -> Finished {
    Finished {
        exchange,
        outcome,
        method: Some(Method::GET),
        path: Some("/_matrix/client/v3/sync".to_owned()),
        token: None,
        received: 10,
        sent: 100,
        duration: Duration::from_millis(30),
    }
}

#[test]
fn everything_is_told_by_gateway() {
    let (one, other) = (gateway("one"), gateway("other"));
    let answered = Outcome::Answered {
        code: Code::TOO_MANY_REQUESTS,
        status: None,
        refusal: Some("rate"),
    };
    one.meters
        .finished(0, &finished(Exchange::Request, answered));
    one.meters
        .finished(1, &finished(Exchange::Request, answered));
    let pushed = Outcome::Delivered(Code::CONTENT);
    other
        .meters
        .finished(0, &finished(Exchange::Notification, pushed));
    other.meters.carried(1, None, 70, 30);
    let took = Duration::from_millis(1_500);
    let upstream = |result| one.meters.upstream(0, result, took, 5, 6);
    upstream(Ok(StatusCode::OK));
    upstream(Err(PollFailure::TimedOut));
    let text = render(Gateways(vec![one, other]));
    for line in [
        "vestibule_lowband_exchanges_total{gateway=\"one\",exchange=\"request\",outcome=\"4.xx\"} 2",
        "vestibule_lowband_exchanges_total{gateway=\"other\",exchange=\"notification\",outcome=\"delivered\"} 1",
        "vestibule_lowband_exchange_duration_seconds_sum{gateway=\"one\",exchange=\"request\"} 0.06",
        "vestibule_lowband_exchange_duration_seconds_bucket{le=\"0.025\",gateway=\"one\",exchange=\"request\"} 0",
        "vestibule_lowband_exchange_duration_seconds_bucket{le=\"0.05\",gateway=\"one\",exchange=\"request\"} 2",
        "vestibule_lowband_exchange_duration_seconds_bucket{le=\"+Inf\",gateway=\"one\",exchange=\"request\"} 2",
        "vestibule_lowband_received_body_bytes_total{gateway=\"one\",exchange=\"request\"} 20",
        "vestibule_lowband_sent_body_bytes_total{gateway=\"one\",exchange=\"request\"} 200",
        "vestibule_lowband_received_bytes_total{gateway=\"other\"} 70",
        "vestibule_lowband_sent_bytes_total{gateway=\"other\"} 30",
        "vestibule_lowband_refusals_total{gateway=\"one\",reason=\"rate\"} 2",
        "vestibule_lowband_refusals_total{gateway=\"other\",reason=\"denied\"} 0",
        "vestibule_lowband_requests_active{gateway=\"one\"} 0",
        "vestibule_lowband_polls_active{gateway=\"one\"} 0",
        "vestibule_lowband_observations_active{gateway=\"one\"} 0",
        "vestibule_lowband_held_bytes{gateway=\"one\"} 0",
        "vestibule_lowband_limit_exceeded_total{gateway=\"one\",limit=\"polls\"} 0",
        "vestibule_lowband_upstream_requests_total{gateway=\"one\",outcome=\"2xx\"} 1",
        "vestibule_lowband_upstream_requests_total{gateway=\"one\",outcome=\"timed_out\"} 1",
        "vestibule_lowband_upstream_duration_seconds_sum{gateway=\"one\"} 3.0",
        "vestibule_lowband_upstream_sent_bytes_total{gateway=\"one\"} 10",
        "vestibule_lowband_upstream_received_bytes_total{gateway=\"one\"} 12",
    ] {
        assert!(text.lines().any(|it| it == line), "{line}\n{text}");
    }
    assert!(!text.contains("_matrix"), "{text}");
}

#[test]
fn what_cannot_happen_is_not_told() {
    let text = render(Gateways(vec![gateway("lb")]));
    for part in [
        "exchange=\"notification\",outcome=\"2.xx\"",
        "exchange=\"request\",outcome=\"delivered\"",
    ] {
        assert!(!text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn nothing_is_told_of_no_gateway() {
    assert_eq!(render(Gateways(Vec::new())), "# EOF\n");
}

/// What operators read has every name, so that none is told that nobody explains.
#[test]
fn every_name_is_explained() {
    let document = include_str!("../../../../../docs/operations.md");
    let text = render(Gateways(vec![gateway("lb")]));
    for line in text.lines() {
        let words: Vec<_> = line.split(' ').collect();
        let name = match words[..] {
            ["#", "TYPE", name, "counter"] => format!("`{name}_total`"),
            ["#", "TYPE", name, _] => format!("`{name}`"),
            _ => continue,
        };
        assert!(document.contains(&name), "{name}");
    }
    let labels = text.lines().flat_map(|line| {
        let labels = ["outcome=\"", "reason=\"", "limit=\"", "result=\""];
        let found = labels.into_iter().filter_map(|it| line.split_once(it));
        found.filter_map(|(_, rest)| rest.split_once('"'))
    });
    for (label, _) in labels {
        // Those of statuses are told as a range.
        let is_class = label.ends_with("xx");
        let name = format!("`{label}`");
        assert!(is_class || document.contains(&name), "{name}");
    }
}

/// Each limit of the configuration stands there as well, with a metric that there is.
#[test]
fn every_limit_is_counted() {
    let limits = format!("{:#?}", vestibule_config::LowBandwidthLimits::default());
    let limits = limits
        .lines()
        .filter_map(|line| line.trim().split_once(": "));
    let limits: Vec<_> = limits.map(|(name, _)| format!("`{name}`")).collect();
    assert_eq!(limits.len(), 30);
    let document = include_str!("../../../../../docs/operations.md");
    let (_, section) = document
        .split_once("### Limits of low bandwidth gateways")
        .unwrap();
    let rows = section.lines().skip_while(|line| !line.starts_with('|'));
    let rows: Vec<Vec<&str>> = rows
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| line.split('|').collect())
        .collect();
    for limit in &limits {
        let is_there = rows.iter().any(|row| row[1].contains(limit));
        assert!(is_there, "{limit}");
    }
    let text = render(Gateways(vec![gateway("lb")]));
    let mut name = "";
    for row in rows {
        let words = row[2].split('`').skip(1).step_by(2);
        for word in words {
            match word {
                "lowband_limit" => name = "vestibule_lowband_limit_exceeded_total",
                "coap_limited" => name = "vestibule_coap_limited_total",
                _ if word.starts_with("vestibule_") => name = word,
                label => {
                    let label = format!("=\"{label}\"");
                    let is_told = |line: &str| line.starts_with(name) && line.contains(&label);
                    assert!(text.lines().any(is_told), "{name}: {label}");
                }
            }
            assert!(text.contains(name), "{name}");
        }
    }
}
