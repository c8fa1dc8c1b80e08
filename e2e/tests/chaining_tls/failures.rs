//! Proxies that fail, lie, hang or go away.

use super::*;

#[test]
fn proxies_that_cannot_be_believed_are_not_used() {
    let (realm, stranger) = (Realm::new(), Authority::new());
    let other_name = realm.authority.server(&["proxy.example.org"]);
    let expired = realm.authority.expired_server(&["localhost"]);
    for leaf in [stranger.server(&["localhost"]), other_name, expired] {
        let believed = Arc::new(AtomicBool::new(false));
        let proxy = TlsServer::new(&leaf).serve({
            let believed = Arc::clone(&believed);
            move |_| believed.store(true, Ordering::SeqCst)
        });
        let port = proxy.address().port();
        let local = carrying(
            "127.0.0.1:9",
            &format!("via = {}\nretries = 0", realm.hop(port)),
        );
        ends(&local, &format!("proxy https://localhost:{port}: TLS"));
        assert_eq!(proxy.accepted(), 1);
        assert!(!believed.load(Ordering::SeqCst));
    }
    // It speaks no TLS at all.
    let plain = Origin::greeting("HTTP/1.1 400 Bad Request\r\n\r\n");
    let port = plain.address().port();
    let local = carrying(
        "127.0.0.1:9",
        &format!("via = {}\nretries = 0", realm.hop(port)),
    );
    ends(&local, &format!("proxy https://localhost:{port}: TLS"));
    // Nobody is there.
    let closed = ReservedPort::new();
    let local = carrying(
        "127.0.0.1:9",
        &format!("via = {}\nretries = 0", realm.hop(closed.port())),
    );
    let refused = format!(
        "proxy https://localhost:{}: Connection refused",
        closed.port()
    );
    ends(&local, &refused);
}

/// The second of two proxies is the one that is to blame.
#[test]
fn the_proxy_that_fails_is_named() {
    let realm = Realm::new();
    let (first, squid) = (realm.remote(""), Squid::start(""));
    let refusing = Origin::serve(|stream| {
        let mut told = vestibule_e2e::answer(stream);
        let _ = told.stream.write_all(b"HTTP/1.1 403 Not for you\r\n\r\n");
    });
    let one = first.address("in").port();
    let through = |next: SocketAddr, upstream: &str| {
        carrying(
            upstream,
            &format!("via = [{}, \"http://{next}\"]\nretries = 0", realm.hop(one)),
        )
    };
    let local = through(refusing.address(), "example.invalid:443");
    ends(
        &local,
        &format!(
            "proxy http://{} answered 403 Not for you",
            refusing.address()
        ),
    );
    let closed = ReservedPort::new();
    let local = through(closed.address(), "example.invalid:443");
    ends(
        &local,
        &format!("proxy https://localhost:{one} answered 502 Bad Gateway"),
    );
    // The last one is there, the target is not.
    let target = closed.address().to_string();
    let local = through(squid.address(), &target);
    ends(
        &local,
        &format!("proxy http://{} answered 503", squid.address()),
    );
}

/// All of the way shares one `connect_timeout`, and whoever waits disturbs nobody.
#[test]
fn silent_proxies_end_at_the_deadline_and_disturb_nobody() {
    let (realm, origin) = (Realm::new(), Origin::echo());
    // Accepts and says nothing, so that TLS does not begin.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    // Answers, but late; what is behind it is silent.
    let slow = Origin::serve(|stream| {
        let mut told = vestibule_e2e::answer(stream);
        thread::sleep(Duration::from_millis(600));
        let _ = told.stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        let _ = told.stream.read_to_end(&mut Vec::new());
    });
    let there = silent.local_addr().expect("an address");
    let vestibule = Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"handshake\"\n\
         [[listener]]\nname = \"two\"\nbind = \"127.0.0.1:0\"\nservice = \"two\"\n\
         [[listener]]\nname = \"direct\"\nbind = \"127.0.0.1:0\"\nservice = \"direct\"\n\
         [service.handshake]\nupstreams = [\"127.0.0.1:9\"]\nvia = {}\n\
         connect_timeout = \"1s\"\nretries = 0\n\
         [service.two]\nupstreams = [\"127.0.0.1:9\"]\nvia = [\"http://{slow}\", \"http://{slow}\"]\n\
         connect_timeout = \"1s\"\nretries = 0\n\
         [service.direct]\nupstreams = [\"{}\"]\n",
        realm.hop(there.port()),
        origin.address(),
        slow = slow.address(),
    ));
    let neighbour = Neighbour::at(vestibule.address("direct"));
    let clients: Vec<TcpStream> = ["in", "two"]
        .into_iter()
        .flat_map(|listener| (0..20).map(move |_| listener))
        .map(|listener| connect(vestibule.address(listener)))
        .collect();
    let start = Instant::now();
    for mut client in clients {
        let address = client.local_addr().expect("an address");
        let _ = client.read_to_end(&mut Vec::new());
        let record = vestibule.record_of(address);
        record.assert(&[("end", "connect_failed"), ("ended_by", "upstream")]);
        assert!(record.text("reason").contains("timed out"), "{record:?}");
        let lasted = record.duration_ms();
        assert!((900.0..30_000.0).contains(&lasted), "{lasted} ms");
    }
    assert!(start.elapsed() < Duration::from_secs(40));
    neighbour.assert_undisturbed();
}

