//! Clients that move.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use vestibule_coap::Code;
use vestibule_dtls::client::Memory;
use vestibule_dtls::session::Version;
use vestibule_e2e::coap::coap_request;
use vestibule_e2e::dtls::{CoapsClient, Nat, RawProcess, is_handshake, libcoap};
use vestibule_e2e::{eventually, in_network_namespace};

use super::{Site, echo, large};

const VERSIONS: [Version; 2] = [Version::Dtls12, Version::Dtls13];

/// Each `forget` stands for two seconds of silence, after which the router forgets by itself; that
/// it does is what `a_translator_that_forgets_by_itself` shows. Half of the clients want a long
/// answer at every tenth address: it waits until the client has shown to be there, which the server
/// asks for once a second at most, and has it adopt the address. Short answers never need that.
#[test]
fn a_hundred_changes_of_address_and_not_one_byte_of_handshakes() {
    if !in_network_namespace("moves::a_hundred_changes_of_address_and_not_one_byte_of_handshakes") {
        return;
    }
    const CHANGES: usize = 100;
    const PROVEN: usize = 10;
    // Ports are random: one may be the same as before.
    const BY_CHANCE: usize = 3;
    // On a machine that does much else.
    const SENT_AGAIN: usize = 15;
    let site = Site::new();
    let mut clients: Vec<CoapsClient> = Vec::new();
    for version in VERSIONS {
        // A full handshake, and resumed ones.
        let memory = Memory::default();
        for expected in [false, true, true] {
            let mut client = site.client(version, &memory);
            assert_eq!(client.agreement().resumed, expected, "{version:?}");
            client.request(echo("at home"));
            clients.push(client);
        }
    }
    site.server.wait_for_opened(clients.len());
    let handshakes = site.nat.handshakes();
    assert!(handshakes > 0);
    let begun = site.server.count("handshakes_begun", &[]);
    let datagrams: Vec<_> = clients.iter().map(|it| it.trace().sent.len()).collect();

    for change in 0..CHANGES {
        site.nat.forget();
        for (at, client) in clients.iter_mut().enumerate() {
            let body = format!("{change} of {at}");
            let answer = client.request(echo(&body));
            assert_eq!(
                (answer.code, &*answer.payload),
                (Code::CHANGED, body.as_bytes())
            );
            if at % 2 == 0 && change % PROVEN == 0 {
                assert_eq!(client.request(large(900)).payload.len(), 900);
            }
        }
    }

    // Not a byte of a handshake has passed the router, and no client has sent one.
    assert_eq!(site.nat.handshakes(), handshakes);
    assert_eq!(site.server.count("handshakes_begun", &[]), begun);
    assert_eq!(site.server.opened().len(), clients.len());
    assert!(site.server.closed().is_empty());
    for (at, (client, before)) in clients.iter().zip(datagrams).enumerate() {
        let sent = &client.trace().sent[before..];
        assert!(sent.iter().all(|datagram| !is_handshake(datagram)));
        // Hardly anything was lost and repeated: a request for each change, sometimes another one and the
        // proof of the new address, which has two parts.
        let proofs = if at % 2 == 0 { CHANGES / PROVEN } else { 0 };
        let most = CHANGES + 3 * proofs + SENT_AGAIN;
        assert!(sent.len() <= most, "{}", sent.len());
    }
    // The server has seen that many addresses, and has adopted those it had to.
    let changes = |result| site.server.count("address_changes", &[("result", result)]) as usize;
    let tried = changes("tried");
    assert!(tried <= CHANGES * clients.len() + SENT_AGAIN, "{tried}");
    assert!(tried >= CHANGES * clients.len() - BY_CHANCE, "{tried}");
    let moving = clients.len().div_ceil(2);
    let mut paths: BTreeMap<String, Vec<SocketAddr>> = BTreeMap::new();
    for (id, remote) in site.server.moved() {
        paths.entry(id).or_default().push(remote);
    }
    assert!(paths.len() >= moving, "{paths:?}");
    let adopted: usize = paths.values().map(Vec::len).sum();
    assert_eq!(adopted, changes("adopted"));
    let most = moving * CHANGES / PROVEN + SENT_AGAIN;
    assert!(adopted <= most, "{adopted}");
    assert!(
        adopted >= moving * CHANGES / PROVEN - BY_CHANCE,
        "{adopted}"
    );
    for mut paths in paths.into_values() {
        let router = IpAddr::from([10, 2, 0, 1]);
        assert!(paths.iter().all(|path| path.ip() == router), "{paths:?}");
        let count = paths.len();
        paths.dedup();
        assert_eq!(paths.len(), count, "each is another one than before");
    }
}

/// As above, with the clock of the kernel.
#[test]
fn a_translator_that_forgets_by_itself() {
    if !in_network_namespace("moves::a_translator_that_forgets_by_itself") {
        return;
    }
    const CHANGES: usize = 3;
    let site = Site::new();
    site.nat.remember_for(2);
    let mut clients = VERSIONS.map(|version| site.client(version, &Memory::default()));
    for client in &mut clients {
        client.request(large(900));
    }
    let handshakes = site.nat.handshakes();
    // Mostly each time. What is sent again late keeps a translation for longer.
    eventually("so many changes of address", || {
        thread::sleep(Duration::from_millis(2500));
        for client in &mut clients {
            assert_eq!(client.request(large(900)).payload.len(), 900);
        }
        site.server.moved().len() >= CHANGES * clients.len()
    });
    assert_eq!(site.nat.handshakes(), handshakes);
}

