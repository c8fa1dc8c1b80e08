//! Certificates of clients: who is let in, and what the upstream is told of them.

use std::fs;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::Path;

use vestibule_e2e::{
    Authority, Leaf, Origin, ProxyOrigin, TlsClient, TlsEnd, Told, Vestibule, alert_of, eventually,
};
use vestibule_proxy_protocol::kind;

const NAME: &str = "chat.example.org";

/// RFC 8446, section 6.2.
const BAD_CERTIFICATES: [u8; 7] = [42, 43, 44, 45, 46, 48, 51];
const CERTIFICATE_REQUIRED: u8 = 116;
const HANDSHAKE_FAILURE: u8 = 40;

fn tables(leaf: &Leaf, client_auth: &str, upstream: SocketAddr, service: &str) -> String {
    format!(
        "{}[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [listener.tls]\nmode = \"terminate\"\nalpn = [\"xmpp-client\"]\n{client_auth}\n\
         [service.s]\nupstreams = [\"{upstream}\"]\n{service}\n",
        leaf.section()
    )
}

fn client_auth(mode: &str, ca: &Path, crl: Option<&Path>) -> String {
    let crl = crl.map(|crl| format!(", crl = \"{}\"", crl.display()));
    format!(
        "client_auth = {{ mode = \"{mode}\", ca = \"{}\"{} }}",
        ca.display(),
        crl.unwrap_or_default()
    )
}

/// The alert with which a client is refused. In TLS 1.3 it comes when the client has finished.
#[track_caller]
fn refusal(client: &TlsClient, address: SocketAddr) -> u8 {
    let alert = match client.try_connect(address) {
        Ok(stream) => match stream.read_to_end() {
            (_, TlsEnd::Alert(alert)) => Some(alert),
            (_, end) => panic!("let in, then {end:?}"),
        },
        Err(error) => alert_of(&error),
    };
    u8::from(alert.expect("an alert"))
}

fn is_let_in(client: &TlsClient, address: SocketAddr) -> bool {
    client.try_connect(address).is_ok_and(|stream| {
        let mut stream = &stream;
        stream.write_all(b"?").is_ok() && stream.read_exact(&mut [0]).is_ok()
    })
}

#[test]
fn required_optional_and_none() {
    let (servers, clients, strangers) = (Authority::new(), Authority::new(), Authority::new());
    let leaf = servers.server(&[NAME]);
    let origin = Origin::echo();
    let (alice, expired) = (clients.client("alice"), clients.expired_client("late"));
    let stranger = strangers.client("alice");
    for version in ["1.2", "1.3"] {
        let client = || TlsClient::new(&servers, NAME).version(version);
        let let_in = |client: &TlsClient, address| client.connect(address).exchange(b"let in");
        let start = |mode| {
            let keys = client_auth(mode, &clients.root(), None);
            Vestibule::start(tables(&leaf, &keys, origin.address(), ""))
        };

        let vestibule = start("required");
        let address = vestibule.address("in");
        let_in(&client().certificate(&alice), address);
        let without = refusal(&client(), address);
        assert!(
            [CERTIFICATE_REQUIRED, HANDSHAKE_FAILURE].contains(&without),
            "{without}"
        );
        for bad in [&expired, &stranger, &leaf] {
            let alert = refusal(&client().certificate(bad), address);
            assert!(BAD_CERTIFICATES.contains(&alert), "{alert}");
        }
        let records = vestibule.wait_for_records(5);
        let failed: Vec<_> = records
            .iter()
            .filter(|record| record.text("end") == "handshake_failed")
            .collect();
        assert_eq!(failed.len(), 4, "{records:?}");
        for record in failed {
            assert!(!record.text("reason").is_empty(), "{record:?}");
        }

        let vestibule = start("optional");
        let address = vestibule.address("in");
        let_in(&client(), address);
        let_in(&client().certificate(&alice), address);
        let alert = refusal(&client().certificate(&stranger), address);
        assert!(BAD_CERTIFICATES.contains(&alert), "{alert}");

        let tables = tables(
            &leaf,
            "client_auth = { mode = \"none\" }",
            origin.address(),
            "",
        );
        let vestibule = Vestibule::start(tables);
        let_in(&client(), vestibule.address("in"));
        // Nobody asks for it, so nobody sees that it is bad.
        let_in(&client().certificate(&stranger), vestibule.address("in"));
    }
}

