use rustls::{
    AlertDescription, CertificateError, ClientConfig, Error, HandshakeKind, ProtocolVersion,
};

use super::{
    super::{
        Tls,
        names::openssl_cipher,
        testing::{Authority, Directory, Refusal, Shaken, client, client_with, shake},
    },
    *,
};

const NAME: &str = "chat.example.org";

struct Fixture {
    authority: Authority,
    directory: Directory,
}

impl Fixture {
    /// A directory with a certificate for [`NAME`].
    fn new() -> Self {
        let (authority, directory) = (Authority::new("authority"), Directory::new());
        directory.write_pair("a", &authority.issue(&[NAME]));
        directory.write("ca.pem", authority.pem());
        Self {
            authority,
            directory,
        }
    }

    /// A listener with these keys of `[listener.tls]`.
    fn tls(&self, keys: &str, previous: Option<&Tls>) -> Tls {
        let text = format!(
            "[[certificate]]
            chain = 'a.pem'
            key = 'a.key'
            [[listener]]
            name = 'c2s'
            bind = '127.0.0.1:1'
            service = 'c2s'
            [listener.tls]
            mode = 'terminate'
            {keys}
            [service.c2s]
            upstreams = ['127.0.0.1:2']"
        );
        self.directory.load(&text, previous)
    }

    fn policy(&self, keys: &str) -> Arc<ServerPolicy> {
        self.tls(keys, None).listener(0).unwrap()
    }

    fn shake(&self, keys: &str, client: ClientConfig) -> Result<Shaken, Refusal> {
        shake(&Arc::new(client), &self.policy(keys).config(), NAME)
    }

    fn client(&self, adjust: impl FnOnce(&mut ClientConfig)) -> ClientConfig {
        let mut client = client(&self.authority);
        adjust(&mut client);
        client
    }
}

fn protocols(names: &[&str]) -> Vec<Vec<u8>> {
    names.iter().map(|name| name.as_bytes().to_vec()).collect()
}

fn refresh(policy: &ServerPolicy) -> bool {
    policy.refresh(&mut Reader::default())
}

/// Whether a second handshake resumes the first.
fn resumes(client: &Arc<ClientConfig>, first: &ServerPolicy, second: &ServerPolicy) -> bool {
    shake(client, &first.config(), NAME).unwrap();
    kind(client, second) == HandshakeKind::Resumed
}

fn kind(client: &Arc<ClientConfig>, policy: &ServerPolicy) -> HandshakeKind {
    let shaken = shake(client, &policy.config(), NAME).unwrap();
    shaken.server.handshake_kind().unwrap()
}

#[test]
fn our_preference_decides_on_a_protocol() {
    let fixture = Fixture::new();
    let keys = "alpn = ['xmpp-client', 'h2']";
    let agreed = |offered: &[&str]| {
        let client = fixture.client(|client| client.alpn_protocols = protocols(offered));
        let shaken = fixture.shake(keys, client)?;
        Ok(shaken.server.alpn_protocol().map(<[u8]>::to_vec))
    };
    assert_eq!(
        agreed(&["h2", "xmpp-client"]),
        Ok(Some(b"xmpp-client".to_vec()))
    );
    assert_eq!(agreed(&["h2"]), Ok(Some(b"h2".to_vec())));
    assert_eq!(agreed(&[]), Ok(None), "a client without ALPN is served");
    let refused = Err(Refusal::Server(Error::NoApplicationProtocol));
    assert_eq!(agreed(&["http/1.1"]), refused);
}

#[test]
fn the_range_of_versions_is_kept() {
    let fixture = Fixture::new();
    let version = |keys| {
        let shaken = fixture.shake(keys, fixture.client(|_| ()))?;
        Ok::<_, Refusal>(shaken.server.protocol_version())
    };
    assert_eq!(version(""), Ok(Some(ProtocolVersion::TLSv1_3)));
    assert_eq!(
        version("max_version = '1.2'"),
        Ok(Some(ProtocolVersion::TLSv1_2))
    );
}

