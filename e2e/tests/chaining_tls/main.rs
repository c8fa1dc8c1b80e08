//! Through other proxies by TLS: several of them, squid at either end, and what goes wrong.

mod failures;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use vestibule_e2e::{
    Authority, End, Leaf, Neighbour, Origin, ReservedPort, Squid, TlsServer, Vestibule, check,
    connect, eventually, exchange, linger_zero, read_to_end, receive, tunnel, write_random,
};

/// One authority, a certificate for `localhost`, and users.
struct Realm {
    authority: Authority,
    leaf: Leaf,
    directory: TempDir,
}

impl Realm {
    fn new() -> Self {
        let authority = Authority::new();
        let leaf = authority.server(&["localhost"]);
        let directory = tempfile::tempdir().expect("a temporary directory");
        let made = Command::new("htpasswd")
            .args(["-cbB", "-C", "4"])
            .arg(directory.path().join("users"))
            .args(["ann", "one:secret"])
            .output()
            .expect("htpasswd; `cargo xtask setup` gets it");
        assert!(made.status.success(), "{made:?}");
        // Other people's programs run as other users.
        open_to_all(directory.path(), 0o755);
        open_to_all(&directory.path().join("users"), 0o644);
        open_to_all(authority.directory(), 0o755);
        Self {
            authority,
            leaf,
            directory,
        }
    }

    fn users(&self) -> String {
        self.directory.path().join("users").display().to_string()
    }

    fn root(&self) -> String {
        self.authority.root().display().to_string()
    }

    /// An explicit proxy of ours that wants TLS and a password, with further keys.
    fn remote(&self, keys: &str) -> Vestibule {
        Vestibule::start(format!(
            "{}[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"egress\"\n\
             tls = {{ mode = \"terminate\" }}\n\
             [service.egress]\nkind = \"connect\"\nusers = \"{}\"\n\
             allow = [\"127.0.0.0/8\", \"localhost\"]\nallow_networks = [\"127.0.0.0/8\", \"::1\"]\n\
             {keys}\n",
            self.leaf.section(),
            self.users()
        ))
    }

    /// The proxy on this port, as an entry of `via`, with its TLS verified.
    fn hop(&self, port: u16) -> String {
        format!(
            "{{ url = \"https://ann:one%3Asecret@localhost:{port}\", tls = {{ ca = \"{}\" }} }}",
            self.root()
        )
    }
}

fn open_to_all(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    let permissions = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(path, permissions).expect("a file of ours");
}

/// A listener for a service with this upstream and these keys.
fn carrying(upstream: impl std::fmt::Display, keys: &str) -> Vestibule {
    Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [service.s]\nupstreams = [\"{upstream}\"]\n{keys}\n"
    ))
}

/// Much, both ways at once, to an echo. Nobody says FIN before all has come: squid ends a tunnel as
/// soon as one of its sides has ended.
fn assert_carries_much(stream: &TcpStream, bytes: u64) {
    let sending = stream.try_clone().expect("a second descriptor");
    let sending = thread::spawn(move || write_random(&sending, bytes, 11));
    let received = receive(stream.take(bytes), 11);
    assert_eq!(received, sending.join().expect("bytes to go"));
}

/// How the connection of one more client ends, and how long that takes.
#[track_caller]
fn ends(vestibule: &Vestibule, reason: &str) -> Duration {
    let start = Instant::now();
    let mut stream = connect(vestibule.address("in"));
    let client = stream.local_addr().expect("an address");
    let _ = stream.read_to_end(&mut Vec::new());
    let took = start.elapsed();
    let record = vestibule.record_of(client);
    record.assert(&[("end", "connect_failed"), ("ended_by", "upstream")]);
    assert!(record.text("reason").contains(reason), "{record:?}");
    took
}

