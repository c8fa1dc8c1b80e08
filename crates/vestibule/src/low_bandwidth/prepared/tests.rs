use tempfile::TempDir;

use super::*;
use crate::{low_bandwidth::Config, material};

/// Files of a gateway, and its specification with these further keys.
struct Files {
    directory: TempDir,
}

impl Files {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(directory.path().join("lb.pem"), made.cert.pem()).unwrap();
        std::fs::write(
            directory.path().join("lb.key"),
            made.signing_key.serialize_pem(),
        )
        .unwrap();
        Self { directory }
    }

    fn spec(&self, bind: &str, keys: &str) -> Arc<Spec> {
        let path = |name| self.directory.path().join(name);
        let config = Config::new("http://127.0.0.1:8008", path("lb.pem"), path("lb.key"));
        let text = config.bind([bind]).options(keys).to_toml("off").unwrap();
        let (loaded, material) = material::parse("test", &text);
        let config = loaded.config.expect("a good configuration");
        Spec::all(&config, &material.unwrap()).remove(0)
    }

    fn tickets(&self) -> PathBuf {
        self.directory.path().join("tickets")
    }

    fn with_tickets(&self, name: &str) -> Arc<Spec> {
        let file = self.tickets();
        let keys = format!(
            "name = \"{name}\"\nticket_key_file = \"{}\"",
            file.display()
        );
        self.spec("127.0.0.1:0", &keys)
    }
}

fn prepare(spec: &Arc<Spec>, own: Option<&Holdings>, others: &[&Holdings]) -> Prepared {
    let prepared = Prepared::new(Arc::clone(spec), 1, own, others);
    prepared.unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn whoever_takes_its_place_has_what_it_had() {
    let files = Files::new();
    let spec = files.spec(
        "127.0.0.1:0",
        "name = \"lb\"\nplain_debug_bind = \"127.0.0.1:0\"",
    );
    let first = prepare(&spec, None, &[]);
    let (first, same) = (
        first.holdings(),
        prepare(&spec, Some(first.holdings()), &[]),
    );
    assert_eq!(first.ticket_key(), same.holdings.ticket_key());
    assert_eq!(
        first.sockets.local_addrs(),
        same.holdings.sockets.local_addrs()
    );
    assert_eq!(first.plain.local_addrs(), same.holdings.plain.local_addrs());
    let told = [first, &same.holdings].map(|it| &it.readout);
    assert!(Arc::ptr_eq(&told[0].meters, &told[1].meters));
    // What was counted is counted on, by all that count.
    told[0].dtls.shared.counters.opened.add();
    told[0].dtls.counters.bytes_in.add(0, 7);
    assert_eq!(told[1].dtls.shared.counters.opened.value(), 1);
    assert_eq!(told[1].dtls.counters.bytes_in.value(), 7);
    assert!(same.waits_for("lb", first) && same.waits_for("other", first));
    // Any port of somebody else is not the one that was meant.
    let stranger = files.spec("127.0.0.1:0", "name = \"stranger\"");
    let stranger = prepare(&stranger, None, &[first]);
    assert!(!stranger.waits_for("lb", first));
    assert_ne!(first.ticket_key(), stranger.holdings.ticket_key());
}

#[test]
fn an_address_goes_with_another_name() {
    let files = Files::new();
    // Nobody else takes a port of it when it is free for a moment.
    let first = prepare(&files.spec("127.0.74.7:0", "name = \"old\""), None, &[]);
    let named = first.holdings.sockets.local_addrs()[0].to_string();
    drop(first);
    let first = prepare(&files.spec(&named, "name = \"old\""), None, &[]);
    let spec = files.spec(&named, "name = \"new\"");
    let refused = Prepared::new(Arc::clone(&spec), 1, None, &[]);
    assert!(matches!(refused, Err(PrepareError::Sockets(_))));
    let second = prepare(&spec, None, &[first.holdings()]);
    assert!(second.waits_for("old", first.holdings()));
}

#[test]
fn a_key_of_tickets_is_made_once() {
    let files = Files::new();
    let spec = files.with_tickets("lb");
    let first = prepare(&spec, None, &[]);
    assert_eq!(first.made(), Some(&files.tickets()));
    let second = prepare(&spec, Some(first.holdings()), &[]);
    assert_eq!(second.made(), None);
    assert_eq!(first.holdings.ticket_key(), second.holdings.ticket_key());
    std::fs::write(files.tickets(), "0b".repeat(32)).unwrap();
    let third = prepare(&spec, Some(first.holdings()), &[]);
    assert_eq!(third.holdings.ticket_key(), [0x0b; 32]);
    std::fs::write(files.tickets(), "nothing").unwrap();
    let refused = Prepared::new(spec, 1, Some(first.holdings()), &[]);
    assert!(matches!(refused, Err(PrepareError::TicketKey(_))));
}

#[test]
fn what_is_in_use_is_told_by_its_key() {
    let files = Files::new();
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let taken = (taken.local_addr().unwrap(), taken);
    let keys = format!("plain_debug_bind = \"{}\"", taken.0);
    let spec = files.spec("127.0.0.1:0", &keys);
    let Err(error) = Prepared::new(spec, 1, None, &[]) else {
        panic!("{} can be had twice", taken.0);
    };
    let said = error.to_string();
    assert!(
        said.starts_with("plain_debug_bind: ") && said.contains(&taken.0.to_string()),
        "{said}"
    );
}
