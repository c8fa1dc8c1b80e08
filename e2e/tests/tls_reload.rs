//! Certificates that are replaced, and reloads, while handshakes come and connections live.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use vestibule_e2e::{Authority, Leaf, Origin, TlsClient, TlsEnd, Vestibule, wait_for};

const NAME: &str = "chat.example.org";

/// Clients that come again and again meanwhile.
const CLIENTS: usize = 3;

/// Where certificate and key are, as the configuration has it: behind a symbolic link.
struct Live {
    directory: PathBuf,
}

impl Live {
    fn new(directory: &Path, first: &Leaf) -> Self {
        let live = Self {
            directory: directory.to_owned(),
        };
        live.swap(first);
        live
    }

    fn chain(&self) -> PathBuf {
        self.directory.join("live/chain.pem")
    }

    fn key(&self) -> PathBuf {
        self.directory.join("live/key.pem")
    }

    fn section(&self) -> String {
        let (chain, key) = (self.chain(), self.key());
        format!(
            "[[certificate]]\nchain = \"{}\"\nkey = \"{}\"\n",
            chain.display(),
            key.display()
        )
    }

    /// A new directory, and the link to it is swapped, as certbot and Kubernetes do.
    fn swap(&self, leaf: &Leaf) {
        let name = leaf.chain.file_stem().expect("a name");
        let fresh = self.directory.join(name).with_extension("d");
        fs::create_dir(&fresh).expect("a directory");
        fs::copy(&leaf.chain, fresh.join("chain.pem")).expect("a chain");
        fs::copy(&leaf.key, fresh.join("key.pem")).expect("a key");
        let link = self.directory.join("live.new");
        symlink(&fresh, &link).expect("a link");
        fs::rename(&link, self.directory.join("live")).expect("a link in place");
    }

    /// Whole files under other names, renamed one after the other.
    fn rename(&self, leaf: &Leaf) {
        for (from, to) in [(&leaf.chain, self.chain()), (&leaf.key, self.key())] {
            let fresh = to.with_extension("new");
            fs::copy(from, &fresh).expect("a file");
            fs::rename(&fresh, &to).expect("a file in place");
        }
    }

    /// In place and in pieces, as a careless script does it: for a while, half a chain, then a chain
    /// whose key is still the old one.
    fn overwrite(&self, leaf: &Leaf) {
        let chain = fs::read(&leaf.chain).expect("a chain");
        fs::write(self.chain(), &chain[..chain.len() / 3]).expect("half a chain");
        thread::sleep(Duration::from_millis(150));
        fs::write(self.chain(), &chain).expect("a chain");
        thread::sleep(Duration::from_millis(150));
        fs::copy(&leaf.key, self.key()).expect("a key");
    }
}

#[test]
fn certificates_are_replaced_twenty_times_under_load() {
    let authority = Authority::new();
    let home = tempfile::tempdir().expect("a temporary directory");
    let live = Live::new(home.path(), &authority.server(&[NAME]));
    let origin = Origin::echo();
    let vestibule = Vestibule::start(format!(
        "{}[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [listener.tls]\nmode = \"terminate\"\n\
         [service.s]\nupstreams = [\"{}\"]\n",
        live.section(),
        origin.address()
    ));
    let address = vestibule.address("in");
    let steady = TlsClient::new(&authority, NAME).connect(address);
    steady.exchange(b"before everything");

    let (done, handshakes) = (AtomicBool::new(false), AtomicUsize::new(0));
    let slowest = thread::scope(|scope| {
        let end = SetOnDrop(&done);
        for number in 0..CLIENTS {
            let (authority, done, handshakes) = (&authority, &done, &handshakes);
            scope.spawn(move || {
                let client = TlsClient::new(authority, NAME);
                while !done.load(Ordering::Relaxed) {
                    // Every other one is a full handshake.
                    let fresh = TlsClient::new(authority, NAME);
                    for client in [&client, &fresh] {
                        let stream = client.connect(address);
                        stream.exchange(b"does this door still open?");
                        stream.close_notify();
                        assert_eq!(stream.read_to_end().1, TlsEnd::CloseNotify);
                        handshakes.fetch_add(1, Ordering::Relaxed);
                    }
                    thread::sleep(Duration::from_millis(10 * (1 + number as u64)));
                }
            });
        }
        let mut slowest = Duration::ZERO;
        for round in 0..20 {
            let leaf = match round % 4 {
                3 => authority.rsa_server(&[NAME]),
                _ => authority.server(&[NAME]),
            };
            let start = Instant::now();
            match round % 3 {
                0 => live.swap(&leaf),
                1 => live.rename(&leaf),
                _ => live.overwrite(&leaf),
            }
            let expected = Some(leaf.certificates()[0].to_vec());
            wait_for(&format!("certificate {round} to be shown"), || {
                let stream = TlsClient::new(&authority, NAME).connect(address);
                (stream.facts().peer == expected).then_some(())
            });
            slowest = slowest.max(start.elapsed());
        }
        drop(end);
        slowest
    });
    let handshakes = handshakes.load(Ordering::Relaxed);
    println!("{handshakes} handshakes, slowest replacement {slowest:?}");
    assert!(handshakes > 40, "{handshakes}");
    steady.exchange(b"after everything");
    let labels = [("listener", "in"), ("reason", "handshake_failed")];
    let metrics = vestibule.metrics();
    assert_eq!(
        metrics.value("vestibule_connections_refused_total", &labels),
        0
    );
    // Those who only look at the certificate leave without a word.
    let records = vestibule.records();
    let failed = records
        .iter()
        .find(|r| !["eof", "reset"].contains(&r.text("end")));
    assert!(failed.is_none(), "{failed:?}");
}

