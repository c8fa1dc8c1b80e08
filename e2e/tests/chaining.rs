//! Through other proxies: theirs, ours, several, and they through us.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use vestibule_e2e::{
    Authority, Leaf, Origin, ProxyOrigin, ReservedPort, Squid, Tinyproxy, TlsClient, TlsServer,
    Vestibule, answer, connect, eventually, exchange, receive, send_random, tunnel,
};

/// A listener for a service with this upstream and these keys.
fn carrying(upstream: impl std::fmt::Display, keys: &str) -> Vestibule {
    Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [service.s]\nupstreams = [\"{upstream}\"]\n{keys}\n"
    ))
}

/// An explicit proxy of ours, with TLS if there is a certificate.
fn remote(leaf: Option<&Leaf>, keys: &str) -> Vestibule {
    let section = leaf.map(Leaf::section).unwrap_or_default();
    let tls = match leaf {
        Some(_) => "tls = { mode = \"terminate\" }\n",
        None => "",
    };
    Vestibule::start(format!(
        "{section}[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"egress\"\n{tls}\
         [service.egress]\nkind = \"connect\"\n\
         allow = [\"127.0.0.0/8\", \"localhost\"]\nallow_networks = [\"127.0.0.0/8\", \"::1\"]\n\
         {keys}\n"
    ))
}

/// `via` by TLS, believing `authority`.
fn by_tls(proxy: SocketAddr, authority: &Authority, more: &str) -> String {
    format!(
        "via = {{ url = \"https://localhost:{}\", tls = {{ ca = \"{}\" }}{more} }}",
        proxy.port(),
        authority.root().display()
    )
}

#[test]
fn squid_and_tinyproxy_carry_us_on() {
    let origin = Origin::echo();
    let by_name = format!("localhost:{}", origin.address().port());
    let squid = Squid::start("");
    let tinyproxy = Tinyproxy::start("BasicAuth ann secret\nAllow 127.0.0.1");
    for via in [
        format!("via = \"http://{}\"", squid.address()),
        format!("via = \"http://ann:secret@{}\"", tinyproxy.address()),
        // Through both.
        format!(
            "via = [\"http://ann:secret@{}\", \"http://{}\"]",
            tinyproxy.address(),
            squid.address()
        ),
    ] {
        let vestibule = carrying(&by_name, &via);
        let mut stream = connect(vestibule.address("in"));
        exchange(&mut stream, b"through another proxy");
        let client = stream.local_addr().expect("an address");
        drop(stream);
        let record = vestibule.record_of(client);
        record.assert(&[("upstream", by_name.as_str()), ("end", "eof")]);
        assert!(
            record.text("via").starts_with("http://127.0.0.1:"),
            "{record:?}"
        );
        assert!(!record.text("via").contains("secret"), "{record:?}");
    }
    // The name was for them to resolve.
    squid.logged(&format!("CONNECT {by_name}"));
    tinyproxy.logs(&format!("CONNECT {by_name}"));
}

#[test]
fn tinyproxy_and_squid_come_through_us() {
    let origin = Origin::echo();
    let ours = remote(None, "");
    let tinyproxy = Tinyproxy::start(&format!("Upstream http {}", ours.address("in")));
    let squid = Squid::start(&format!(
        "cache_peer 127.0.0.1 parent {} 0 no-query default\nnever_direct allow all\n\
         nonhierarchical_direct off",
        ours.address("in").port()
    ));
    let mut tunnels = Vec::new();
    for (name, proxy) in [
        ("tinyproxy", tinyproxy.address()),
        ("squid", squid.address()),
    ] {
        let mut answer = tunnel(proxy, &origin.address().to_string(), "");
        assert_eq!(answer.status(), 200, "{name}");
        exchange(&mut answer.stream, b"through two proxies");
        tunnels.push(answer);
    }
    eventually("both tunnels to be seen", || live(&ours) == 2);
}

