//! Other proxies and servers that speak TLS with us, on either side.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::process::Command;
use std::sync::mpsc::channel;
use std::thread;

use vestibule_e2e::{
    Authority, Haproxy, Leaf, Nginx, Origin, Process, ProxyOrigin, ReservedPort, Sum, TlsClient,
    TlsServer, Vestibule, connect, exchange, receive, wait_for, write_random,
};
use vestibule_proxy_protocol::kind;

const NAME: &str = "chat.example.org";

fn terminating(leaf: &Leaf, upstream: SocketAddr, keys: &str) -> Vestibule {
    Vestibule::start(format!(
        "{}[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [listener.tls]\nmode = \"terminate\"\nalpn = [\"xmpp-client\"]\n\
         [service.s]\nupstreams = [\"{upstream}\"]\n{keys}\n",
        leaf.section()
    ))
}

#[test]
fn haproxy_in_front_with_tls_of_its_own() {
    let authority = Authority::new();
    let leaf = authority.server(&[NAME]);
    let origin = ProxyOrigin::echo();
    let keys = "send_proxy = { version = \"v2\", tlvs = [\"authority\", \"alpn\"] }";
    let vestibule = terminating(&leaf, origin.address(), keys);
    let port = ReservedPort::new();
    let config = format!(
        "defaults\n\tmode tcp\n\ttimeout connect 5s\n\ttimeout client 1m\n\ttimeout server 1m\n\
         frontend f\n\tbind {}\n\tdefault_backend b\n\
         backend b\n\tserver s {} ssl verify required ca-file {} verifyhost {NAME} \
         sni str({NAME}) alpn xmpp-client\n",
        port.address(),
        vestibule.address("in"),
        authority.root().display()
    );
    let _haproxy = Haproxy::start(&config, port.port());
    exchange(&mut connect(port.address()), b"hello");
    let told = origin.told();
    assert_eq!(told.tlv(kind::AUTHORITY), Some(NAME.as_bytes()));
    assert_eq!(told.tlv(kind::ALPN), Some(&b"xmpp-client"[..]));
}

/// nginx writes version 1 of the PROXY protocol, and then begins TLS.
#[test]
fn nginx_in_front_with_tls_of_its_own() {
    let authority = Authority::new();
    let leaf = authority.server(&[NAME]);
    let origin = Origin::echo();
    let vestibule = Vestibule::start(format!(
        "{}[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [listener.proxy_protocol]\n[listener.tls]\nmode = \"terminate\"\n\
         [service.s]\nupstreams = [\"{}\"]\n",
        leaf.section(),
        origin.address()
    ));
    let nginx = Nginx::in_front_of(vestibule.address("in"), &authority, NAME);
    let mut client = connect(nginx.address());
    exchange(&mut client, b"through both");
    let address = client.local_addr().expect("an address");
    drop(client);
    let record = vestibule.record_of(address);
    record.assert(&[
        ("proxy_version", "v1"),
        ("destination", &nginx.address().to_string()),
        ("sni", NAME),
        ("tls", "TLSv1.3"),
    ]);
}

/// `openssl s_server -rev` answers each line with the line from its end.
#[test]
fn openssl_behind() {
    let authority = Authority::new();
    let leaf = authority.server(&[NAME]);
    for (option, version) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let port = ReservedPort::new();
        let mut command = Command::new("openssl");
        command
            .args(["s_server", "-rev", option, "-accept"])
            .arg(port.address().to_string())
            .arg("-cert")
            .arg(&leaf.chain)
            .arg("-cert_chain")
            .arg(&leaf.chain)
            .arg("-key")
            .arg(&leaf.key);
        let mut server = Process::start("openssl", &mut command);
        server.wait_for_port(port.port());
        let root = authority.root();
        let keys = format!(
            "tls = {{ ca = \"{}\", server_name = \"{NAME}\" }}",
            root.display()
        );
        let vestibule = Vestibule::start(format!(
            "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
             [service.s]\nupstreams = [\"{}\"]\n{keys}\n",
            port.address()
        ));
        let mut client = connect(vestibule.address("in"));
        client.write_all(b"level up\n").expect("a line");
        let mut answer = [0; 9];
        client.read_exact(&mut answer).expect("an answer");
        assert_eq!(String::from_utf8_lossy(&answer), "pu level\n");
        let address = client.local_addr().expect("an address");
        drop(client);
        let record = vestibule.record_of(address);
        record.assert(&[("upstream_tls", version), ("tls", "")]);
    }
}

/// TLS on both legs, both ways at once, in segments of random size.
#[test]
fn much_data_through_tls_on_both_legs() {
    const BYTES: u64 = 64 * 1024 * 1024;
    let authority = Authority::new();
    let leaf = authority.server(&[NAME]);
    for (inside, outside) in [("1.2", "1.3"), ("1.3", "1.2")] {
        let (sender, of_origin) = channel();
        let origin = TlsServer::new(&leaf).version(outside).serve(move |stream| {
            let sums: [Sum; 2] = thread::scope(|scope| {
                let sent = scope.spawn(|| {
                    let sum = write_random(&stream, BYTES, 1);
                    stream.close_notify();
                    sum
                });
                let received = receive(&stream, 2);
                [sent.join().expect("the sending half"), received]
            });
            sender.send(sums).expect("the test waits");
        });
        let root = authority.root();
        let keys = format!(
            "tls = {{ ca = \"{}\", server_name = \"{NAME}\" }}",
            root.display()
        );
        let vestibule = terminating(&leaf, origin.address(), &keys);
        let client = TlsClient::new(&authority, NAME).version(inside);
        let stream = client.connect(vestibule.address("in"));
        let [sent, received] = thread::scope(|scope| {
            let sent = scope.spawn(|| {
                let sum = write_random(&stream, BYTES, 3);
                stream.close_notify();
                sum
            });
            let received = receive(&stream, 4);
            [sent.join().expect("the sending half"), received]
        });
        let of_origin = wait_for("the origin's account", || of_origin.try_recv().ok());
        assert_eq!(of_origin, [received, sent]);
        let record = vestibule.record_of(stream.local_addr());
        record.assert(&[
            ("end", "eof"),
            ("tls", &format!("TLSv{inside}")),
            ("upstream_tls", &format!("TLSv{outside}")),
        ]);
        assert_eq!(record.number("bytes_in"), BYTES);
        assert_eq!(record.number("bytes_out"), BYTES);
    }
}