/// An answer of many blocks, each longer than three times its request.
#[test]
fn a_large_answer_waits_until_the_client_has_shown_where_it_is() {
    if !in_network_namespace("moves::a_large_answer_waits_until_the_client_has_shown_where_it_is") {
        return;
    }
    let site = Site::new();
    for (at, version) in VERSIONS.into_iter().enumerate() {
        let mut client = site.client(version, &Memory::default());
        client.request(echo("at home"));
        let before = (client.trace().sent.len(), client.trace().received.len());
        site.nat.forget();
        assert_eq!(client.request(large(10_000)).payload.len(), 10_000);
        site.server.wait_for_moved(at + 1);
        // First it was asked whether it is there, in two parts, with less than three times of what
        // had come. Who waits for long is asked again.
        let asked = client.trace().sent[before.0].len();
        let answers = client.trace().received[before.1..].iter();
        let questions = answers.map(Vec::len).take_while(|it| *it < 64);
        let questions: Vec<usize> = questions.collect();
        assert!(questions.len() >= 2, "{questions:?}");
        assert!(questions[0] + questions[1] <= 3 * asked, "{questions:?}");
        let answer = client.trace().received[before.1 + questions.len()].len();
        assert!(answer > 3 * asked, "{asked} {answer}");
    }
}

#[test]
fn notifications_reach_the_new_address_after_the_next_datagram() {
    if !in_network_namespace("moves::notifications_reach_the_new_address_after_the_next_datagram") {
        return;
    }
    let site = Site::new();
    for version in VERSIONS {
        let mut client = site.client(version, &Memory::default());
        let (id, _) = client.observe(coap_request(Code::GET, "/ticks", ""));
        client.notification(id);
        let handshakes = site.nat.handshakes();
        for _ in 0..2 {
            // On a machine that does much else it may take longer, but not always.
            let mut tries = 0..10;
            let at_once = tries.any(|_| {
                site.nat.forget();
                // What is sent to the old address meanwhile ends at the router.
                client.run_for(Duration::from_millis(1500));
                client.forget_events();
                site.nat.forget();
                let start = Instant::now();
                client.ping();
                client.notification(id);
                // Not only when the one that was lost is repeated anyway, later.
                start.elapsed() < Duration::from_millis(300)
            });
            assert!(at_once);
            client.notification(id);
        }
        assert_eq!(site.nat.handshakes(), handshakes);
        client.close();
    }
}

/// libcoap has no Connection ID. From another address it is nobody: its requests are not answered,
/// and it has to begin anew.
#[test]
fn without_a_connection_id_a_new_address_is_a_new_peer() {
    if !in_network_namespace("moves::without_a_connection_id_a_new_address_is_a_new_peer") {
        return;
    }
    let site = Site::new();
    let start = |arguments: &[&str]| {
        let command = libcoap("openssl", site.server.address(), "/time", arguments);
        let mut inside = site.nat.client().command("coap-client-openssl");
        RawProcess::start(inside.args(command.get_args()))
    };
    let client = start(&["-n", "-G", "200", "-B", "600"]);
    eventually("an answer", || !client.text().is_empty());
    let handshakes = site.nat.handshakes();
    site.nat.forget();
    let answers = || {
        let text = client.text();
        text.lines().filter(|line| !line.is_empty()).count()
    };
    let unanswered = || {
        let unknown = [("reason", "unknown")];
        site.server.count("dropped_datagrams", &unknown)
    };
    eventually("a request of nobody", || unanswered() > 0);
    // What had been answered before may still be printed.
    let (mut before, mut after) = (answers(), usize::MAX);
    eventually("requests that are not answered", || {
        let others = unanswered();
        eventually("another request", || unanswered() > others);
        after = std::mem::replace(&mut before, answers());
        before == after
    });
    drop(client);
    assert_eq!(
        site.server
            .count("address_changes", &[("result", "adopted")]),
        0
    );
    assert_eq!(
        site.server.count("address_changes", &[("result", "tried")]),
        0
    );
    let mut again = start(&["-n"]);
    assert!(again.wait().success());
    site.server.wait_for_opened(2);
    assert!(site.nat.handshakes() > handshakes);
}

/// Answers come from the address that was asked, also where the server has several and listens on
/// all of them. The client insists on that.
#[test]
fn a_server_with_several_addresses() {
    if !in_network_namespace("moves::a_server_with_several_addresses") {
        return;
    }
    let nat = Nat::new();
    for address in ["10.2.0.3/24 dev there", "fd02::3/64 dev there nodad"] {
        nat.server().ip(&format!("addr add {address}"));
    }
    let site = Site::with(nat, &["0.0.0.0:5684", "[::]:5684"]);
    for address in ["10.2.0.2", "10.2.0.3", "[fd02::2]", "[fd02::3]"] {
        let address = format!("{address}:5684").parse().expect("an address");
        for version in VERSIONS {
            let mut client = site.client_of(address, version, &Memory::default());
            client.ping();
            assert_eq!(client.request(large(3000)).payload.len(), 3000);
        }
    }
}