#[test]
fn our_order_of_suites_decides_unless_the_clients_shall() {
    let fixture = Fixture::new();
    let cipher = |prefer: bool| {
        let keys = format!(
            "max_version = '1.2'
            prefer_server_ciphers = {prefer}
            cipher_suites = ['ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-ECDSA-AES256-GCM-SHA384']"
        );
        let shaken = fixture.shake(&keys, fixture.client(|_| ())).unwrap();
        openssl_cipher(shaken.server.negotiated_cipher_suite().unwrap())
    };
    assert_eq!(cipher(true), "ECDHE-ECDSA-CHACHA20-POLY1305");
    assert_eq!(cipher(false), "ECDHE-ECDSA-AES256-GCM-SHA384");
}

#[test]
fn the_post_quantum_group_comes_first() {
    let fixture = Fixture::new();
    let group = |keys| {
        let shaken = fixture.shake(keys, fixture.client(|_| ())).unwrap();
        let group = shaken.server.negotiated_key_exchange_group().unwrap();
        names::group(group.name()).unwrap()
    };
    assert_eq!(group(""), "X25519MLKEM768");
    assert_eq!(group("groups = ['P-384']"), "secp384r1");
}

#[test]
fn strict_names() {
    let fixture = Fixture::new();
    let policy = fixture.policy("strict_sni = true");
    assert!(policy.is_strict());
    assert!(policy.has_certificate_for(Some(NAME)));
    assert!(!policy.has_certificate_for(Some("b.example.org")));
    assert!(!policy.has_certificate_for(None));
    let client = Arc::new(fixture.client(|_| ()));
    assert!(shake(&client, &policy.config(), NAME).is_ok());
    assert!(shake(&client, &policy.config(), "b.example.org").is_err());
}

#[test]
fn certificates_of_clients() {
    let fixture = Fixture::new();
    let stranger = Authority::new("stranger").issue_client("mallory", 1);
    let alice = fixture.authority.issue_client("alice", 1);
    let without = || fixture.client(|_| ());
    let with = |issued| client_with(&fixture.authority, issued);
    let served = |keys, client| {
        fixture
            .shake(keys, client)
            .map(|shaken| shaken.server.peer_certificates().map(<[_]>::len))
    };
    let required = "client_auth = { mode = 'required', ca = 'ca.pem' }";
    let optional = "client_auth = { mode = 'optional', ca = 'ca.pem' }";
    assert_eq!(served("", with(&alice)), Ok(None));
    assert_eq!(served(required, with(&alice)), Ok(Some(1)));
    assert_eq!(served(optional, with(&alice)), Ok(Some(1)));
    assert_eq!(served(optional, without()), Ok(None));
    let refused = Err(Refusal::Server(Error::NoCertificatesPresented));
    assert_eq!(served(required, without()), refused);
    for keys in [required, optional] {
        let unknown = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        assert_eq!(served(keys, with(&stranger)), Err(Refusal::Server(unknown)));
    }
}

#[test]
fn a_revoked_certificate_is_refused_as_soon_as_the_list_says_so() {
    let fixture = Fixture::new();
    let list = |revoked: &[u64]| fixture.authority.revocation_list(revoked, 4000);
    fixture.directory.write("crl.pem", list(&[1]));
    let keys = "client_auth = { mode = 'required', ca = 'ca.pem', crl = 'crl.pem' }";
    let policy = fixture.policy(keys);
    let [alice, bob] = [("alice", 1), ("bob", 2)]
        .map(|(name, serial)| fixture.authority.issue_client(name, serial))
        .map(|issued| Arc::new(client_with(&fixture.authority, &issued)));
    let revoked = Refusal::Server(Error::InvalidCertificate(CertificateError::Revoked));
    let refusal = |client| shake(client, &policy.config(), NAME).err();
    assert_eq!(refusal(&alice).as_ref(), Some(&revoked));
    assert_eq!(refusal(&bob), None);
    fixture.directory.write("crl.pem", list(&[1, 2]));
    assert!(refresh(&policy));
    // Bob has a ticket, but it was given when he was still welcome.
    assert_eq!(refusal(&bob), Some(revoked));
}

