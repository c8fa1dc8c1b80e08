//! What a reload changes that needs another server on the same sockets: clients are told, and resume.

use std::time::Duration;

use vestibule_coap::{Code, OptionNumber};
use vestibule_dtls::client::{Closed, Memory};
use vestibule_e2e::{Vestibule, eventually, free_ports};
use vestibule_miniature_homeserver::Fault;

use crate::stage::{SYNC, Stage, WHOAMI, address, addresses, associations, json, wait_for_starts};

fn limits(limits: &str) -> String {
    format!("[low_bandwidth.limits]\n{limits}")
}

#[test]
fn other_limits_hold_when_clients_have_resumed() {
    let stage = Stage::new();
    let mut vestibule = Vestibule::start(stage.table(""));
    let at = address(&vestibule);
    let memory = Memory::default();
    let mut client = stage.client_with(at, &memory);
    assert!(!client.agreement().resumed);
    stage.is_served(&mut client);
    let (_, first) = client.observe(stage.request(SYNC));
    assert_eq!(first.code, Code::CONTENT);

    vestibule.rewrite(stage.table(&limits("requests_per_minute = 2")));
    vestibule.reload_by_signal();
    assert_eq!(client.wait_for_end(), Closed::ByPeer);
    assert_eq!(wait_for_starts(&vestibule, 2), [at, at]);
    let mut client = stage.client_with(at, &memory);
    assert!(client.agreement().resumed);
    // The same token is the same user, and has asked before.
    stage.is_served(&mut client);
    stage.is_served(&mut client);
    let refused = client.request(stage.request(WHOAMI));
    assert_eq!(refused.code, Code::TOO_MANY_REQUESTS, "{refused:?}");
    assert_eq!(json(&refused)["errcode"], "M_LIMIT_EXCEEDED");
    let wait = refused.options.uint(OptionNumber::MAX_AGE);
    assert!(wait.is_some_and(|it| it > 0), "{refused:?}");
    let labels = [("gateway", "lb"), ("limit", "rate")];
    let exceeded = "vestibule_lowband_limit_exceeded_total";
    assert!(vestibule.metrics().sum(exceeded, &labels) >= 1);
    eventually("a user of one association", || {
        let users = vestibule.ask(&["show", "users"]);
        let users = users["users"].as_array().expect("a list");
        assert_eq!(users.len(), 1, "{users:?}");
        users[0]["associations"] == 1
    });
}

#[test]
fn addresses_that_stay_keep_their_sockets() {
    let stage = Stage::new();
    let port = free_ports(2);
    let [one, two] = [port, port + 1].map(|port| format!("127.0.0.1:{port}"));
    let bind = |addresses: &str| {
        let table = stage.table("");
        table.replace("\"127.0.0.1:0\"", addresses)
    };
    let mut vestibule = Vestibule::start(bind(&format!("\"{one}\"")));
    let mut client = stage.client(one.parse().expect("an address"));
    vestibule.rewrite(bind(&format!("[\"{two}\", \"{one}\"]")));
    vestibule.reload_by_signal();
    assert_eq!(client.wait_for_end(), Closed::ByPeer);
    wait_for_starts(&vestibule, 3);
    for address in [&one, &two] {
        let mut client = stage.client(address.parse().expect("an address"));
        stage.is_served(&mut client);
    }
    // Another name, and another plain listener, at the same addresses.
    vestibule.rewrite(bind(&format!("\"{two}\"")).replace("\"lb\"", "\"new\""));
    vestibule.reload_by_signal();
    eventually("the gateway under its new name", || {
        addresses(&vestibule, "new").len() == 1
    });
    stage.is_served(&mut stage.client(two.parse().expect("an address")));
    eventually("the address to be free", || {
        std::net::UdpSocket::bind(&one).is_ok()
    });
}

#[test]
fn the_last_of_many_reloads_counts() {
    let stage = Stage::new();
    let mut vestibule = Vestibule::start(stage.table(""));
    let at = address(&vestibule);
    let mut client = stage.client(at);
    stage
        .homeserver
        .set_fault_below(WHOAMI, Fault::Slow(Duration::from_secs(12)));
    let asked = client.begin(stage.request(WHOAMI));
    eventually("the homeserver to be asked", || {
        client.run_for(Duration::from_millis(10));
        stage.asked().iter().any(|path| path == WHOAMI)
    });
    // While the first one still answers.
    for count in [5, 4, 3] {
        let keys = limits(&format!("requests_per_minute = {count}"));
        vestibule.rewrite(stage.table(&keys));
        vestibule.reload_by_signal();
    }
    let answer = client.answer(asked);
    assert_eq!(answer.code, Code::CONTENT, "{answer:?}");
    assert_eq!(client.wait_for_end(), Closed::ByPeer);
    assert_eq!(wait_for_starts(&vestibule, 2), [at, at]);
    stage.homeserver.set_fault(Fault::None);
    let mut client = stage.client(at);
    let codes: Vec<_> = (0..4)
        .map(|_| client.request(stage.request(WHOAMI)).code)
        .collect();
    let wanted = [
        Code::CONTENT,
        Code::CONTENT,
        Code::CONTENT,
        Code::TOO_MANY_REQUESTS,
    ];
    assert_eq!(codes, wanted);
    assert_eq!(associations(&vestibule).len(), 1);
    assert_eq!(vestibule.terminate().code(), Some(0));
    assert_eq!(addresses(&vestibule, "lb").len(), 2);
}
