//! TLS to the upstream, independent of what the client speaks.

use std::fs;
use std::io::Write;
use std::net::{Shutdown, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use vestibule_e2e::{
    Authority, End, Haproxy, Leaf, Nginx, Origin, ReservedPort, Setup, TlsClient, TlsEnd,
    TlsServer, Vestibule, connect, curl, eventually, exchange, read_to_end,
};

const NAME: &str = "chat.example.org";

/// A listener without TLS and one that terminates it, both to the same service.
fn tables(leaf: &Leaf, upstreams: &str, keys: &str) -> String {
    format!(
        "{}[[listener]]\nname = \"plain\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [[listener]]\nname = \"tls\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [listener.tls]\nmode = \"terminate\"\nalpn = [\"xmpp-client\", \"http/1.1\"]\n\
         [service.s]\nupstreams = [{upstreams}]\n{keys}\n",
        leaf.section()
    )
}

fn start(leaf: &Leaf, upstream: SocketAddr, keys: &str) -> Vestibule {
    Vestibule::start(tables(leaf, &format!("\"{upstream}\""), keys))
}

/// `ca` and `server_name` of a service.
fn trusting(root: &Path) -> String {
    format!("ca = \"{}\", server_name = \"{NAME}\"", root.display())
}

#[test]
fn one_version_in_and_another_out() {
    let authority = Authority::new();
    let leaf = authority.server(&[NAME]);
    for (inside, outside) in [
        ("1.2", "1.3"),
        ("1.3", "1.2"),
        ("1.2", "1.2"),
        ("1.3", "1.3"),
    ] {
        let origin = TlsServer::new(&leaf).version(outside).echo();
        let keys = format!("tls = {{ {} }}", trusting(&authority.root()));
        let vestibule = start(&leaf, origin.address(), &keys);
        let stream = TlsClient::new(&authority, NAME)
            .version(inside)
            .connect(vestibule.address("tls"));
        stream.exchange(&[7; 100_000]);
        stream.close_notify();
        assert_eq!(stream.read_to_end(), (Vec::new(), TlsEnd::CloseNotify));
        let seen = origin.seen();
        assert_eq!(seen.sni.as_deref(), Some(NAME));
        assert_eq!(seen.version, format!("TLSv{outside}"));
        let record = vestibule.record_of(stream.local_addr());
        record.assert(&[
            ("tls", &format!("TLSv{inside}")),
            ("upstream_tls", &format!("TLSv{outside}")),
            ("end", "eof"),
            ("ended_by", "client"),
        ]);
        assert_eq!(record.number("bytes_in"), 100_000);
        assert_eq!(record.number("bytes_out"), 100_000);
    }
}

#[test]
fn versions_suites_and_groups_of_the_upstream_are_its_own() {
    let authority = Authority::new();
    let leaf = authority.server(&[NAME]);
    let trusting = trusting(&authority.root());
    let origin = TlsServer::new(&leaf).echo();
    for (keys, version, cipher, group) in [
        ("", "TLSv1.3", "TLS13_AES_256_GCM_SHA384", "X25519MLKEM768"),
        (
            "max_version = \"1.2\", cipher_suites = [\"ECDHE-ECDSA-CHACHA20-POLY1305\"], \
             groups = [\"secp384r1\"]",
            "TLSv1.2",
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            "secp384r1",
        ),
        (
            "min_version = \"1.3\", cipher_suites = [\"TLS_AES_128_GCM_SHA256\"], \
             groups = [\"X25519\"]",
            "TLSv1.3",
            "TLS13_AES_128_GCM_SHA256",
            "X25519",
        ),
    ] {
        let keys = format!(
            "tls = {{ {trusting}{}{keys} }}",
            if keys.is_empty() { "" } else { ", " }
        );
        let vestibule = start(&leaf, origin.address(), &keys);
        exchange(&mut connect(vestibule.address("plain")), b"hello");
        let seen = origin.seen();
        assert_eq!(
            (seen.version, &*seen.cipher, &*seen.group),
            (version, cipher, group)
        );
    }
}

/// FIN and close_notify are the same to both sides.
#[test]
fn ends_are_passed_on_in_both_directions() {
    let authority = Authority::new();
    let leaf = authority.server(&[NAME]);
    for version in ["1.2", "1.3"] {
        let (origin, connections) = TlsServer::new(&leaf).version(version).hand_over();
        let keys = format!("tls = {{ {} }}", trusting(&authority.root()));
        let vestibule = start(&leaf, origin.address(), &keys);

        let mut client = connect(vestibule.address("plain"));
        client.write_all(b"question").expect("words");
        client.shutdown(Shutdown::Write).expect("FIN");
        let upstream = connections.accept();
        assert_eq!(
            upstream.read_to_end(),
            (b"question".to_vec(), TlsEnd::CloseNotify)
        );
        (&upstream).write_all(b"answer").expect("words");
        upstream.close_notify();
        let (answer, end) = read_to_end(&mut client);
        assert_eq!((&answer[..], end), (&b"answer"[..], End::Fin));

        // FIN alone is no proper end, wherever it comes from.
        let mut client = connect(vestibule.address("plain"));
        client.write_all(b"question").expect("words");
        let upstream = connections.accept();
        (&upstream).write_all(b"half an ans").expect("words");
        upstream.socket().shutdown(Shutdown::Write).expect("FIN");
        assert_eq!(read_to_end(&mut client).1, End::Reset);
        let record = vestibule.record_of(client.local_addr().expect("an address"));
        record.assert(&[
            ("end", "reset"),
            ("ended_by", "upstream"),
            ("reason", "unexpected end of file"),
        ]);
    }
}

/// A target whose certificate is not good is as good as down.
#[test]
fn a_target_that_cannot_be_verified_is_not_used() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let leaf = authority.server(&[NAME]);
    let wrong_name = TlsServer::new(&authority.server(&["elsewhere.example"])).echo();
    let expired = TlsServer::new(&authority.expired_server(&[NAME])).echo();
    let unknown = TlsServer::new(&stranger.server(&[NAME])).echo();
    let plain = Origin::echo();
    let good = TlsServer::new(&leaf).echo();
    let keys = format!("tls = {{ {} }}\nretries = 0", trusting(&authority.root()));
    for (address, word) in [
        (wrong_name.address(), "name"),
        (expired.address(), "expired"),
        (unknown.address(), "issuer"),
    ] {
        let vestibule = start(&leaf, address, &keys);
        let mut client = connect(vestibule.address("plain"));
        assert_eq!(read_to_end(&mut client).0, b"");
        let record = vestibule.record_of(client.local_addr().expect("an address"));
        record.assert(&[
            ("end", "connect_failed"),
            ("ended_by", "upstream"),
            ("upstream_tls", ""),
        ]);
        let reason = record.text("reason").to_lowercase();
        assert!(reason.contains(word), "{reason}");
    }
    // One that does not speak TLS at all.
    let fast = format!("{keys}\nconnect_timeout = \"500ms\"");
    let vestibule = start(&leaf, plain.address(), &fast);
    let mut client = connect(vestibule.address("plain"));
    assert_eq!(read_to_end(&mut client).0, b"");
    let record = vestibule.record_of(client.local_addr().expect("an address"));
    record.assert(&[("end", "connect_failed")]);

    // The next target is tried, every time.
    let upstreams = format!("\"{}\", \"{}\"", wrong_name.address(), good.address());
    let keys = format!("tls = {{ {} }}\nretries = 1", trusting(&authority.root()));
    let vestibule = Vestibule::start(tables(&leaf, &upstreams, &keys));
    for _ in 0..4 {
        let mut client = connect(vestibule.address("plain"));
        exchange(&mut client, b"hello");
        let address = client.local_addr().expect("an address");
        drop(client);
        let record = vestibule.record_of(address);
        record.assert(&[
            ("upstream", &good.address().to_string()),
            ("upstream_tls", "TLSv1.3"),
        ]);
    }
}