#[test]
fn a_revoked_certificate_is_refused() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let leaf = servers.server(&[NAME]);
    let (good, revoked) = (clients.client("good"), clients.client("revoked"));
    let crl = clients.revocation_lists(&[&revoked]);
    let origin = Origin::echo();
    for mode in ["required", "optional"] {
        let keys = client_auth(mode, &clients.root(), Some(&crl));
        let vestibule = Vestibule::start(tables(&leaf, &keys, origin.address(), ""));
        let address = vestibule.address("in");
        for version in ["1.2", "1.3"] {
            let client = TlsClient::new(&servers, NAME).version(version);
            client
                .clone()
                .certificate(&good)
                .connect(address)
                .exchange(b"let in");
            let alert = refusal(&client.certificate(&revoked), address);
            assert_eq!(alert, 44, "certificate_revoked");
        }
        let records = vestibule.wait_for_records(4);
        let mut revoked = records
            .iter()
            .filter(|record| record.text("end") == "handshake_failed");
        let reason = revoked
            .next()
            .map(|record| record.text("reason").to_lowercase());
        assert!(
            reason.is_some_and(|reason| reason.contains("revoked")),
            "{records:?}"
        );
    }
}

/// A list that is replaced counts from then on, also against tickets from before.
#[test]
fn a_ticket_does_not_outlive_its_owners_certificate() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let leaf = servers.server(&[NAME]);
    let alice = clients.client("alice");
    let origin = Origin::echo();
    for version in ["1.2", "1.3"] {
        let crl = clients.directory().join(format!("current-{version}.crl"));
        fs::copy(clients.revocation_lists(&[]), &crl).expect("a temporary directory");
        let keys = client_auth("required", &clients.root(), Some(&crl));
        let vestibule = Vestibule::start(tables(&leaf, &keys, origin.address(), ""));
        let address = vestibule.address("in");
        let client = TlsClient::new(&servers, NAME)
            .version(version)
            .certificate(&alice);
        client.connect(address).exchange(b"a ticket comes");
        let stream = client.connect(address);
        stream.exchange(b"and is used");
        assert!(stream.facts().resumed);

        fs::rename(clients.revocation_lists(&[&alice]), &crl).expect("a temporary directory");
        eventually("the new list to count", || !is_let_in(&client, address));
        assert_eq!(refusal(&client, address), 44, "certificate_revoked");
    }
}

/// Who was let in by one authority's word is not let in by a ticket when another one has replaced
/// it.
#[test]
fn a_ticket_does_not_outlive_the_authority() {
    let (servers, old, new) = (Authority::new(), Authority::new(), Authority::new());
    let leaf = servers.server(&[NAME]);
    let ca = servers.directory().join("clients.pem");
    fs::copy(old.root(), &ca).expect("a temporary directory");
    let alice = old.client("alice");
    let origin = Origin::echo();
    let keys = client_auth("required", &ca, None);
    let vestibule = Vestibule::start(tables(&leaf, &keys, origin.address(), ""));
    let address = vestibule.address("in");
    let client = TlsClient::new(&servers, NAME).certificate(&alice);
    client.connect(address).exchange(b"a ticket comes");

    fs::rename(new.root(), &ca).expect("a temporary directory");
    let bob = TlsClient::new(&servers, NAME).certificate(&new.client("bob"));
    eventually("the new authority to count", || is_let_in(&bob, address));
    let alert = refusal(&client, address);
    assert!(BAD_CERTIFICATES.contains(&alert), "{alert}");
}

