//! Users of an explicit proxy, and clients that are real programs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;
use std::time::Instant;

use vestibule_e2e::{
    Authority, Neighbour, Origin, Setup, TlsServer, Vestibule, eventually, tunnel,
};

/// Adds a user as an administrator does.
fn htpasswd(file: &Path, user: &str, password: &str) {
    let create = if file.exists() { "-bB" } else { "-cbB" };
    let output = Command::new("htpasswd")
        .args([create, "-C", "5"])
        .arg(file)
        .args([user, password])
        .output()
        .expect("htpasswd; `cargo xtask setup` gets it");
    assert!(output.status.success(), "{output:?}");
}

/// A directory with users.
struct Users {
    directory: tempfile::TempDir,
}

impl Users {
    fn new() -> Self {
        let users = Self {
            directory: tempfile::tempdir().expect("a temporary directory"),
        };
        htpasswd(&users.file(), "ann", "one secret");
        htpasswd(&users.file(), "bob", "zwei:geheime");
        users
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("users")
    }

    /// A listener for everyone with a password, and one without.
    fn proxy(&self) -> Vestibule {
        Vestibule::start(format!(
            "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"known\"\n\
             [[listener]]\nname = \"free\"\nbind = \"127.0.0.1:0\"\nservice = \"free\"\n\
             [service.known]\nkind = \"connect\"\nallow = \"127.0.0.0/8\"\nusers = \"{}\"\n\
             realm = \"the \\\"door\\\"\"\n\
             [service.free]\nkind = \"connect\"\nallow = \"127.0.0.0/8\"\n",
            self.file().display()
        ))
    }
}

fn curl(arguments: &[&str]) -> Output {
    Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--max-time",
            "20",
            "--noproxy",
            "",
        ])
        .args(arguments)
        .output()
        .expect("curl; `cargo xtask setup` gets it")
}

/// The status that the proxy answered curl with, and what the origin said.
fn through(proxy: &str, more: &[&str], url: &str) -> (String, String) {
    let mut arguments = vec!["--proxy", proxy, "--proxytunnel"];
    arguments.extend(more);
    arguments.extend(["--write-out", "%{http_connect}", url]);
    let output = curl(&arguments);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let at = said.len() - 3;
    (said[at..].to_owned(), said[..at].to_owned())
}

fn web() -> Origin {
    Origin::greeting("HTTP/1.0 200 OK\r\n\r\na page")
}

#[test]
fn curl_logs_in() {
    let (users, origin) = (Users::new(), web());
    let vestibule = users.proxy();
    let proxy = format!("http://{}", vestibule.address("in"));
    let url = format!("http://{}/", origin.address());
    let good = ("200".to_owned(), "a page".to_owned());
    let page = |user: &str| through(&proxy, &["--proxy-user", user], &url);
    assert_eq!(page("ann:one secret"), good);
    assert_eq!(page("bob:zwei:geheime"), good);
    // Challenged first.
    let any = ["--proxy-anyauth", "--proxy-user", "ann:one secret"];
    assert_eq!(through(&proxy, &any, &url), good);
    for user in ["ann:wrong", "ann:", "eve:one secret", "Ann:one secret"] {
        assert_eq!(page(user).0, "407", "{user}");
    }
    assert_eq!(through(&proxy, &[], &url).0, "407");
    let refused = tunnel(
        vestibule.address("in"),
        "127.0.0.1:1",
        "Proxy-Authorization: Digest a\r\n",
    );
    assert_eq!(refused.status(), 407);
    assert_eq!(
        refused.field("Proxy-Authenticate"),
        Some("Basic realm=\"the \\\"door\\\"\", charset=\"UTF-8\"")
    );
    let of = |user: &str| {
        let records = vestibule.records();
        records
            .iter()
            .filter(|record| record.text("user") == user)
            .count()
    };
    eventually("the records of users", || (of("ann"), of("bob")) == (2, 1));
    assert_eq!(of("eve"), 0);
}

/// Neither in what the target hears nor in any log.
#[test]
fn passwords_go_nowhere() {
    let users = Users::new();
    let (origin, connections) = Origin::hand_over();
    let vestibule = users.proxy();
    let secret = "YW5uOm9uZSBzZWNyZXQ="; // ann:one secret
    let fields = format!("Proxy-Authorization: Basic {secret}\r\n");
    let answer = tunnel(
        vestibule.address("in"),
        &origin.address().to_string(),
        &fields,
    );
    assert_eq!(answer.status(), 200);
    drop(answer);
    let mut carried = connections.accept();
    let (heard, _) = vestibule_e2e::read_to_end(&mut carried);
    assert_eq!(heard, b"");
    drop(carried);
    vestibule.wait_for_records(1);
    let logs = fs::read_to_string(vestibule.access_log()).expect("records")
        + &vestibule.event_lines().join("\n");
    assert!(
        !logs.contains(secret) && !logs.contains("one secret"),
        "{logs}"
    );
    assert!(!logs.contains("$2y$"), "{logs}");
}

