//! What a reload changes without taking anybody's association.

use std::fs;
use std::time::{Duration, Instant};

use vestibule_coap::Code;
use vestibule_e2e::coap::coap_request;
use vestibule_e2e::{Metrics, Vestibule, connect, eventually, free_ports, wait_for};
use vestibule_miniature_homeserver::Fault;

use crate::stage::{
    SYNC, Stage, VERSIONS, WHOAMI, address, addresses, associations, json, request,
};

/// The ids of the associations.
fn ids(vestibule: &Vestibule) -> Vec<String> {
    let shown = associations(vestibule);
    shown.iter().map(|it| it["id"].to_string()).collect()
}

#[test]
fn how_clients_are_served_changes_under_them() {
    let stage = Stage::new();
    let mut vestibule = Vestibule::start(stage.table(""));
    let mut client = stage.client(address(&vestibule));
    stage.is_served(&mut client);
    let before = ids(&vestibule);
    let mut reload = |keys: &str| {
        vestibule.rewrite(stage.table(keys));
        vestibule.reload_by_signal();
    };

    let synapse = "/_synapse/client/some/page";
    assert_eq!(client.request(stage.request(synapse)).code, Code::NOT_FOUND);
    assert!(!stage.asked().iter().any(|path| path == synapse));
    reload("allow_paths = \"/_synapse/client\"");
    eventually("the path to be allowed", || {
        client.request(stage.request(synapse));
        stage.asked().iter().any(|path| path == synapse)
    });

    reload("upstream_prefix = \"r0\"");
    eventually("the old API to be asked for", || {
        client.request(stage.request(&format!("{SYNC}?timeout=0")));
        stage
            .asked()
            .iter()
            .any(|path| path == "/_matrix/client/r0/sync")
    });
    assert_eq!(client.request(stage.request(synapse)).code, Code::NOT_FOUND);

    // Integers instead of names: only who shows that they are understood gets them.
    let has_names = |payload: &[u8]| payload.windows(7).any(|it| it == b"user_id");
    let answer = client.request(stage.request(WHOAMI));
    assert!(!has_names(&answer.payload), "{answer:?}");
    reload("cbor_keys = \"negotiated\"\nrequest_timeout = \"10s\"");
    eventually("names", || {
        has_names(&client.request(stage.request(WHOAMI)).payload)
    });

    reload("request_timeout = \"200ms\"");
    stage.homeserver.set_fault_below(WHOAMI, Fault::Silent);
    eventually("the homeserver to be given up soon", || {
        let start = Instant::now();
        let answer = client.request(stage.request(WHOAMI));
        assert_eq!(answer.code, Code::GATEWAY_TIMEOUT, "{answer:?}");
        start.elapsed() < Duration::from_secs(8)
    });
    stage.homeserver.set_fault(Fault::None);
    reload("");
    eventually("an answer", || {
        client.request(stage.request(WHOAMI)).code == Code::CONTENT
    });
    assert_eq!(ids(&vestibule), before);
    assert_eq!(addresses(&vestibule, "lb").len(), 1);
}

#[test]
fn a_url_that_is_advertised_is_told_and_served_from_then_on() {
    let stage = Stage::new();
    let mut vestibule = Vestibule::start(stage.table("stable_key = false"));
    let mut client = stage.client(address(&vestibule));
    let mut well_known = || {
        let answer = client.request(request("/.well-known/matrix/client", None));
        json(&answer)["m.homeserver"]["base_url"]
            .as_str()
            .map(str::to_owned)
    };
    assert_eq!(well_known().as_deref(), Some(stage.homeserver.base_url()));
    let port = free_ports(1);
    vestibule.rewrite(stage.table(&format!(
        "advertise = \"http://127.0.0.1:{port}\"\ntcp_bind = \"127.0.0.1:{port}\"\nstable_key = true"
    )));
    vestibule.reload_by_signal();
    let advertised = format!("http://127.0.0.1:{port}");
    eventually("the other URL", || {
        well_known().as_deref() == Some(&advertised)
    });
    drop(connect(vestibule.address("lb/tcp")));
    let features = json(&client.request(request(VERSIONS, None)));
    assert!(
        features.to_string().contains("m.low_bandwidth"),
        "{features}"
    );
    assert_eq!(ids(&vestibule).len(), 1);
}