/// squid as the remote proxy: TLS, a password, and a name for it to resolve.
#[test]
fn squid_with_tls_and_a_password_carries_us_on() {
    let (realm, origin) = (Realm::new(), Origin::echo());
    let port = ReservedPort::new();
    let squid = Squid::start(&format!(
        "https_port {} tls-cert={} tls-key={}\n\
         auth_param basic program /usr/lib/squid/basic_ncsa_auth {}\n\
         acl members proxy_auth REQUIRED\nhttp_access deny !members",
        port.address(),
        realm.leaf.chain.display(),
        realm.leaf.key.display(),
        realm.users(),
    ));
    let target = format!("localhost:{}", origin.address().port());
    let local = carrying(&target, &format!("via = {}", realm.hop(port.port())));
    let mut stream = connect(local.address("in"));
    exchange(&mut stream, b"by TLS");
    let client = stream.local_addr().expect("an address");
    assert_carries_much(&stream, 4 << 20);
    drop(stream);
    let line = squid.logged(&format!("CONNECT {target}"));
    assert!(line.contains(" ann "), "{line}");
    local.record_of(client).assert(&[
        ("upstream", target.as_str()),
        ("via", &format!("https://localhost:{}", port.port())),
        // What there is with the proxy is not with the target.
        ("upstream_tls", ""),
        ("end", "eof"),
    ]);
    let wrong = realm.hop(port.port()).replace("secret", "wrong");
    let local = carrying(&target, &format!("via = {wrong}\nretries = 0"));
    ends(&local, "answered 407");
}

/// squid as the local proxy, by TLS and with a password, as the guide says.
#[test]
fn squid_comes_through_us_by_tls() {
    let (realm, origin) = (Realm::new(), Origin::echo());
    let remote = realm.remote("");
    let squid = Squid::start(&format!(
        "cache_peer localhost parent {} 0 no-query default tls sslcafile={} login=ann:one%3Asecret\n\
         never_direct allow all\nnonhierarchical_direct off",
        remote.address("in").port(),
        realm.root(),
    ));
    let mut answer = tunnel(squid.address(), &origin.address().to_string(), "");
    assert_eq!(answer.status(), 200, "{}", answer.head);
    exchange(&mut answer.stream, b"through two proxies");
    drop(answer);
    let record = remote.record("squid's tunnel", |record| record.text("user") == "ann");
    record.assert(&[
        ("upstream", &origin.address().to_string()),
        ("tls", "TLSv1.3"),
        ("end", "eof"),
    ]);
}

/// Ours by TLS, ours by TLS inside of that, squid inside of both, and TLS with the target inside of
/// all: each one knows the next and nothing else.
#[test]
fn several_proxies_each_know_the_next_one() {
    let realm = Realm::new();
    let (first, second, squid) = (realm.remote(""), realm.remote(""), Squid::start(""));
    let origin = TlsServer::new(&realm.leaf).echo();
    let target = format!("localhost:{}", origin.address().port());
    let [one, two] = [&first, &second].map(|remote| remote.address("in").port());
    let local = carrying(
        &target,
        &format!(
            "via = [{}, {}, \"http://{}\"]\ntls = {{ ca = \"{}\" }}",
            realm.hop(one),
            realm.hop(two),
            squid.address(),
            realm.root()
        ),
    );
    let mut stream = connect(local.address("in"));
    exchange(&mut stream, b"in clear to here");
    let client = stream.local_addr().expect("an address");
    assert_carries_much(&stream, 4 << 20);
    drop(stream);
    local.record_of(client).assert(&[
        ("upstream", target.as_str()),
        ("via", &format!("https://localhost:{one}")),
        ("upstream_tls", "TLSv1.3"),
    ]);
    let asked = |remote: &Vestibule| {
        let record = remote.record("the tunnel", |_| true);
        record.assert(&[("user", "ann")]);
        record.text("upstream").to_owned()
    };
    assert_eq!(asked(&first), format!("localhost:{two}"));
    assert_eq!(asked(&second), squid.address().to_string());
    squid.logged(&format!("CONNECT {target}"));
}

/// What curl asks our local proxy for in clear goes to the remote one by TLS and with a password
/// that curl does not know; the page is by TLS, too.
#[test]
fn a_page_through_a_local_and_a_remote_proxy() {
    let realm = Realm::new();
    let remote = realm.remote("");
    let origin = TlsServer::new(&realm.leaf).serve(|connection| {
        let mut stream = &connection;
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\na page");
        connection.close_notify();
    });
    let port = origin.address().port();
    let local = Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"[::1]:0\"\nservice = \"egress\"\n\
         [service.egress]\nkind = \"connect\"\nallow = \"localhost:{port}\"\nvia = {}\n",
        realm.hop(remote.address("in").port())
    ));
    let output = Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--max-time",
            "20",
            "--noproxy",
            "",
        ])
        .args(["--cacert", &realm.root()])
        .args(["--proxy", &format!("http://{}", local.address("in"))])
        .arg(format!("https://localhost:{port}/"))
        .output()
        .expect("curl; `cargo xtask setup` gets it");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout, b"a page");
    let asked = format!("localhost:{port}");
    for (proxy, user) in [(&local, ""), (&remote, "ann")] {
        let record = proxy.record("curl", |_| true);
        record.assert(&[("upstream", &asked), ("user", user), ("end", "eof")]);
        assert_eq!(record.number("status"), 200);
    }
    // The remote proxy's rules count as well, and its answer is told without its words.
    let refused = tunnel(local.address("in"), "localhost:1", "");
    assert_eq!(refused.status(), 403);
}