/// The ingress chain: clear to the local proxy, TLS over the network, a password, and TLS with the
/// target inside of that.
#[test]
fn tls_to_the_target_inside_of_tls_to_the_proxy() {
    let authority = Authority::new();
    let leaf = authority.server(&["localhost"]);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = |name: &str| directory.path().join(name);
    let made = std::process::Command::new("htpasswd")
        .args(["-cbB", "-C", "4"])
        .arg(path("users"))
        .args(["ann", "secret"])
        .status();
    assert!(
        made.expect("htpasswd; `cargo xtask setup` gets it")
            .success()
    );
    std::fs::write(path("password"), "secret\n").expect("a file");
    let remote = remote(
        Some(&leaf),
        &format!("users = \"{}\"", path("users").display()),
    );
    let origin = TlsServer::new(&leaf).echo();
    let credentials = format!(
        ", username = \"ann\", password = {{ file = \"{}\" }}",
        path("password").display()
    );
    let via = by_tls(remote.address("in"), &authority, &credentials);
    let local = carrying(
        format!("localhost:{}", origin.address().port()),
        &format!("{via}\ntls = {{ ca = \"{}\" }}", authority.root().display()),
    );
    let mut stream = connect(local.address("in"));
    exchange(&mut stream, b"in clear to here");
    // Much, both ways at once.
    let writer = stream.try_clone().expect("a second descriptor");
    let sending = std::thread::spawn(move || send_random(&writer, 8 << 20, 7));
    let sum = receive(&stream, 7);
    assert_eq!(sum, sending.join().expect("bytes to go"));
    let record = remote.record("the tunnel", |record| record.text("user") == "ann");
    record.assert(&[("tls", "TLSv1.3"), ("end", "eof")]);
    // Another password in the file is used without a reload.
    std::fs::write(path("password"), "wrong\n").expect("a file");
    eventually("the wrong password to be used", || {
        let mut stream = connect(local.address("in"));
        // An echo while the old one is used, else the end.
        let _ = stream.write_all(b"?");
        let _ = stream.read(&mut [0]);
        let records = local.records();
        records
            .iter()
            .any(|record| record.text("reason").contains("answered 407"))
    });
}

/// What the client's TLS hello names goes through the tunnel as a name.
#[test]
fn names_of_hellos_are_passed_on_unresolved() {
    let authority = Authority::new();
    let leaf = authority.server(&["chat.example.invalid"]);
    let origin = TlsServer::new(&leaf).echo();
    // The remote proxy knows the name; we do not.
    let asked = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let there = origin.address();
    let proxy = Origin::serve({
        let asked = std::sync::Arc::clone(&asked);
        move |stream| {
            let mut told = answer(stream);
            *asked.lock().expect("nobody panics") = told.head.clone();
            let _ = told.stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            let mut upstream = connect(there);
            let mut back = upstream.try_clone().expect("a second descriptor");
            let mut client = told.stream.try_clone().expect("a second descriptor");
            std::thread::spawn(move || std::io::copy(&mut back, &mut client));
            let _ = std::io::copy(&mut told.stream, &mut upstream);
        }
    });
    let vestibule = Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         tls = {{ mode = \"peek\" }}\n\
         [service.s]\nupstreams = [\"sni:5223\"]\nallow = [\"*.example.invalid:5223\"]\n\
         via = \"http://{}\"\n",
        proxy.address()
    ));
    let stream =
        TlsClient::new(&authority, "chat.example.invalid").connect(vestibule.address("in"));
    stream.exchange(b"by name");
    let asked = asked.lock().expect("nobody panics").clone();
    assert_eq!(
        asked,
        "CONNECT chat.example.invalid:5223 HTTP/1.1\r\nHost: chat.example.invalid:5223\r\n\r\n"
    );
    // What is not allowed is not even asked for.
    let refused = TlsClient::new(&authority, "other.invalid").try_connect(vestibule.address("in"));
    assert!(refused.is_err());
}

#[test]
fn our_explicit_proxy_goes_through_others_and_judges_names_itself() {
    let (origin, squid) = (Origin::echo(), Squid::start(""));
    let port = origin.address().port();
    let vestibule = Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"egress\"\n\
         [service.egress]\nkind = \"connect\"\nallow = [\"localhost:{port}\", \"127.0.0.0/8\"]\n\
         deny = [\"127.0.0.9\"]\nvia = \"http://{}\"\n",
        squid.address()
    ));
    let address = vestibule.address("in");
    for destination in [format!("localhost:{port}"), format!("127.0.0.1:{port}")] {
        let mut answer = tunnel(address, &destination, "");
        assert_eq!(answer.status(), 200, "{destination}");
        exchange(&mut answer.stream, b"twice");
    }
    for destination in [
        "localhost:1",
        "example.org:443",
        "127.0.0.9:80",
        "10.0.0.1:80",
    ] {
        assert_eq!(
            tunnel(address, destination, "").status(),
            403,
            "{destination}"
        );
    }
    // What squid cannot reach is told to the client, but not who squid is.
    let closed = ReservedPort::new();
    let answer = tunnel(address, &format!("127.0.0.1:{}", closed.port()), "");
    assert_eq!(answer.status(), 502);
    let squid = squid.address().port().to_string();
    assert!(!answer.rest().contains(&squid));
}