/// What version 2 of the PROXY protocol can say of TLS, as HAProxy would say it.
#[test]
fn the_upstream_is_told_of_tls_and_of_the_clients_certificate() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let leaf = servers.server(&[NAME]);
    let alice = clients.client("alice@example.org");
    let origin = ProxyOrigin::echo();
    let send = "send_proxy = { version = \"v2\", tlvs = [\"alpn\", \"authority\", \"ssl\"] }";
    let keys = client_auth("optional", &clients.root(), None);
    let vestibule = Vestibule::start(tables(&leaf, &keys, origin.address(), send));
    for (version, cipher, group) in [
        ("1.2", "ECDHE-ECDSA-AES256-GCM-SHA384", "X25519"),
        ("1.3", "TLS_AES_256_GCM_SHA384", "X25519MLKEM768"),
    ] {
        let client = TlsClient::new(&servers, NAME)
            .version(version)
            .alpn(&["xmpp-client"]);
        let with = client.clone().certificate(&alice);
        for (client, has_certificate) in [(client, false), (with, true)] {
            let stream = client.connect(vestibule.address("in"));
            stream.exchange(b"hello");
            let told = origin.told();
            assert_eq!(told.source, Some(stream.local_addr()));
            assert_eq!(told.tlv(kind::ALPN), Some(&b"xmpp-client"[..]));
            assert_eq!(told.tlv(kind::AUTHORITY), Some(NAME.as_bytes()));
            let ssl = Ssl::of(&told);
            assert_eq!(ssl.text(kind::SSL_VERSION), Some(format!("TLSv{version}")));
            assert_eq!(ssl.text(kind::SSL_CIPHER).as_deref(), Some(cipher));
            assert_eq!(ssl.text(kind::SSL_GROUP).as_deref(), Some(group));
            assert_eq!(ssl.text(kind::SSL_KEY_ALG).as_deref(), Some("EC256"));
            assert_eq!(
                ssl.text(kind::SSL_SIG_ALG).as_deref(),
                Some("ecdsa-with-SHA256")
            );
            // Bits: TLS, certificate on this connection, certificate in this session.
            let flags = if has_certificate { 0b111 } else { 0b001 };
            assert_eq!(ssl.flags, flags, "version {version}");
            // 0 is "verified", and there is nothing to verify without a certificate.
            assert_eq!(ssl.verify == 0, has_certificate, "{}", ssl.verify);
            let (name, certificate) = match has_certificate {
                true => (
                    Some("alice@example.org"),
                    Some(alice.certificates()[0].to_vec()),
                ),
                false => (None, None),
            };
            assert_eq!(ssl.text(kind::SSL_CN).as_deref(), name);
            assert_eq!(ssl.value(kind::SSL_CLIENT_CERT), certificate.as_deref());
        }
    }
}

/// The SSL TLV (section 2.2.6 of the PROXY protocol).
struct Ssl {
    flags: u8,
    verify: u32,
    tlvs: Vec<(u8, Vec<u8>)>,
}

impl Ssl {
    #[track_caller]
    fn of(told: &Told) -> Self {
        let value = told.tlv(kind::SSL).expect("the SSL TLV");
        let (fixed, mut rest) = value.split_at(5);
        let mut tlvs = Vec::new();
        while let [kind, high, low, after @ ..] = rest {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let (value, after) = after.split_at(length);
            tlvs.push((*kind, value.to_vec()));
            rest = after;
        }
        Self {
            flags: fixed[0],
            verify: u32::from_be_bytes([fixed[1], fixed[2], fixed[3], fixed[4]]),
            tlvs,
        }
    }

    fn value(&self, kind: u8) -> Option<&[u8]> {
        let found = self.tlvs.iter().find(|(found, _)| *found == kind);
        found.map(|(_, value)| value.as_slice())
    }

    fn text(&self, kind: u8) -> Option<String> {
        let value = self.value(kind)?;
        Some(String::from_utf8_lossy(value).into_owned())
    }
}