/// A pair that does not belong together stays out, and is told of once.
#[test]
fn a_bad_pair_is_told_of_and_the_old_one_stays() {
    let authority = Authority::new();
    let home = tempfile::tempdir().expect("a temporary directory");
    let old = authority.server(&[NAME]);
    let live = Live::new(home.path(), &old);
    let origin = Origin::echo();
    let vestibule = Vestibule::start(format!(
        "{}[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [listener.tls]\nmode = \"terminate\"\n\
         [service.s]\nupstreams = [\"{}\"]\n",
        live.section(),
        origin.address()
    ));
    let warnings = || {
        let events = vestibule.all_events();
        let is_warning = |event: &&Value| event["level"] == "WARN";
        events.iter().filter(is_warning).count()
    };
    assert_eq!(warnings(), 0);
    let new = authority.server(&[NAME]);
    let fresh = home.path().join("fresh");
    fs::copy(&new.chain, &fresh).expect("a chain");
    fs::rename(&fresh, live.chain()).expect("a chain in place");
    wait_for("a warning", || (warnings() == 1).then_some(()));
    thread::sleep(Duration::from_millis(2_500));
    assert_eq!(warnings(), 1, "once is enough");
    let shown = || {
        let stream = TlsClient::new(&authority, NAME).connect(vestibule.address("in"));
        stream.facts().peer
    };
    assert_eq!(shown(), Some(old.certificates()[0].to_vec()));
    fs::copy(&new.key, live.key()).expect("a key");
    let expected = Some(new.certificates()[0].to_vec());
    wait_for("the new pair", || (shown() == expected).then_some(()));
}

#[test]
fn reloads_leave_live_connections_and_tickets_alone() {
    let authority = Authority::new();
    let (one, two) = (
        authority.server(&[NAME]),
        authority.server(&["two.example"]),
    );
    let origin = Origin::echo();
    let tables = |certificates: &str, tls: &str| {
        format!(
            "{certificates}[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
             [listener.tls]\nmode = \"terminate\"\n{tls}\n\
             [service.s]\nupstreams = [\"{}\"]\n",
            origin.address()
        )
    };
    let mut vestibule = Vestibule::start(tables(&one.section(), ""));
    let address = vestibule.address("in");
    let client = TlsClient::new(&authority, NAME);
    let live: Vec<_> = (0..10)
        .map(|_| {
            let stream = client.connect(address);
            stream.exchange(b"before");
            stream
        })
        .collect();
    vestibule.rewrite(tables(&(one.section() + &two.section()), "alpn = [\"h2\"]"));
    vestibule.reload_by_signal();
    for stream in &live {
        stream.exchange(b"after");
    }
    let newcomer = TlsClient::new(&authority, "two.example")
        .alpn(&["h2"])
        .connect(address);
    newcomer.exchange(b"new");
    assert_eq!(newcomer.facts().alpn, "h2");
    // Whoever has a ticket from before is known after it.
    let again = client.connect(address);
    again.exchange(b"again");
    assert!(again.facts().resumed, "the tickets' keys were kept");
    // What cannot be used refuses the reload, and everything stays.
    fs::write(&two.key, "no key").expect("a temporary directory");
    let broken = tables(&(two.section() + &one.section()), "");
    vestibule.rewrite(broken);
    let refused = vestibule.command(&["reload"]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr);
    let key = two.key.display().to_string();
    assert!(said.contains(&key), "{said}");
    for stream in &live {
        stream.exchange(b"still");
    }
    TlsClient::new(&authority, NAME)
        .connect(address)
        .exchange(b"as before");
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
