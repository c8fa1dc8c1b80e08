//! What Prosody's mod_net_proxy is for, without the module: HAProxy in front, Prosody behind, and
//! every service of the module's table carried.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};

use vestibule_e2e::{
    End, Haproxy, Namespace, Prosody, ProsodyPorts, Record, ReservedPort, Setup, connect,
    in_network_namespace, read_to_end,
};

/// The HAProxy configuration of the module's README, to the letter.
const HAPROXY: &str = include_str!("prosody/haproxy.cfg");

/// The port mapping of the same README, in our file's syntax.
const MAPPINGS: &str = "proxy_port_mappings = {\n\t15222 = \"c2s\",\n\t15269 = \"s2s\"\n}\n";

const S2S: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:server' \
                   xmlns:stream='http://etherx.jabber.org/streams' xmlns:db='jabber:server:dialback' \
                   from='elsewhere.example' to='some-domain.example' version='1.0'>";

const C2S: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
                   xmlns:stream='http://etherx.jabber.org/streams' to='some-domain.example' \
                   version='1.0'>";

/// Two machines: HAProxy on the one, where clients arrive at 203.0.113.5; Vestibule and Prosody on
/// the other, 192.168.10.10. Ports are those that the README has.
#[test]
fn the_readmes_haproxy_configuration_in_front_of_prosody() {
    if !in_network_namespace("the_readmes_haproxy_configuration_in_front_of_prosody") {
        return;
    }
    let front = Namespace::joined("192.168.10.10/24", "192.168.10.1/24");
    front.ip("addr add 203.0.113.5/32 dev lo");
    front.ip("addr add 198.51.100.7/32 dev lo");
    // Who does not say otherwise comes to HAProxy from this address.
    front.ip("route replace local 203.0.113.5 dev lo table local src 198.51.100.7");
    let prosody = Prosody::start(ProsodyPorts {
        c2s: 5222,
        s2s: 5269,
        proxy65: 5000,
        http: 5280,
        multiplex: 5443,
    });
    let vestibule = Setup::new(
        "[service.c2s]\nupstreams = [\"127.0.0.1:5222\"]\n\
         [service.s2s]\nupstreams = [\"127.0.0.1:5269\"]\n",
    )
    .top(format!(
        "{MAPPINGS}proxy_trusted_proxies = [\"192.168.10.1\"]\n"
    ))
    .start();
    let _haproxy = Haproxy::run(&mut front.command("haproxy"), HAPROXY, 5222);

    for (mechanism, security) in [("PLAIN", "tls"), ("SCRAM-SHA-1", "plain")] {
        let login = front
            .command(&python())
            .arg(login_script())
            .args(["203.0.113.5", "5222"])
            .arg(prosody.certificate())
            .args([mechanism, security])
            .arg(format!("user@{}", Prosody::DOMAIN))
            .arg(Prosody::PASSWORD)
            .output()
            .expect("nsenter, of util-linux");
        assert!(login.status.success(), "{mechanism}: {login:?}");
        let said = String::from_utf8_lossy(&login.stdout);
        assert!(
            said.contains("logged in as user@some-domain.example/"),
            "{said}"
        );
    }
    let logins = vestibule.wait_for_records(2);
    for record in &logins {
        assert_real_client(record, "203.0.113.5:5222");
        record.assert(&[("service", "c2s"), ("upstream", "127.0.0.1:5222")]);
    }

    let client: SocketAddr = "198.51.100.7:0".parse().expect("an address");
    let server: SocketAddr = "203.0.113.5:5269".parse().expect("an address");
    let mut stream = front.connect(client, server).expect("HAProxy");
    let answer = converse(&mut stream, S2S, "</stream:features>");
    assert!(answer.contains("xmlns='jabber:server'"), "{answer}");
    assert!(answer.contains("from='some-domain.example'"), "{answer}");
    let address = stream.local_addr().expect("an address");
    drop(stream);
    let record = vestibule.record_of(address);
    assert_real_client(&record, "203.0.113.5:5269");
    record.assert(&[("service", "s2s"), ("upstream", "127.0.0.1:5269")]);

    // Nobody but HAProxy may speak for others, nor connect at all.
    front.ip("addr add 192.168.10.66/24 dev there");
    let stranger: SocketAddr = "192.168.10.66:0".parse().expect("an address");
    let port: SocketAddr = "192.168.10.10:15222".parse().expect("an address");
    let mut stream = front.connect(stranger, port).expect("a listener");
    let _ = stream.write_all(b"PROXY TCP4 192.0.2.1 192.168.10.10 1 5222\r\n");
    assert_eq!(read_to_end(&mut stream).0, b"");
    let record = vestibule.record_of(stream.local_addr().expect("an address"));
    record.assert(&[("end", "untrusted_proxy"), ("service", "")]);
}

fn assert_real_client(record: &Record, destination: &str) {
    assert!(record.text("client").starts_with("198.51.100.7:"));
    assert!(record.text("peer").starts_with("192.168.10.1:"));
    record.assert(&[("destination", destination), ("proxy_version", "v2")]);
    // Prosody closes at once; what the client sends after that is answered with a reset.
    assert!(["eof", "reset"].contains(&record.text("end")), "{record:?}");
}

