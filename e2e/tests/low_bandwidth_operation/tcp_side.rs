//! A reload that changes where and how a gateway speaks HTTP: who is there stays, who comes gets the new.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use vestibule_dtls::client::Closed;
use vestibule_e2e::dtls::CoapsClient;
use vestibule_e2e::{
    Authority, Vestibule, answer, connect, curl, eventually, free_ports, try_connect,
};
use vestibule_miniature_homeserver::Fault;

use crate::stage::{
    NAME, Stage, WHOAMI, address, addresses, associations, json, request, wait_for_starts,
};

const WELL_KNOWN: &str = "/.well-known/matrix/client";

/// A port of loopback.
fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// The keys of a gateway that says so of itself, and serves HTTP there.
fn side(url: &str, port: u16) -> String {
    format!("advertise = \"{url}\"\ntcp_bind = \"{}\"", at(port))
}

/// The same, without TLS.
fn plain(port: u16) -> String {
    side(&format!("http://{}", at(port)), port)
}

/// Has the file read again, and waits until every worker goes by it: each is told in its turn.
#[track_caller]
fn reload(vestibule: &Vestibule) {
    vestibule.reload_by_signal();
    vestibule.ask(&["show", "connections"]);
}

/// Asks over a connection that stays: the status, and the body.
#[track_caller]
fn ask_over(stream: &mut TcpStream, path: &str) -> (u16, String) {
    let head = format!("GET {path} HTTP/1.1\r\nHost: {NAME}\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("a request");
    let mut answer = answer(stream.try_clone().expect("a second handle"));
    let length = answer.field("Content-Length").expect("a length");
    let mut body = vec![0; length.parse().expect("a number")];
    answer.stream.read_exact(&mut body).expect("a body");
    let body = String::from_utf8(body).expect("text");
    (answer.status(), body)
}

/// As [`ask_over`], over a connection of its own.
#[track_caller]
fn ask(port: u16, path: &str) -> (u16, String) {
    ask_over(&mut connect(at(port)), path)
}

/// Whether clients that speak HTTP are told that the homeserver is at `http://` this port.
fn names(said: &(u16, String), port: u16) -> bool {
    said.0 == 200 && said.1.contains(&format!("\"http://{}\"", at(port)))
}

/// Whether nobody accepts connections there.
fn is_closed(port: u16) -> bool {
    try_connect(at(port)).is_err()
}

/// What clients that speak CoAP are told.
fn told(client: &mut CoapsClient) -> String {
    let answer = client.request(request(WELL_KNOWN, None));
    let url = &json(&answer)["m.homeserver"]["base_url"];
    url.as_str().expect("a URL").to_owned()
}

#[test]
fn it_moves_to_another_address() {
    let stage = Stage::new();
    let port = free_ports(2);
    let mut vestibule = Vestibule::start(stage.table(&plain(port)));
    let mut client = stage.client(address(&vestibule));
    stage.is_served(&mut client);
    let mut kept = connect(at(port));
    assert!(names(&ask_over(&mut kept, WELL_KNOWN), port));

    vestibule.rewrite(stage.table(&plain(port + 1)));
    reload(&vestibule);
    assert!(names(&ask(port + 1, WELL_KNOWN), port + 1));
    eventually("the old address to be free", || is_closed(port));
    // A connection that was there goes on as it has begun.
    assert!(names(&ask_over(&mut kept, WELL_KNOWN), port));
    let url = format!("http://{}", at(port + 1));
    eventually("the new URL", || told(&mut client) == url);
    stage.is_served(&mut client);
    assert_eq!(associations(&vestibule).len(), 1);
    assert_eq!(addresses(&vestibule, "lb").len(), 1);
    assert_eq!(
        vestibule.addresses("lb/tcp"),
        [at(port), at(port + 1)].map(|it| it.to_string())
    );
}

#[test]
fn it_begins_to_speak_tls_and_goes_away() {
    let stage = Stage::new();
    let fresh = Authority::new();
    let port = free_ports(1);
    let mut vestibule = Vestibule::start(stage.table(&plain(port)));
    let mut client = stage.client(address(&vestibule));
    assert!(names(&ask(port, WELL_KNOWN), port));
    let by_tls = |authority: &Authority| {
        let trusting = format!("--cacert {}", authority.root().display());
        let output = curl(at(port), NAME, WELL_KNOWN, &trusting);
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!(by_tls(&stage.authority), "");

    let url = format!("https://{NAME}:{port}");
    let table = stage.table(&side(&url, port));
    vestibule.rewrite(table.clone());
    reload(&vestibule);
    eventually("TLS", || by_tls(&stage.authority).contains(&url));
    assert_eq!(by_tls(&fresh), "");

    // The certificate of another authority, from other files.
    let leaf = fresh.server(&[NAME]);
    vestibule.rewrite(table.replace(&stage.leaf.table(), &leaf.table()));
    reload(&vestibule);
    eventually("the other certificate", || by_tls(&fresh).contains(&url));
    assert_eq!(by_tls(&stage.authority), "");
    eventually("the same URL", || told(&mut client) == url);

    vestibule.rewrite(stage.table(""));
    reload(&vestibule);
    eventually("the address to be free", || is_closed(port));
    eventually("the URL of the homeserver", || {
        told(&mut client) == stage.homeserver.base_url()
    });
    assert_eq!(associations(&vestibule).len(), 1);
}

#[test]
fn what_cannot_be_bound_changes_nothing() {
    let stage = Stage::new();
    let port = free_ports(1);
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = (taken.local_addr().expect("its address").port(), taken);
    let mut vestibule = Vestibule::start(stage.table(&plain(port)));
    let mut client = stage.client(address(&vestibule));
    vestibule.rewrite(stage.table(&plain(taken.0)));
    let refused = vestibule.command(&["reload"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    for words in ["lb/tcp", &at(taken.0).to_string()] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(names(&ask(port, WELL_KNOWN), port));
    assert_eq!(told(&mut client), format!("http://{}", at(port)));
    // Not even a change that could be had.
    let other = stage.table(&plain(taken.0)) + "[low_bandwidth.limits]\nrequests = 5";
    vestibule.rewrite(other);
    assert_eq!(vestibule.command(&["reload"]).status.code(), Some(1));
    stage.is_served(&mut client);
    assert_eq!(addresses(&vestibule, "lb").len(), 1);
}

/// While the associations of the old gateway are drained, HTTP goes to the new homeserver already.
#[test]
fn it_is_there_while_the_gateway_begins_anew() {
    let (stage, other) = (Stage::new(), Stage::new());
    let port = free_ports(1);
    let table = |homeserver: &Stage| {
        let table = stage.table(&plain(port));
        let [old, new] = [&stage, homeserver].map(|it| it.homeserver.address().to_string());
        table.replace(&old, &new)
    };
    let mut vestibule = Vestibule::start(table(&stage));
    let mut client = stage.client(address(&vestibule));
    let mut kept = connect(at(port));
    let asked = |stage: &Stage| stage.asked().iter().filter(|it| *it == WHOAMI).count();
    assert_eq!(ask_over(&mut kept, WHOAMI).0, 401);
    assert_eq!((asked(&stage), asked(&other)), (1, 0));
    let slow = Fault::Slow(Duration::from_secs(2));
    stage.homeserver.set_fault_below(WHOAMI, slow);
    let under_way = client.begin(stage.request(WHOAMI));
    eventually("the homeserver to be asked", || {
        client.run_for(Duration::from_millis(10));
        asked(&stage) == 2
    });

    vestibule.rewrite(table(&other));
    reload(&vestibule);
    assert_eq!(ask(port, WHOAMI).0, 401);
    assert_eq!((asked(&stage), asked(&other)), (2, 1));
    let answer = client.answer(under_way);
    assert_eq!(json(&answer)["user_id"], stage.alice.as_str());
    assert_eq!(client.wait_for_end(), Closed::ByPeer);
    let again = wait_for_starts(&vestibule, 2);
    // Who was there is served as it has begun, to its end.
    stage.homeserver.set_fault(Fault::None);
    assert_eq!(ask_over(&mut kept, WHOAMI).0, 401);
    assert_eq!((asked(&stage), asked(&other)), (3, 1));
    let mut client = stage.client(again[1]);
    let answer = client.request(other.request(WHOAMI));
    assert_eq!(json(&answer)["user_id"], other.alice.as_str());
    assert_eq!((asked(&stage), asked(&other)), (3, 2));
}

#[test]
fn two_gateways_change_places() {
    let (stage, other) = (Stage::new(), Stage::new());
    let port = free_ports(2);
    let tables = |own: u16, others: u16| {
        stage.table(&plain(own)) + &other.table_at("other", "127.0.0.1:0", &plain(others))
    };
    let mut vestibule = Vestibule::start(tables(port, port + 1));
    let mut client = stage.client(address(&vestibule));
    let asked = |stage: &Stage| stage.asked().iter().filter(|it| *it == WHOAMI).count();
    assert_eq!(ask(port, WHOAMI).0, 401);
    assert_eq!((asked(&stage), asked(&other)), (1, 0));
    vestibule.rewrite(tables(port + 1, port));
    reload(&vestibule);
    eventually("the other one", || {
        assert_eq!(ask(port, WHOAMI).0, 401);
        asked(&other) > 0
    });
    let before = asked(&stage);
    assert_eq!(ask(port + 1, WHOAMI).0, 401);
    assert_eq!(asked(&stage), before + 1);
    assert!(names(&ask(port, WELL_KNOWN), port));
    assert!(names(&ask(port + 1, WELL_KNOWN), port + 1));
    stage.is_served(&mut client);
    assert_eq!(associations(&vestibule).len(), 1);
}
