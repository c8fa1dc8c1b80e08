//! The PROXY protocol in front of a direct-TLS port (XEP-0368): HAProxy passes TLS on as it is and
//! says who the client is, TLS ends here, and Prosody sees a plain stream.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};

use vestibule_e2e::{
    Authority, End, Haproxy, Prosody, ProsodyPorts, ProxyOrigin, ReservedPort, TlsClient, TlsEnd,
    Vestibule, connect, read_to_end,
};

const LINE: &str = "PROXY TCP4 192.0.2.1 198.51.100.1 4000 5223\r\n";

fn tables(authority: &Authority, upstream: SocketAddr, keys: &str) -> String {
    format!(
        "{}[[listener]]\nname = \"c2s-tls\"\nbind = \"127.0.0.1:0\"\nservice = \"c2s\"\n\
         [listener.proxy_protocol]\n\
         [listener.tls]\nmode = \"terminate\"\nalpn = [\"xmpp-client\"]\n\
         [service.c2s]\nupstreams = [\"{upstream}\"]\n{keys}\n",
        authority.server(&[Prosody::DOMAIN]).section()
    )
}

/// HAProxy in TCP mode, without TLS of its own.
fn haproxy(front: &ReservedPort, vestibule: &Vestibule) -> Haproxy {
    let config = format!(
        "defaults\n\tmode tcp\n\ttimeout connect 5s\n\ttimeout client 1m\n\ttimeout server 1m\n\
         frontend f\n\tbind {}\n\tdefault_backend b\n\
         backend b\n\tserver vestibule {} send-proxy-v2\n",
        front.address(),
        vestibule.address("c2s-tls")
    );
    Haproxy::start(&config, front.port())
}

fn log_in(address: SocketAddr, authority: &Authority) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("../.peers/venv/bin/python");
    assert!(python.exists(), "no slixmpp: run `cargo xtask setup`");
    Command::new(python)
        .arg(root.join("tests/prosody/login.py"))
        .args([address.ip().to_string(), address.port().to_string()])
        .arg(authority.root())
        .args(["SCRAM-SHA-1", "direct"])
        .arg(format!("user@{}", Prosody::DOMAIN))
        .arg(Prosody::PASSWORD)
        .output()
        .expect("the Python that has slixmpp")
}

#[test]
fn slixmpp_logs_in_with_direct_tls_through_haproxy() {
    let authority = Authority::new();
    let ports: Vec<ReservedPort> = (0..5).map(|_| ReservedPort::new()).collect();
    let [c2s, s2s, proxy65, http, multiplex] = [0, 1, 2, 3, 4].map(|i: usize| ports[i].port());
    let _prosody = Prosody::start(ProsodyPorts {
        c2s,
        s2s,
        proxy65,
        http,
        multiplex,
    });
    let vestibule = Vestibule::start(tables(&authority, ports[0].address(), ""));
    let front = ReservedPort::new();
    let _haproxy = haproxy(&front, &vestibule);
    let login = log_in(front.address(), &authority);
    assert!(login.status.success(), "{login:?}");
    let said = String::from_utf8_lossy(&login.stdout);
    let expected = format!("logged in as user@{}/", Prosody::DOMAIN);
    assert!(said.contains(&expected), "{said}");

    let record = &vestibule.wait_for_records(1)[0];
    record.assert(&[
        ("listener", "c2s-tls"),
        ("service", "c2s"),
        ("proxy_version", "v2"),
        ("destination", &front.address().to_string()),
        ("sni", Prosody::DOMAIN),
        ("tls", "TLSv1.3"),
    ]);
    // The client's own socket, not the one of HAProxy.
    assert!(
        record.text("client").starts_with("127.0.0.1:"),
        "{record:?}"
    );
    assert!(record.text("peer").starts_with("127.0.0.1:"), "{record:?}");
    assert_ne!(record.text("client"), record.text("peer"));
    // Prosody may close while the client is still saying goodbye.
    assert!(["eof", "reset"].contains(&record.text("end")), "{record:?}");
}

/// Both headers, each in its place: HAProxy's before the client's TLS, ours before what was inside.
#[test]
fn the_client_is_passed_on_to_the_upstream() {
    let authority = Authority::new();
    let origin = ProxyOrigin::echo();
    let vestibule = Vestibule::start(tables(&authority, origin.address(), "send_proxy = \"v2\""));
    let front = ReservedPort::new();
    let _haproxy = haproxy(&front, &vestibule);
    let client = TlsClient::new(&authority, Prosody::DOMAIN).alpn(&["xmpp-client"]);
    let stream = client.connect(front.address());
    stream.exchange(b"<stream:stream>");
    let told = origin.told();
    assert_eq!(told.source, Some(stream.local_addr()));
    assert_eq!(told.destination, Some(front.address()));
    stream.close_notify();
    assert_eq!(stream.read_to_end().1, TlsEnd::CloseNotify);
    let record = vestibule.record_of(stream.local_addr());
    record.assert(&[
        ("alpn", "xmpp-client"),
        ("end", "eof"),
        ("ended_by", "client"),
    ]);
}

/// Header and hello in one segment, in single bytes, and a hello without the header.
#[test]
fn the_header_comes_first_however_it_is_cut() {
    let authority = Authority::new();
    let origin = ProxyOrigin::echo();
    let vestibule = Vestibule::start(tables(&authority, origin.address(), "send_proxy = \"v1\""));
    let client = TlsClient::new(&authority, Prosody::DOMAIN);
    let together: fn(&[u8]) -> Vec<Vec<u8>> = |hello| vec![[LINE.as_bytes(), hello].concat()];
    let bytes: fn(&[u8]) -> Vec<Vec<u8>> = |hello| {
        let all = [LINE.as_bytes(), hello].concat();
        all.chunks(1).map(<[u8]>::to_vec).collect()
    };
    for cut in [together, bytes] {
        let stream = client
            .clone()
            .cut(cut)
            .connect(vestibule.address("c2s-tls"));
        stream.exchange(b"<stream:stream>");
        let source: SocketAddr = "192.0.2.1:4000".parse().expect("an address");
        assert_eq!(origin.told().source, Some(source));
    }
    let mut socket = connect(vestibule.address("c2s-tls"));
    socket.write_all(&client.hello()).expect("a hello");
    let (answer, end) = read_to_end(&mut socket);
    assert_eq!(answer, b"");
    assert!([End::Fin, End::Reset].contains(&end));
    let record = vestibule.record_of(socket.local_addr().expect("an address"));
    record.assert(&[("end", "proxy_header_invalid"), ("tls", ""), ("sni", "")]);
    assert_eq!(origin.accepted(), 2);
}