#[test]
fn a_changed_file_takes_effect_by_itself() {
    let users = Users::new();
    let vestibule = users.proxy();
    let status = |fields: &str| tunnel(vestibule.address("in"), "10.0.0.1:1", fields).status();
    let ann = "Proxy-Authorization: Basic YW5uOm9uZSBzZWNyZXQ=\r\n";
    assert_eq!(status(ann), 403, "known, but not allowed there");
    htpasswd(&users.file(), "ann", "another secret");
    eventually("the old password to be forgotten", || status(ann) == 407);
    // What is broken changes nothing.
    fs::write(users.file(), "ann:plain\n").expect("a file");
    eventually("the damage to be told", || {
        let lines = vestibule.event_lines().join("\n");
        lines.contains("line 1 is not a user")
    });
    let new = "Proxy-Authorization: Basic YW5uOmFub3RoZXIgc2VjcmV0\r\n";
    assert_eq!(status(new), 403);
}

#[test]
fn a_file_that_cannot_be_used_stops_the_start() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("users");
    fs::write(&file, "ann:$apr1$x$y\nbob:\n").expect("a file");
    let mut vestibule = Setup::new(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [service.s]\nkind = \"connect\"\nallow = \"127.0.0.0/8\"\nusers = \"{}\"\n",
        file.display()
    ))
    .spawn();
    assert_eq!(vestibule.process().wait().code(), Some(1));
    for wanted in [
        "line 1 is not a user",
        "line 2 is not a user",
        "htpasswd -B",
    ] {
        vestibule.process().wait_for_line(wanted);
    }
}

/// They are sent away long before they could all be checked, and nobody else waits for that.
#[test]
fn ten_thousand_wrong_passwords_disturb_nobody() {
    let (users, origin) = (Users::new(), Origin::echo());
    let vestibule = users.proxy();
    let free = tunnel(vestibule.address("free"), &origin.address().to_string(), "");
    assert_eq!(free.status(), 200);
    let neighbour = Neighbour::on(free.stream);
    let address = vestibule.address("in");
    let start = Instant::now();
    let attackers: Vec<_> = (0..8)
        .map(|attacker| {
            thread::spawn(move || {
                let mut limited = 0;
                for i in 0..1250 {
                    let credentials = base64(format!("ann:{attacker} {i}").as_bytes());
                    let fields = format!("Proxy-Authorization: Basic {credentials}\r\n");
                    let answer = tunnel(address, "127.0.0.1:1", &fields);
                    match answer.status() {
                        407 => {}
                        429 => {
                            let wait = answer.field("Retry-After").expect("Retry-After");
                            assert!((1..=6).contains(&wait.parse::<u64>().expect("seconds")));
                            limited += 1;
                        }
                        other => panic!("{other}"),
                    }
                }
                limited
            })
        })
        .collect();
    let limited: u64 = attackers
        .into_iter()
        .map(|a| a.join().expect("answers"))
        .sum();
    let took = start.elapsed();
    neighbour.assert_undisturbed();
    // Ten at once, then one in six seconds.
    let checked = 10_000 - limited;
    assert!(
        (10..=11 + took.as_secs() / 6).contains(&checked),
        "{checked} in {took:?}"
    );
    let metrics = vestibule.metrics();
    let labels = |reason| [("listener", "in"), ("reason", reason)];
    let refused = |reason| metrics.value("vestibule_connections_refused_total", &labels(reason));
    assert_eq!(refused("proxy_auth_limited"), limited);
    assert_eq!(refused("proxy_auth_required"), checked);
}

/// RFC 4648 section 4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut bits = [0; 4];
        bits[1..=chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes(bits);
        for i in 0..4 {
            let digit = (bits >> (18 - 6 * i)) & 63;
            text.push(match i <= chunk.len() {
                true => char::from(ALPHABET[digit as usize]),
                false => '=',
            });
        }
    }
    text
}

/// An HTTPS proxy, as browsers and curl use it: the password is not seen on the way.
struct Https {
    authority: Authority,
    vestibule: Vestibule,
    _users: Users,
}