#[test]
fn a_file_with_mistakes_changes_nothing() {
    let stage = Stage::new();
    let mut vestibule = Vestibule::start(stage.table(""));
    let mut client = stage.client(address(&vestibule));
    stage.is_served(&mut client);
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let taken = taken
        .local_addr()
        .map(|it| (it, taken))
        .expect("its address");
    let garbage = vestibule.directory().join("garbage");
    fs::write(&garbage, "00zz\n").expect("a temporary file");
    let missing = vestibule.directory().join("missing").join("tickets");
    for (tables, words) in [
        (stage.table("bnid = 1"), "did you mean `bind`"),
        (stage.table("[low_bandwidth.limits]\npolls = 0"), "polls"),
        (
            stage.table_at("lb", &taken.0.to_string(), ""),
            &*format!("udp {}", taken.0),
        ),
        (
            stage.table(&format!("plain_debug_bind = \"{}\"", taken.0)),
            "plain_debug_bind",
        ),
        (
            stage.table(&format!("ticket_key_file = \"{}\"", garbage.display())),
            "garbage",
        ),
        (
            stage.table(&format!("ticket_key_file = \"{}\"", missing.display())),
            "missing",
        ),
        (
            stage.table("") + &stage.table_at("other", &taken.0.to_string(), ""),
            "\"other\"",
        ),
    ] {
        vestibule.rewrite(tables);
        let refused = vestibule.command(&["reload"]);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1), "{words}: {refused:?}");
        assert!(said.contains(words), "{words}: {said}");
        stage.is_served(&mut client);
    }
    assert_eq!(ids(&vestibule).len(), 1);
    vestibule.rewrite(stage.table(""));
    vestibule.reload_by_signal();
    stage.is_served(&mut client);
}

#[test]
fn gateways_come_and_go() {
    let stage = Stage::new();
    let other = Stage::new();
    let mut vestibule = Vestibule::start(stage.table(""));
    let mut client = stage.client(address(&vestibule));
    vestibule.rewrite(stage.table("") + &other.table_at("other", "127.0.0.1:0", ""));
    vestibule.reload_by_signal();
    stage.is_served(&mut client);
    let at = wait_for("the other gateway", || {
        addresses(&vestibule, "other").first().copied()
    });
    let mut guest = other.client(at);
    other.is_served(&mut guest);
    // Each asks its own homeserver, with its own certificate, and is counted for itself.
    let served = |metrics: &Metrics, gateway| {
        let labels = [("gateway", gateway), ("outcome", "2.xx")];
        metrics.sum("vestibule_lowband_exchanges_total", &labels)
    };
    eventually("one request of each", || {
        let metrics = vestibule.metrics();
        (served(&metrics, "lb"), served(&metrics, "other")) == (1, 1)
    });
    assert!(stage.asked().contains(&WHOAMI.to_owned()));
    assert!(other.asked().contains(&WHOAMI.to_owned()));

    vestibule.rewrite(stage.table(""));
    vestibule.reload_by_signal();
    guest.wait_for_end();
    stage.is_served(&mut client);
    eventually("the address to be free", || {
        std::net::UdpSocket::bind(at).is_ok()
    });
    let shown = associations(&vestibule);
    assert!(shown.iter().all(|it| it["gateway"] == "lb"), "{shown:?}");
    assert_eq!(served(&vestibule.metrics(), "other"), 0);
    let answer = client.request(coap_request(Code::GET, VERSIONS, ""));
    assert_eq!(answer.code, Code::CONTENT);
    client.run_for(Duration::from_millis(10));
}
