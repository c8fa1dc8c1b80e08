//! What is counted: it grows, whatever becomes of the gateway.

use std::collections::HashMap;
use std::time::Duration;

use rustix::process::Signal;
use vestibule_coap::Code;
use vestibule_dtls::client::Closed;
use vestibule_e2e::{Vestibule, eventually, free_ports, http_get};
use vestibule_miniature_homeserver::Fault;

use crate::stage::{Stage, WHOAMI, address, addresses, associations, wait_for_starts};

/// All that is counted of the gateway `lb`.
fn counted(vestibule: &Vestibule) -> HashMap<String, f64> {
    let (status, text) = http_get(vestibule.admin(), "/metrics");
    assert_eq!(status, 200, "{text}");
    let samples = text.lines().filter_map(|line| {
        let (name, value) = line.rsplit_once(' ')?;
        let (family, labels) = name.split_once('{')?;
        let ends = ["_total", "_count", "_sum", "_bucket"];
        let is_counter = ends.iter().any(|end| family.ends_with(end));
        let own = ["gateway=\"lb\"", "server=\"lb\""];
        let is_own = own.iter().any(|own| labels.contains(own));
        (is_counter && is_own).then(|| (name.to_owned(), value.parse().expect("a number")))
    });
    samples.collect()
}

/// Panics when something of `before` is gone, or was less than it is now; what is counted now.
#[track_caller]
fn grown(before: &HashMap<String, f64>, vestibule: &Vestibule) -> HashMap<String, f64> {
    let now = counted(vestibule);
    for (name, before) in before {
        let now = now.get(name);
        assert!(
            now.is_some_and(|now| now >= before),
            "{name} was {before}, is {now:?}"
        );
    }
    now
}

/// The gateway that takes over from two others waits for both, and for the slower one alone.
#[test]
fn they_never_go_back() {
    let (stage, other) = (Stage::new(), Stage::new());
    let port = free_ports(2);
    let [own, others] = [port, port + 1].map(|port| format!("127.0.0.1:{port}"));
    let tables = |bind: &str, limits: &str| stage.table_at("lb", bind, limits);
    let limits = "[low_bandwidth.limits]\nuploads = 3\nrequests_per_minute = 2";
    let mut vestibule =
        Vestibule::start(tables(&own, limits) + &other.table_at("other", &others, ""));
    let mut client = stage.client(own.parse().expect("an address"));
    let mut guest = other.client(others.parse().expect("an address"));
    // Something of everything: DTLS, exchanges, and limits.
    let codes: Vec<_> = (0..3)
        .map(|_| client.request(stage.request(WHOAMI)).code)
        .collect();
    assert_eq!(
        codes,
        [Code::CONTENT, Code::CONTENT, Code::TOO_MANY_REQUESTS]
    );
    let first = counted(&vestibule);
    for name in [
        "vestibule_dtls_handshakes_total{server=\"lb\",resumed=\"no\"}",
        "vestibule_lowband_limit_exceeded_total{gateway=\"lb\",limit=\"rate\"}",
    ] {
        assert_eq!(first.get(name), Some(&1.0), "{name}");
    }
    let slow = Fault::Slow(Duration::from_secs(2));
    other.homeserver.set_fault_below(WHOAMI, slow);
    let under_way = guest.begin(other.request(WHOAMI));
    eventually("the homeserver to be asked", || {
        guest.run_for(Duration::from_millis(10));
        other.asked().iter().any(|path| path == WHOAMI)
    });

    let both = format!("{own}\", \"{others}");
    let table = tables(&both, "").replace(&format!("\"{both}\""), &format!("[\"{both}\"]"));
    vestibule.rewrite(table);
    vestibule.reload_by_signal();
    // Its own clients are told good-bye at once.
    assert_eq!(client.wait_for_end(), Closed::ByPeer);
    let mut before = first;
    eventually("the gateway to begin again", || {
        before = grown(&before, &vestibule);
        guest.run_for(Duration::from_millis(10));
        addresses(&vestibule, "lb").len() == 3
    });
    assert_eq!(guest.answer(under_way).code, Code::CONTENT);
    before = grown(&before, &vestibule);
    let mut client = stage.client(others.parse().expect("an address"));
    stage.is_served(&mut client);
    let last = grown(&before, &vestibule);
    let handshakes = "vestibule_dtls_handshakes_total{server=\"lb\",resumed=\"no\"}";
    assert_eq!(last.get(handshakes), Some(&2.0));
}

/// Those that end are counted and shown to their end, that of the process as well.
#[test]
fn they_are_told_to_the_end() {
    let stage = Stage::new();
    let mut vestibule = Vestibule::start(stage.table(""));
    let at = address(&vestibule);
    let mut client = stage.client(at);
    stage
        .homeserver
        .set_fault_below(WHOAMI, Fault::Slow(Duration::from_secs(2)));
    let under_way = client.begin(stage.request(WHOAMI));
    eventually("the homeserver to be asked", || {
        client.run_for(Duration::from_millis(10));
        stage.asked().iter().any(|path| path == WHOAMI)
    });
    let mut before = counted(&vestibule);
    vestibule.rewrite(stage.table("[low_bandwidth.limits]\nuploads = 3"));
    vestibule.reload_by_signal();
    // Nobody has gone yet, or everybody.
    let shown = associations(&vestibule);
    assert!(shown.len() <= 1, "{shown:?}");
    assert_eq!(client.answer(under_way).code, Code::CONTENT);
    assert_eq!(client.wait_for_end(), Closed::ByPeer);
    before = grown(&before, &vestibule);
    wait_for_starts(&vestibule, 2);

    stage.homeserver.set_fault_below(WHOAMI, Fault::Silent);
    let mut client = stage.client(at);
    client.begin(stage.request(WHOAMI));
    eventually("the homeserver to be asked", || {
        client.run_for(Duration::from_millis(10));
        let asked = stage.asked();
        asked.iter().filter(|path| *path == WHOAMI).count() == 2
    });
    before = grown(&before, &vestibule);
    vestibule.process().signal(Signal::TERM);
    eventually("the process to wait", || {
        let lines = vestibule.event_lines();
        lines.iter().any(|line| line.contains("draining"))
    });
    grown(&before, &vestibule);
    let shown = associations(&vestibule);
    assert_eq!(shown.len(), 1, "{shown:?}");
    vestibule.process().signal(Signal::TERM);
    assert_eq!(client.wait_for_end(), Closed::ByPeer);
    assert_eq!(vestibule.process().wait().code(), Some(0));
}