impl Https {
    fn new(with_users: bool) -> Self {
        let (authority, users) = (Authority::new(), Users::new());
        let leaf = authority.server(&["localhost"]);
        let known = match with_users {
            true => format!("users = \"{}\"\n", users.file().display()),
            false => String::new(),
        };
        let vestibule = Vestibule::start(format!(
            "{}[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"egress\"\n\
             tls = {{ mode = \"terminate\", alpn = [\"http/1.1\"] }}\n\
             [service.egress]\nkind = \"connect\"\nallow = [\"127.0.0.0/8\", \"localhost\"]\n\
             allow_networks = \"127.0.0.0/8\"\n{known}",
            leaf.section()
        ));
        Self {
            authority,
            vestibule,
            _users: users,
        }
    }

    fn url(&self) -> String {
        format!("https://localhost:{}", self.vestibule.address("in").port())
    }
}

#[test]
fn curl_uses_an_https_proxy() {
    let (https, origin) = (Https::new(true), web());
    let root = https.authority.root();
    let ca = ["--proxy-cacert", root.to_str().expect("UTF-8")];
    let url = format!("http://{}/", origin.address());
    let with = [ca[0], ca[1], "--proxy-user", "ann:one secret"];
    let good = ("200".to_owned(), "a page".to_owned());
    assert_eq!(through(&https.url(), &with, &url), good);
    assert_eq!(through(&https.url(), &ca, &url).0, "407");
}

/// A page by TLS, through TLS, in a browser.
#[test]
fn chromium_loads_a_page_through_an_https_proxy() {
    let https = Https::new(false);
    let leaf = https.authority.server(&["localhost"]);
    let origin = TlsServer::new(&leaf).serve(|connection| {
        let mut stream = &connection;
        use std::io::{Read, Write};
        let mut request = [0; 4096];
        let _ = stream.read(&mut request);
        let page = "<title>t</title><p id=here>the page behind the proxy</p>";
        let _ = write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: \
             close\r\n\r\n{page}",
            page.len()
        );
        stream.close_notify();
    });
    let profile = tempfile::tempdir().expect("a temporary directory");
    let output = Command::new("timeout")
        .args([
            "60",
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
        ])
        .args([
            "--no-first-run",
            "--disable-background-networking",
            "--disable-sync",
        ])
        .args([
            "--disable-component-update",
            "--ignore-certificate-errors",
            "--dump-dom",
        ])
        .arg(format!("--proxy-server={}", https.url()))
        // Otherwise loopback goes without a proxy.
        .arg("--proxy-bypass-list=<-loopback>")
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("https://localhost:{}/", origin.address().port()))
        .output()
        .expect("chromium; `cargo xtask setup` gets it");
    let page = String::from_utf8_lossy(&output.stdout);
    assert!(page.contains("the page behind the proxy"), "{output:?}");
    let asked = format!("localhost:{}", origin.address().port());
    eventually("the record of the tunnel", || {
        let records = https.vestibule.records();
        records
            .iter()
            .any(|record| record.text("upstream") == asked && record.number("status") == 200)
    });
}

#[test]
fn slow_clients_end_at_the_deadline_and_disturb_nobody() {
    let origin = Origin::echo();
    let vestibule = Vestibule::start(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"egress\"\n\
         [service.egress]\nkind = \"connect\"\nallow = \"127.0.0.0/8\"\n\
         request_timeout = \"2s\"\n",
    );
    let free = tunnel(vestibule.address("in"), &origin.address().to_string(), "");
    let neighbour = Neighbour::on(free.stream);
    // Slow headers: a byte now and then, without end.
    let output = Command::new("timeout")
        .args([
            "60",
            "slowhttptest",
            "-H",
            "-c",
            "300",
            "-r",
            "300",
            "-i",
            "1",
            "-l",
            "8",
        ])
        .args(["-t", "CONNECT", "-u"])
        .arg(format!("http://{}/", vestibule.address("in")))
        .output()
        .expect("slowhttptest; `cargo xtask setup` gets it");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    neighbour.assert_undisturbed();
    // It ends by itself when all its connections were closed, or after its time.
    assert!(said.contains("Exit status"), "{said}");
    eventually("every slow connection to be gone", || live(&vestibule) <= 1);
}

/// How many connections it carries now.
fn live(vestibule: &Vestibule) -> usize {
    let shown = vestibule.ask(&["show", "connections"]);
    shown["connections"].as_array().expect("a list").len()
}