/// Every service name of the module's table, each in front of Prosody's own service.
#[test]
fn each_service_of_the_modules_table_is_carried() {
    let inside: Vec<ReservedPort> = (0..5).map(|_| ReservedPort::new()).collect();
    let outside: Vec<ReservedPort> = (0..5).map(|_| ReservedPort::new()).collect();
    let [c2s, s2s, proxy65, http, multiplex] = [0, 1, 2, 3, 4].map(|i: usize| inside[i].port());
    let _prosody = Prosody::start(ProsodyPorts {
        c2s,
        s2s,
        proxy65,
        http,
        multiplex,
    });
    let names = ["c2s", "s2s", "proxy65", "http", "multiplex"];
    let mappings: Vec<String> = names
        .iter()
        .zip(&outside)
        .map(|(name, port)| format!("{} = \"{name}\"", port.port()))
        .collect();
    let services: Vec<String> = names
        .iter()
        .zip(&inside)
        .map(|(name, port)| format!("[service.{name}]\nupstreams = [\"{}\"]\n", port.address()))
        .collect();
    let vestibule = Setup::new(services.concat())
        .top(format!(
            "proxy_port_mappings = {{ {} }}\nproxy_interfaces = [\"127.0.0.1\"]\n",
            mappings.join(", ")
        ))
        .start();
    let through = |service: &str, source: &str| {
        let index = names.iter().position(|name| *name == service);
        let mut stream = connect(outside[index.expect("one of them")].address());
        let header = format!("PROXY TCP4 {source} 198.51.100.1 40000 5222\r\n");
        stream.write_all(header.as_bytes()).expect("a header");
        stream
    };

    let answer = converse(&mut through("c2s", "192.0.2.1"), C2S, "</stream:features>");
    assert!(
        answer.contains("<mechanism>SCRAM-SHA-1</mechanism>"),
        "{answer}"
    );
    let answer = converse(&mut through("s2s", "192.0.2.2"), S2S, "</stream:features>");
    assert!(answer.contains("urn:xmpp:features:dialback"), "{answer}");

    let mut stream = through("proxy65", "192.0.2.3");
    // RFC 1928, section 3: version 5, one method, no authentication.
    stream.write_all(&[5, 1, 0]).expect("a greeting");
    let mut chosen = [0; 2];
    stream.read_exact(&mut chosen).expect("an answer");
    assert_eq!(chosen, [5, 0]);
    drop(stream);

    let bosh = "<body rid='1' to='some-domain.example' wait='5' hold='1' ver='1.6' \
                xmlns='http://jabber.org/protocol/httpbind' xmpp:version='1.0' \
                xmlns:xmpp='urn:xmpp:xbosh'/>";
    let request = format!(
        "POST /http-bind HTTP/1.1\r\nHost: some-domain.example\r\nContent-Type: text/xml\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{bosh}",
        bosh.len()
    );
    for service in ["http", "multiplex"] {
        let mut stream = through(service, "192.0.2.4");
        stream.write_all(request.as_bytes()).expect("a request");
        let (answer, end) = read_to_end(&mut stream);
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 200"), "{service}: {answer}");
        assert!(answer.contains("sid="), "{service}: {answer}");
        assert_eq!(end, End::Fin, "{service}");
    }
    // The same port takes a stream too.
    let answer = converse(
        &mut through("multiplex", "192.0.2.5"),
        C2S,
        "</stream:features>",
    );
    assert!(
        answer.contains("<mechanism>SCRAM-SHA-1</mechanism>"),
        "{answer}"
    );

    let records = vestibule.wait_for_records(6);
    let mut carried: Vec<_> = records
        .iter()
        .map(|record| (record.text("client"), record.text("service")))
        .collect();
    carried.sort_unstable();
    assert_eq!(
        carried,
        [
            ("192.0.2.1:40000", "c2s"),
            ("192.0.2.2:40000", "s2s"),
            ("192.0.2.3:40000", "proxy65"),
            ("192.0.2.4:40000", "http"),
            ("192.0.2.4:40000", "multiplex"),
            ("192.0.2.5:40000", "multiplex"),
        ]
    );
}

/// Says `text` and reads until `end` has come.
#[track_caller]
fn converse(stream: &mut TcpStream, text: &str, end: &str) -> String {
    stream.write_all(text.as_bytes()).expect("words");
    let mut answer = String::new();
    let mut buffer = [0; 4096];
    while !answer.contains(end) {
        let n = stream.read(&mut buffer).expect("an answer");
        assert!(n > 0, "no {end} in {answer:?}");
        answer.push_str(&String::from_utf8_lossy(&buffer[..n]));
    }
    answer
}

/// The Python that has slixmpp.
fn python() -> String {
    let path = root().join(".peers/venv/bin/python");
    assert!(path.exists(), "no slixmpp: run `cargo xtask setup`");
    path.display().to_string()
}

fn login_script() -> PathBuf {
    root().join("e2e/tests/prosody/login.py")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
}