#[test]
fn without_verification_anybody_is_good_and_a_warning_says_so() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let leaf = authority.server(&[NAME]);
    let origin = TlsServer::new(&stranger.expired_server(&["elsewhere.example"])).echo();
    let keys = format!("tls = {{ server_name = \"{NAME}\", verify = false }}");
    let vestibule = start(&leaf, origin.address(), &keys);
    exchange(&mut connect(vestibule.address("plain")), b"hello");
    let warned = |event: &Value| {
        event["level"] == "WARN" && event["message"] == "nobody checks who the upstream is"
    };
    eventually("a warning", || vestibule.all_events().iter().any(warned));
}

#[test]
fn our_own_certificate_is_shown_to_targets_that_ask() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let leaf = authority.server(&[NAME]);
    let ours = clients.client("vestibule");
    for version in ["1.2", "1.3"] {
        let server = TlsServer::new(&leaf)
            .version(version)
            .require_clients_of(&clients);
        let origin = server.echo();
        let trusting = trusting(&authority.root());
        let keys = format!("tls = {{ {trusting}, certificate = {} }}", ours.table());
        let vestibule = start(&leaf, origin.address(), &keys);
        exchange(&mut connect(vestibule.address("plain")), b"hello");
        let shown = origin.seen().peer;
        assert_eq!(shown, Some(ours.certificates()[0].to_vec()));
    }
}

