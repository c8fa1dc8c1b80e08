//! Files that are replaced while the gateway runs, and keys that outlive it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use vestibule_dtls::client::Memory;
use vestibule_e2e::dtls::CoapsClient;
use vestibule_e2e::{Authority, Vestibule, eventually, free_ports};

use crate::stage::{NAME, Stage, address, trusting};

/// Puts other files in their place, each at once.
fn replace(from: &Path, to: &Path) {
    let new = to.with_extension("new");
    fs::copy(from, &new).expect("a file");
    fs::rename(&new, to).expect("a file in place");
}

/// Whether a new client that trusts this authority is let in.
fn lets_in(vestibule: &Vestibule, authority: &Authority) -> bool {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let (config, memory) = (trusting(authority), Memory::default());
    CoapsClient::try_connect(socket, address(vestibule), config, memory).is_ok()
}

#[test]
fn new_associations_get_the_new_certificate() {
    let stage = Stage::new();
    let fresh = Authority::new();
    let vestibule = Vestibule::start(stage.table(""));
    let mut old = stage.client(address(&vestibule));
    stage.is_served(&mut old);
    assert!(!lets_in(&vestibule, &fresh));
    let leaf = fresh.server(&[NAME]);
    replace(&leaf.chain, &stage.leaf.chain);
    // The chain alone is of no use: what there was stays.
    eventually("a warning", || {
        let events = vestibule.all_events();
        let mut told = events.iter().filter_map(|it| it["message"].as_str());
        told.any(|it| it.contains("what it held before stays in use"))
    });
    assert!(lets_in(&vestibule, &stage.authority));
    replace(&leaf.key, &stage.leaf.key);
    eventually("the new certificate", || lets_in(&vestibule, &fresh));
    assert!(!lets_in(&vestibule, &stage.authority));
    stage.is_served(&mut old);
    fs::remove_file(&stage.leaf.key).expect("a file of ours");
    fs::write(&stage.leaf.chain, "no certificate").expect("a file of ours");
    eventually("another warning", || {
        let events = vestibule.all_events();
        let told = events.iter().filter_map(|it| it["message"].as_str());
        told.filter(|it| it.contains("what it held before stays in use"))
            .count()
            > 1
    });
    assert!(lets_in(&vestibule, &fresh));
    stage.is_served(&mut old);
}

#[test]
fn sessions_outlive_the_process_with_a_key_file() {
    let stage = Stage::new();
    let tickets = stage.authority.directory().join("tickets");
    let bind = format!("127.0.0.1:{}", free_ports(1));
    let at = bind.parse().expect("an address");
    let memory = Memory::default();
    let resumed = |keys: &str| {
        let mut vestibule = Vestibule::start(stage.table_at("lb", &bind, keys));
        let mut client = stage.client_with(at, &memory);
        let resumed = client.agreement().resumed;
        stage.is_served(&mut client);
        client.close();
        assert_eq!(vestibule.terminate().code(), Some(0));
        resumed
    };
    let key = format!("ticket_key_file = \"{}\"", tickets.display());
    assert_eq!([resumed(&key), resumed(&key)], [false, true]);
    let mode = fs::metadata(&tickets).expect("a key").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // A key of the process goes with it.
    assert_eq!([resumed(""), resumed("")], [false, false]);
}

#[test]
fn another_key_in_the_file_counts_from_the_next_reload_on() {
    let stage = Stage::new();
    let tickets = stage.authority.directory().join("tickets");
    let key = format!("ticket_key_file = \"{}\"", tickets.display());
    let vestibule = Vestibule::start(stage.table(&key));
    let at = address(&vestibule);
    let memory = Memory::default();
    let mut client = stage.client_with(at, &memory);
    stage.is_served(&mut client);
    // Nothing has changed.
    vestibule.reload_by_signal();
    stage.is_served(&mut client);
    fs::write(&tickets, "ab".repeat(32)).expect("a file of ours");
    vestibule.reload_by_signal();
    client.wait_for_end();
    let mut client = stage.client_with(at, &memory);
    assert!(!client.agreement().resumed);
    stage.is_served(&mut client);
    client.close();
    assert!(stage.client_with(at, &memory).agreement().resumed);
}