#[test]
fn the_proxy_header_is_inside_of_the_tunnel() {
    let (origin, tinyproxy) = (ProxyOrigin::echo(), Tinyproxy::start("Allow 127.0.0.1"));
    let keys = format!(
        "via = \"http://{}\"\nsend_proxy = \"v2\"",
        tinyproxy.address()
    );
    let vestibule = carrying(origin.address(), &keys);
    let mut stream = connect(vestibule.address("in"));
    exchange(&mut stream, b"hello");
    let told = origin.told();
    assert_eq!(told.source, stream.local_addr().ok());
    assert_eq!(told.destination, Some(vestibule.address("in")));
}

#[test]
fn a_server_that_speaks_first_is_heard() {
    let origin = Origin::greeting("220 hello\r\n");
    // In the same segment as the answer of the proxy.
    let proxy = Origin::serve(|stream| {
        let mut told = answer(stream);
        let _ = told
            .stream
            .write_all(b"HTTP/1.1 200 OK\r\n\r\n220 early\r\n");
        let _ = told.stream.read_to_end(&mut Vec::new());
    });
    let tinyproxy = Tinyproxy::start("Allow 127.0.0.1");
    for (proxy, said) in [
        (proxy.address(), "220 early\r\n"),
        (tinyproxy.address(), "220 hello\r\n"),
    ] {
        let vestibule = carrying(origin.address(), &format!("via = \"http://{proxy}\""));
        let mut stream = connect(vestibule.address("in"));
        let mut heard = vec![0; said.len()];
        stream.read_exact(&mut heard).expect("a greeting");
        assert_eq!(String::from_utf8_lossy(&heard), said);
    }
}

/// Each kind of failure ends the connection, soon, and is told in the record.
#[test]
fn proxies_that_do_not_carry_us_on_are_told() {
    let ends_within = |seconds: u64, serve: fn(&mut std::net::TcpStream), reason: &str| {
        let proxy = Origin::serve(move |stream| {
            let mut told = answer(stream);
            serve(&mut told.stream);
        });
        let vestibule = carrying(
            "example.invalid:5222",
            &format!(
                "via = \"http://{}\"\nconnect_timeout = \"{seconds}s\"\nretries = 1",
                proxy.address()
            ),
        );
        let start = Instant::now();
        let mut stream = connect(vestibule.address("in"));
        let client = stream.local_addr().expect("an address");
        let _ = stream.read_to_end(&mut Vec::new());
        let took = start.elapsed();
        assert!(took < Duration::from_secs(30), "{reason}: {took:?}");
        let record = vestibule.record_of(client);
        record.assert(&[("end", "connect_failed"), ("ended_by", "upstream")]);
        assert!(record.text("reason").contains(reason), "{record:?}");
        assert_eq!(proxy.accepted(), 2, "{reason}");
    };
    let ends = |serve, reason| ends_within(60, serve, reason);
    ends(
        |stream| drop(stream.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n")),
        "answered 403 Forbidden",
    );
    ends(
        |stream| drop(stream.write_all(b"HTTP/1.1 407 Who are you\r\n\r\n")),
        "answered 407 Who are you",
    );
    ends(|_| (), "closed without an answer");
    ends(
        |stream| drop(stream.write_all(b"SSH-2.0-OpenSSH\r\n")),
        "does not speak HTTP",
    );
    ends(
        |stream| {
            let endless = "X-Field: value\r\n".repeat(10_000);
            let _ = stream.write_all(format!("HTTP/1.1 200 OK\r\n{endless}").as_bytes());
        },
        "does not speak HTTP",
    );
    ends_within(
        2,
        |stream| drop(stream.read_to_end(&mut Vec::new())),
        "timed out",
    );
}

/// One target is refused by the proxy, the next one is not; checks go the same way.
#[test]
fn the_next_upstream_is_asked_for_and_checked_through_the_proxy() {
    let (origin, squid) = (Origin::echo(), Squid::start(""));
    let closed = ReservedPort::new();
    let vestibule = Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [service.s]\nupstreams = [\"localhost:{}\", \"localhost:{}\"]\nvia = \"http://{}\"\n\
         health = {{ interval = \"200ms\", timeout = \"20s\", fall = 1, rise = 1 }}\n",
        closed.port(),
        origin.address().port(),
        squid.address()
    ));
    for _ in 0..4 {
        exchange(
            &mut connect(vestibule.address("in")),
            b"carried all the same",
        );
    }
    eventually("the closed one to be down", || {
        let events = vestibule.events("target is down");
        let closed = format!("localhost:{}", closed.port());
        events
            .iter()
            .any(|event| event["upstream"] == closed.as_str())
    });
    squid.logged(&format!("CONNECT localhost:{}", closed.port()));
}

/// How many connections it carries now.
fn live(vestibule: &Vestibule) -> usize {
    let shown = vestibule.ask(&["show", "connections"]);
    shown["connections"].as_array().expect("a list").len()
}