/// The header comes after the tunnel is there and before TLS with the target: the target is one of
/// ours that demands both.
#[test]
fn the_proxy_header_goes_before_the_tls_inside_of_the_tunnel() {
    let (realm, origin) = (Realm::new(), Origin::echo());
    let remote = realm.remote("");
    let target = Vestibule::start(format!(
        "{}[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         proxy_protocol = {{}}\ntls = {{ mode = \"terminate\" }}\n\
         [service.s]\nupstreams = [\"{}\"]\n",
        realm.leaf.section(),
        origin.address()
    ));
    let local = carrying(
        format!("localhost:{}", target.address("in").port()),
        &format!(
            "via = {}\nsend_proxy = \"v2\"\ntls = {{ ca = \"{}\" }}\nhealth = true",
            realm.hop(remote.address("in").port()),
            realm.root()
        ),
    );
    let mut stream = connect(local.address("in"));
    exchange(&mut stream, b"hello");
    let client = stream.local_addr().expect("an address").to_string();
    drop(stream);
    let told = target.record("the client", |record| record.text("client") == client);
    told.assert(&[
        ("destination", &local.address("in").to_string()),
        ("proxy_version", "v2"),
        ("tls", "TLSv1.3"),
        ("end", "eof"),
    ]);
}

/// A certificate instead of a password.
#[test]
fn a_proxy_may_know_us_by_our_certificate() {
    let (realm, origin) = (Realm::new(), Origin::echo());
    let branch = realm.authority.client("branch office");
    let remote = Vestibule::start(format!(
        "{}[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"egress\"\n\
         [listener.tls]\nmode = \"terminate\"\n\
         client_auth = {{ mode = \"required\", ca = \"{}\" }}\n\
         [service.egress]\nkind = \"connect\"\nallow = \"127.0.0.1\"\n",
        realm.leaf.section(),
        realm.root()
    ));
    let port = remote.address("in").port();
    let with = |certificate: &str| {
        carrying(
            origin.address(),
            &format!(
                "via = {{ url = \"https://localhost:{port}\", tls = {{ ca = \"{}\"{certificate} }} \
                 }}\nretries = 0",
                realm.root()
            ),
        )
    };
    let known = with(&format!(", certificate = {}", branch.table()));
    let mut stream = connect(known.address("in"));
    exchange(&mut stream, b"known");
    drop(stream);
    remote.record("the tunnel", |record| {
        record.text("client_cn") == "branch office" && record.text("end") == "eof"
    });
    // TLS 1.3 tells a client after its handshake that its certificate was missing.
    ends(&with(""), &format!("proxy https://localhost:{port}"));
    assert_eq!(origin.accepted(), 1);
}

/// What the target has said before the tunnel was ours to use is in the same record as the answer.
#[test]
fn early_bytes_inside_of_tls_are_kept() {
    let realm = Realm::new();
    let proxy = TlsServer::new(&realm.leaf).serve(|connection| {
        let mut stream = &connection;
        let _ = stream.read(&mut [0; 4096]);
        let greeting = "x".repeat(10_000);
        let answer = format!("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{greeting}");
        let _ = stream.write_all(answer.as_bytes());
        connection.close_notify();
        // Until the other end has gone.
        let _ = stream.read(&mut [0]);
    });
    let local = carrying(
        "xmpp.example.invalid:5222",
        &format!("via = {}", realm.hop(proxy.address().port())),
    );
    let mut stream = connect(local.address("in"));
    let (heard, end) = read_to_end(&mut stream);
    assert_eq!((heard.len(), end), (10_000, End::Fin));
}