#[test]
fn every_certificate_of_the_chain_must_be_covered_by_a_list() {
    let fixture = Fixture::new();
    let middle = fixture.authority.intermediate("middle");
    let mut issued = middle.issue_client("alice", 1);
    issued.chain.push_str(&middle.pem());
    let client = || client_with(&fixture.authority, &issued);
    let of_root = fixture.authority.revocation_list(&[], 4000);
    let of_middle = middle.revocation_list(&[], 4000);
    fixture.directory.write("root.crl", &of_root);
    fixture.directory.write("both.crl", of_root + &of_middle);
    let keys = |crl| format!("client_auth = {{ mode = 'required', ca = 'ca.pem', crl = {crl} }}");
    let unknown = Error::InvalidCertificate(CertificateError::UnknownRevocationStatus);
    let served = |crl| fixture.shake(&keys(crl), client()).err();
    assert_eq!(served("'root.crl'"), Some(Refusal::Server(unknown)));
    assert_eq!(served("'both.crl'"), None);
}

#[test]
fn tickets_resume_in_both_versions() {
    let fixture = Fixture::new();
    for (keys, resumed) in [
        ("", true),
        ("max_version = '1.2'", true),
        ("tickets = false", false),
        ("tickets = false\nmax_version = '1.2'", false),
    ] {
        let client = Arc::new(fixture.client(|_| ()));
        let policy = fixture.policy(keys);
        assert_eq!(resumes(&client, &policy, &policy), resumed, "{keys}");
    }
}

#[test]
fn a_reload_keeps_the_tickets() {
    let fixture = Fixture::new();
    let client = || Arc::new(fixture.client(|_| ()));
    let before = fixture.tls("", None);
    let after = fixture.tls("alpn = ['h2']", Some(&before));
    let alone = fixture.tls("", None);
    let other = fixture.tls("tickets = { lifetime = '1h' }", Some(&before));
    let policy = |tls: &Tls| tls.listener(0).unwrap();
    assert!(resumes(&client(), &policy(&before), &policy(&after)));
    assert!(!resumes(&client(), &policy(&before), &policy(&alone)));
    assert!(!resumes(&client(), &policy(&before), &policy(&other)));
}

#[test]
fn a_ticket_of_somebody_without_a_certificate_lets_nobody_in() {
    let fixture = Fixture::new();
    let before = fixture.tls("", None);
    let required = "client_auth = { mode = 'required', ca = 'ca.pem' }";
    let after = fixture.tls(required, Some(&before));
    let client = Arc::new(fixture.client(|_| ()));
    shake(&client, &before.listener(0).unwrap().config(), NAME).unwrap();
    let refused = shake(&client, &after.listener(0).unwrap().config(), NAME).err();
    assert_eq!(
        refused,
        Some(Refusal::Server(Error::NoCertificatesPresented))
    );
}

#[test]
fn a_ticket_does_not_outlive_the_client_authority() {
    let fixture = Fixture::new();
    let keys = "client_auth = { mode = 'required', ca = 'ca.pem' }";
    let policy = fixture.policy(keys);
    let issued = fixture.authority.issue_client("alice", 1);
    let client = Arc::new(client_with(&fixture.authority, &issued));
    assert!(resumes(&client, &policy, &policy));
    assert!(refresh(&policy), "nothing changed");
    assert_eq!(kind(&client, &policy), HandshakeKind::Resumed);
    fixture
        .directory
        .write("ca.pem", Authority::new("other").pem());
    assert!(refresh(&policy));
    let unknown = Error::InvalidCertificate(CertificateError::UnknownIssuer);
    let refused = shake(&client, &policy.config(), NAME).err();
    assert_eq!(refused, Some(Refusal::Server(unknown)));
}

#[test]
fn machines_with_the_same_key_file_resume_each_others_sessions() {
    let fixture = Fixture::new();
    let keys = "tickets = { key_file = 'tickets.key', lifetime = '1h' }";
    let [old, new] = ["ab".repeat(32), "cd".repeat(32)];
    fixture.directory.write("tickets.key", &old);
    let one = fixture.policy(keys);
    let other = fixture.policy(keys);
    let client = || Arc::new(fixture.client(|_| ()));
    assert!(resumes(&client(), &one, &other));
    fixture
        .directory
        .write("tickets.key", format!("{new}\n{old}\n"));
    assert!(refresh(&other));
    assert!(resumes(&client(), &one, &other), "the old key still opens");
    assert!(
        !resumes(&client(), &other, &one),
        "the new one is not known there"
    );
    fixture.directory.write("tickets.key", &new);
    assert!(refresh(&other));
    assert!(!resumes(&client(), &one, &other));
}