#[test]
fn alpn_is_forwarded_or_set_and_sni_can_be_kept_back() {
    let authority = Authority::new();
    let leaf = authority.server(&[NAME]);
    let origin = TlsServer::new(&leaf)
        .alpn(&["h2", "xmpp-client", "imap"])
        .echo();
    let client = TlsClient::new(&authority, NAME);
    let client = |alpn: &[&str]| client.clone().alpn(alpn);
    for (key, offered, seen) in [
        ("", &["imap", "xmpp-client"][..], "xmpp-client"),
        ("", &[][..], ""),
        (", alpn = \"forward\"", &["xmpp-client"][..], "xmpp-client"),
        (", alpn = [\"imap\"]", &["xmpp-client"][..], "imap"),
        (", alpn = []", &["xmpp-client"][..], ""),
        (", sni = false", &["xmpp-client"][..], "xmpp-client"),
    ] {
        let keys = format!("tls = {{ {}{key} }}", trusting(&authority.root()));
        let vestibule = start(&leaf, origin.address(), &keys);
        client(offered)
            .connect(vestibule.address("tls"))
            .exchange(b"hello");
        let told = origin.seen();
        assert_eq!(told.alpn, seen, "{key}");
        assert_eq!(told.sni.is_none(), key.contains("sni = false"), "{key}");
    }
}

