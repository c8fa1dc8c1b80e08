//! Sessions that are taken up again with a ticket.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use vestibule_e2e::{
    Authority, Leaf, Origin, Process, ReservedPort, TlsClient, Vestibule, openssl_client,
};

const NAME: &str = "chat.example.org";

fn vestibule(leaf: &Leaf, tls: &str, upstream: SocketAddr) -> Vestibule {
    Vestibule::start(format!(
        "{}[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [listener.tls]\nmode = \"terminate\"\n{tls}\n\
         [service.s]\nupstreams = [\"{upstream}\"]\n",
        leaf.section()
    ))
}

/// Talks to `address` by `openssl s_client` with these options and answers what it printed.
fn openssl(address: SocketAddr, options: &str) -> String {
    let mut client = openssl_client(address, &format!("-servername {NAME} {options}"));
    client.say("a word");
    client.wait_for_line("a word");
    client.close_stdin();
    client.wait();
    client.stdout().join("\n")
}

fn resumed(vestibule: &Vestibule, version: &str) -> u64 {
    let labels = [("listener", "in"), ("version", version), ("resumed", "yes")];
    vestibule
        .metrics()
        .value("vestibule_tls_handshakes_total", &labels)
}

#[test]
fn openssl_resumes_in_both_versions() {
    let authority = Authority::new();
    let leaf = authority.server(&[NAME]);
    let origin = Origin::echo();
    let vestibule = vestibule(&leaf, "", origin.address());
    let address = vestibule.address("in");
    for (option, version) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let session = authority.directory().join(version);
        let session = session.display();
        let said = openssl(address, &format!("{option} -sess_out {session}"));
        assert!(said.contains(&format!("New, {version}")), "{said}");
        let said = openssl(address, &format!("{option} -sess_in {session}"));
        assert!(said.contains(&format!("Reused, {version}")), "{said}");
        assert_eq!(resumed(&vestibule, version), 1);
    }
}

#[test]
fn without_tickets_every_handshake_is_a_full_one() {
    let authority = Authority::new();
    let leaf = authority.server(&[NAME]);
    let origin = Origin::echo();
    let vestibule = vestibule(&leaf, "tickets = false", origin.address());
    for version in ["1.2", "1.3"] {
        let client = TlsClient::new(&authority, NAME).version(version);
        for _ in 0..3 {
            let stream = client.connect(vestibule.address("in"));
            stream.exchange(b"a word");
            assert!(!stream.facts().resumed);
        }
    }
}

/// Two machines with the same key file; the second one's first key is another, as when keys are
/// being replaced.
#[test]
fn a_shared_key_file_makes_tickets_good_elsewhere() {
    let authority = Authority::new();
    let leaf = authority.server(&[NAME]);
    let origin = Origin::echo();
    let key = |digit: &str| digit.repeat(64) + "\n";
    let with_keys = |name: &str, keys: &str| {
        let path = authority.directory().join(name);
        fs::write(&path, keys).expect("a temporary directory");
        let tls = format!("tickets = {{ key_file = \"{}\" }}", path.display());
        vestibule(&leaf, &tls, origin.address())
    };
    let here = with_keys("here", &key("a"));
    let there = with_keys("there", &("# next\n".to_owned() + &key("b") + &key("a")));
    let elsewhere = with_keys("elsewhere", &key("c"));
    for (option, version) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let session = authority.directory().join(version);
        let session = session.display();
        openssl(here.address("in"), &format!("{option} -sess_out {session}"));
        let take_up = format!("{option} -sess_in {session}");
        let said = openssl(there.address("in"), &take_up);
        assert!(said.contains(&format!("Reused, {version}")), "{said}");
        let said = openssl(elsewhere.address("in"), &take_up);
        assert!(said.contains(&format!("New, {version}")), "{said}");
    }
}

/// A ticket of another server that allows early data is all that makes OpenSSL send some. Ours is
/// to skip it and go on with a full handshake: what could be replayed never reaches the origin.
#[test]
fn early_data_is_refused() {
    let authority = Authority::new();
    let leaf = authority.server(&[NAME]);
    let [session, early] = ["session", "early"].map(|n| authority.directory().join(n));
    fs::write(&early, "replayed!\n").expect("a temporary directory");
    let port = ReservedPort::new();
    let mut lenient = Process::start("openssl", &mut s_server(&port, &leaf));
    lenient.wait_for_port(port.port());
    let options = format!("-tls1_3 -servername {NAME}");
    let session = session.display();
    // The ticket has come before; OpenSSL looks at it when it has nothing else to do.
    let kept = [200, 2_000, 8_000].into_iter().any(|pause| {
        let mut client = openssl_client(port.address(), &format!("{options} -sess_out {session}"));
        client.say("a word");
        lenient.wait_for_line("a word");
        thread::sleep(Duration::from_millis(pause));
        client.close_stdin();
        client.wait();
        let said = client.stdout();
        said.iter()
            .any(|line| line.contains("Max Early Data: 16384"))
    });
    assert!(kept, "a ticket that allows early data");

    let origin = Origin::echo();
    let vestibule = vestibule(&leaf, "", origin.address());
    let early = early.display();
    let options = format!("-tls1_3 -sess_in {session} -early_data {early}");
    let said = openssl(vestibule.address("in"), &options);
    assert!(said.contains("Early data was rejected"), "{said}");
    assert!(said.contains("New, TLSv1.3"), "{said}");
    let record = &vestibule.wait_for_records(1)[0];
    record.assert(&[("end", "eof"), ("tls", "TLSv1.3")]);
    assert_eq!(record.number("bytes_in"), "a word\n".len() as u64);

    // Our own tickets do not invite any.
    let client = TlsClient::new(&authority, NAME).version("1.3").early_data();
    for _ in 0..2 {
        let stream = client.connect(vestibule.address("in"));
        stream.exchange(b"a word");
    }
    let mut again = client.connection();
    assert!(again.early_data().is_none());
}

fn s_server(port: &ReservedPort, leaf: &Leaf) -> Command {
    let mut command = Command::new("openssl");
    let path = |path: &Path| path.display().to_string();
    command
        .args(["s_server", "-accept", &port.address().to_string()])
        .args(["-early_data", "-tls1_3", "-cert", &path(&leaf.chain)])
        .args(["-key", &path(&leaf.key)]);
    command
}