#[test]
fn what_cannot_be_used_changes_nothing() {
    let fixture = Fixture::new();
    let key = "ab".repeat(32);
    fixture.directory.write("tickets.key", format!("{key}\n"));
    fixture
        .directory
        .write("crl.pem", fixture.authority.revocation_list(&[], 4000));
    let policy = fixture.policy(
        "tickets = { key_file = 'tickets.key' }
        client_auth = { mode = 'required', ca = 'ca.pem', crl = 'crl.pem' }",
    );
    let before = policy.config();
    let reasons = |name: &str, contents: &str| {
        let good = std::fs::read(fixture.directory.path(name)).unwrap();
        fixture.directory.write(name, contents);
        let mut reader = Reader::default();
        assert!(!policy.refresh(&mut reader));
        fixture.directory.write(name, good);
        super::super::testing::reasons(&reader)
            .into_iter()
            .filter(|reason| *reason != Reason::ReadableByOthers)
            .collect::<Vec<_>>()
    };
    let line = format!("{key}\n\n{key}0\n");
    assert_eq!(reasons("tickets.key", &line), [Reason::TicketKeyLine(3)]);
    assert_eq!(reasons("tickets.key", "# none\n"), [Reason::NoTicketKey]);
    assert_eq!(reasons("ca.pem", "nothing"), [Reason::NoCertificate]);
    assert_eq!(reasons("crl.pem", "nothing"), [Reason::NoRevocationList]);
    let garbage = "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n";
    assert!(matches!(
        *reasons("crl.pem", garbage),
        [Reason::BadRevocationList(_)]
    ));
    assert!(Arc::ptr_eq(&before, &policy.config()));
    assert!(refresh(&policy));
}

#[test]
fn doubtful_files_are_told_and_used() {
    use std::{fs, os::unix::fs::PermissionsExt};
    let fixture = Fixture::new();
    fixture.directory.write("tickets.key", "ab".repeat(32));
    let mode = fs::Permissions::from_mode(0o644);
    fs::set_permissions(fixture.directory.path("tickets.key"), mode).unwrap();
    fixture
        .directory
        .write("crl.pem", fixture.authority.revocation_list(&[], 2021));
    let policy = fixture.policy(
        "tickets = { key_file = 'tickets.key' }
        client_auth = { mode = 'required', ca = 'ca.pem', crl = 'crl.pem' }",
    );
    let mut reader = Reader::default();
    assert!(policy.refresh(&mut reader));
    let reasons = super::super::testing::reasons(&reader);
    let [
        Reason::RevocationListOutdated(due),
        Reason::ReadableByOthers,
    ] = &*reasons
    else {
        panic!("{reasons:?}");
    };
    assert_eq!(due.to_string(), "2021-01-01T00:00:00Z");
}

#[test]
fn no_early_data() {
    let fixture = Fixture::new();
    let client = Arc::new(fixture.client(|client| client.enable_early_data = true));
    let policy = fixture.policy("");
    shake(&client, &policy.config(), NAME).unwrap();
    let name = rustls::pki_types::ServerName::try_from(NAME).unwrap();
    let mut second = rustls::ClientConnection::new(client, name).unwrap();
    assert!(second.early_data().is_none());
}

#[test]
fn the_alert_for_no_certificate_reaches_the_client() {
    let fixture = Fixture::new();
    let policy = fixture.policy("client_auth = { mode = 'required', ca = 'ca.pem' }");
    let name = rustls::pki_types::ServerName::try_from(NAME).unwrap();
    let mut client = rustls::ClientConnection::new(Arc::new(fixture.client(|_| ())), name).unwrap();
    let mut server = rustls::ServerConnection::new(policy.config()).unwrap();
    let mut result = Ok(());
    while result.is_ok() {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        server.read_tls(&mut &*bytes).unwrap();
        // Fails in the turn after the client's certificate was asked for.
        let refused = server.process_new_packets();
        let mut bytes = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        client.read_tls(&mut &*bytes).unwrap();
        result = client.process_new_packets().map(drop);
        assert!(refused.is_ok() || result.is_err());
    }
    assert_eq!(
        result,
        Err(Error::AlertReceived(AlertDescription::CertificateRequired))
    );
}