/// A proxy that goes in the middle is no proper end of what was said: it may have been cut off.
#[test]
fn a_proxy_that_is_gone_is_no_proper_end() {
    let (realm, origin) = (Realm::new(), Origin::echo());
    let mut remote = realm.remote("");
    let local = carrying(
        origin.address(),
        &format!("via = {}", realm.hop(remote.address("in").port())),
    );
    let mut stream = connect(local.address("in"));
    exchange(&mut stream, b"before");
    remote.process().signal(rustix::process::Signal::KILL);
    assert_eq!(read_to_end(&mut stream), (Vec::new(), End::Reset));
    let client = stream.local_addr().expect("an address");
    local
        .record_of(client)
        .assert(&[("end", "reset"), ("ended_by", "upstream")]);
}

/// Ends are passed on through TLS as they are: a FIN is half an end, a reset is a reset.
#[test]
fn ends_of_either_side_go_through_the_tunnel() {
    let realm = Realm::new();
    let remote = realm.remote("");
    let (origin, connections) = Origin::hand_over();
    let local = carrying(
        origin.address(),
        &format!("via = {}", realm.hop(remote.address("in").port())),
    );
    let mut stream = connect(local.address("in"));
    let mut upstream = connections.accept();
    stream.write_all(b"a question").expect("a question");
    stream.shutdown(std::net::Shutdown::Write).expect("FIN");
    assert_eq!(
        read_to_end(&mut upstream),
        (b"a question".to_vec(), End::Fin)
    );
    upstream.write_all(b"an answer").expect("half a connection");
    drop(upstream);
    assert_eq!(read_to_end(&mut stream), (b"an answer".to_vec(), End::Fin));

    // A tunnel that did not last until its first byte might be tried again.
    let established = || {
        let mut stream = connect(local.address("in"));
        let mut upstream = connections.accept();
        upstream.write_all(b"!").expect("a greeting");
        stream.read_exact(&mut [0]).expect("the greeting");
        (stream, upstream)
    };
    let (mut stream, upstream) = established();
    linger_zero(&upstream);
    drop(upstream);
    assert_eq!(read_to_end(&mut stream), (Vec::new(), End::Reset));

    let (stream, mut upstream) = established();
    linger_zero(&stream);
    drop(stream);
    assert_eq!(read_to_end(&mut upstream), (Vec::new(), End::Reset));
}

/// Not in a log, not in what is shown, not in the metrics, not in what `check` says.
#[test]
fn passwords_for_proxies_go_nowhere_else() {
    let (realm, origin) = (Realm::new(), Origin::echo());
    let (asked, requests) = Origin::hand_over();
    let secret = "s3cr3tp4ss";
    let encoded = "YW5uOnMzY3IzdHA0c3M="; // ann:s3cr3tp4ss
    let tables = format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [service.s]\nupstreams = [\"localhost:5222\"]\nretries = 0\n\
         via = [\"http://ann:{secret}@{}\", {}]\n",
        asked.address(),
        realm.hop(origin.address().port())
    );
    let said = [&[][..], &["--json"]].map(|extra| {
        let output = check(&tables, extra);
        format!("{output:?}")
    });
    let local = Vestibule::start(&tables);
    let mut stream = connect(local.address("in"));
    // It is told to the proxy that it is for, and only to that.
    let mut told = vestibule_e2e::answer(requests.accept());
    assert_eq!(
        told.field("Proxy-Authorization"),
        Some(format!("Basic {encoded}").as_str())
    );
    let refusal = "HTTP/1.1 407 Basic\r\n\r\n";
    told.stream
        .write_all(refusal.as_bytes())
        .expect("an answer");
    let _ = stream.read_to_end(&mut Vec::new());
    let client = stream.local_addr().expect("an address");
    let record = local.record_of(client);
    let shown = ["connections", "listeners", "services"].map(|what| local.ask(&["show", what]));
    let (_, metrics) = vestibule_e2e::http_get(local.admin(), "/metrics");
    local.reload_by_signal();
    let all = format!(
        "{said:?}{shown:?}{metrics}{record:?}{}",
        local.event_lines().join("\n")
    );
    for secret in [secret, encoded, "one:secret", "one%3Asecret"] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
    eventually("the proxy to be named", || all.contains("407 Basic"));
}