/// The header goes first, in clear, as HAProxy and nginx expect it.
#[test]
fn the_header_goes_before_the_handshake() {
    let authority = Authority::new();
    let leaf = authority.server(&[NAME]);
    for version in ["v1", "v2"] {
        let trusting = trusting(&authority.root());
        let keys =
            format!("tls = {{ {trusting}, alpn = [\"http/1.1\"] }}\nsend_proxy = \"{version}\"");
        let port = ReservedPort::new();
        let config = format!(
            "defaults\n\tmode http\n\ttimeout connect 5s\n\ttimeout client 1m\n\ttimeout server 1m\n\
             frontend f\n\tbind {} accept-proxy ssl crt {} alpn http/1.1\n\
             \thttp-request return status 200 content-type text/plain lf-string \
             \"%[src]:%[src_port] %[ssl_fc_sni] %[ssl_fc_alpn] %[ssl_fc_protocol]\"\n",
            port.address(),
            leaf.both.display()
        );
        let _haproxy = Haproxy::start(&config, port.port());
        let vestibule = start(&leaf, port.address(), &keys);
        let root = authority.root();
        let options = format!(
            "--cacert {} --write-out |%{{local_ip}}:%{{local_port}}",
            root.display()
        );
        let answer = curl(vestibule.address("tls"), NAME, "/", &options);
        assert!(answer.status.success(), "{answer:?}");
        let said = String::from_utf8_lossy(&answer.stdout).into_owned();
        let (seen, client) = said.split_once('|').expect("an answer and an address");
        assert_eq!(seen, format!("{client} {NAME} http/1.1 TLSv1.3"));

        let nginx = Nginx::with_tls(&leaf);
        let vestibule = start(&leaf, nginx.address(), &keys);
        let path = format!("/{version}");
        let answer = curl(vestibule.address("tls"), NAME, &path, &options);
        assert!(answer.status.success(), "{answer:?}");
        let said = String::from_utf8_lossy(&answer.stdout).into_owned();
        let (seen, client) = said.split_once('|').expect("an answer and an address");
        assert_eq!(seen.trim(), format!("{client} {NAME} TLSv1.3"));
        let logged = nginx.logged(&path);
        assert_eq!(logged, format!("{client} {}", vestibule.address("tls")));
    }
}

#[test]
fn health_checks_do_the_handshake() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let leaf = authority.server(&[NAME]);
    let good = TlsServer::new(&leaf).echo();
    let bad = TlsServer::new(&stranger.server(&[NAME])).echo();
    let upstreams = format!("\"{}\", \"{}\"", good.address(), bad.address());
    let keys = format!(
        "tls = {{ {} }}\nhealth = {{ interval = \"100ms\", timeout = \"20s\", rise = 1, fall = 1 }}",
        trusting(&authority.root())
    );
    let vestibule = Vestibule::start(tables(&leaf, &upstreams, &keys));
    let up = |address: SocketAddr| {
        let shown = vestibule.ask(&["show", "services"]);
        let targets = shown["services"][0]["upstreams"].as_array().cloned();
        let of = targets.into_iter().flatten();
        let address = address.to_string();
        of.filter(|t| t.to_string().contains(&address))
            .any(|t| t["up"] == true)
    };
    eventually("the bad target to be down", || !up(bad.address()));
    assert!(up(good.address()));
    assert_eq!(good.seen().sni.as_deref(), Some(NAME));
}

/// SSLKEYLOGFILE holds the keys of both legs, for nobody else to read.
#[test]
fn keys_are_logged_where_the_environment_says_so() {
    let authority = Authority::new();
    let leaf = authority.server(&[NAME]);
    let origin = TlsServer::new(&leaf).echo();
    let log = authority.directory().join("keys.log");
    fs::write(&log, "# kept\n").expect("a temporary directory");
    fs::set_permissions(&log, fs::Permissions::from_mode(0o600)).expect("a file of ours");
    let fresh = authority.directory().join("fresh.log");
    let keys = format!("tls = {{ {} }}", trusting(&authority.root()));
    for path in [&log, &fresh] {
        let tables = tables(&leaf, &format!("\"{}\"", origin.address()), &keys);
        let vestibule = Setup::new(tables)
            .environment("SSLKEYLOGFILE", path.clone())
            .start();
        let stream = TlsClient::new(&authority, NAME).connect(vestibule.address("tls"));
        stream.exchange(b"hello");
        let warned = |event: &Value| event["level"] == "WARN";
        eventually("a warning", || vestibule.all_events().iter().any(warned));
        let text = || fs::read_to_string(path).unwrap_or_default();
        eventually("the keys of two handshakes", || {
            text().matches("CLIENT_TRAFFIC_SECRET_0 ").count() == 2
        });
        let mode = fs::metadata(path)
            .expect("the key log")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let text = fs::read_to_string(&log).expect("the key log");
    assert!(text.starts_with("# kept\n"), "{text}");
}
