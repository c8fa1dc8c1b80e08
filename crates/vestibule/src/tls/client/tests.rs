use rustls::{CertificateError, Error, HandshakeKind, ServerConfig};

use super::{
    super::HandshakeError,
    super::testing::{Authority, Directory, Refusal, Shaken, shake},
    *,
};

const NAME: &str = "xmpp.internal";

struct Fixture {
    authority: Authority,
    directory: Directory,
    server: Arc<ServerConfig>,
}

impl Fixture {
    /// A server for [`NAME`] with these keys of `[listener.tls]`.
    fn new(keys: &str) -> Self {
        let (authority, directory) = (Authority::new("authority"), Directory::new());
        directory.write_pair("a", &authority.issue(&[NAME]));
        directory.write_pair("client", &authority.issue_client("vestibule", 1));
        directory.write("ca.pem", authority.pem());
        directory.write("other.pem", Authority::new("other").pem());
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
        let server = directory.load(&text, None).listener(0).unwrap().config();
        Self {
            authority,
            directory,
            server,
        }
    }

    /// A service with this table as `tls`.
    fn policy(&self, tls: &str) -> Arc<ClientPolicy> {
        let text = format!(
            "[[listener]]
            name = 'c2s'
            bind = '127.0.0.1:1'
            service = 'c2s'
            [service.c2s]
            upstreams = ['{NAME}:2']
            tls = {tls}"
        );
        self.directory.load(&text, None).service(0).unwrap()
    }

    fn shake(&self, policy: &ClientPolicy, name: &str) -> Result<Shaken, Refusal> {
        shake(&policy.config(), &self.server, name)
    }
}

fn invalid(error: CertificateError) -> Option<Refusal> {
    Some(Refusal::Client(Error::InvalidCertificate(error)))
}

#[test]
fn only_our_authority_is_believed() {
    let fixture = Fixture::new("");
    let good = fixture.policy("{ ca = 'ca.pem' }");
    assert_eq!(fixture.shake(&good, NAME).err(), None);
    let other = fixture.policy("{ ca = 'other.pem' }");
    let refused = fixture.shake(&other, NAME).err();
    assert_eq!(refused, invalid(CertificateError::UnknownIssuer));
    let refused = fixture.shake(&good, "elsewhere.internal").err();
    assert!(
        matches!(
            refused,
            Some(Refusal::Client(Error::InvalidCertificate(
                CertificateError::NotValidForNameContext { .. }
            )))
        ),
        "{refused:?}"
    );
}

#[test]
fn the_certificate_of_an_authority_is_told_by_name() {
    let fixture = Fixture::new("");
    let ca = |params: &mut rcgen::CertificateParams| {
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    };
    let key = rcgen::KeyPair::generate().unwrap();
    let issued = fixture.authority.issue_with(&key, &[NAME], ca);
    fixture.directory.write_pair("a", &issued);
    let tls = "[listener.tls]\nmode = 'terminate'";
    let text = format!(
        "[[certificate]]\nchain = 'a.pem'\nkey = 'a.key'\n[[listener]]\nname = 'c2s'
        bind = '127.0.0.1:1'\nservice = 'c2s'\n{tls}\n[service.c2s]\nupstreams = ['127.0.0.1:2']"
    );
    let loaded = fixture.directory.load(&text, None);
    let server = loaded.listener(0).unwrap().config();
    let policy = fixture.policy("{ ca = 'ca.pem' }");
    let Err(Refusal::Client(error)) = shake(&policy.config(), &server, NAME) else {
        panic!("it is believed");
    };
    let told = HandshakeError::Tls(error).to_string();
    assert!(told.contains("is that of a CA"), "{told}");
}

#[test]
fn without_verification_anybody_is_believed() {
    for keys in ["", "max_version = '1.2'"] {
        let fixture = Fixture::new(keys);
        let policy = fixture.policy("{ verify = false }");
        assert_eq!(fixture.shake(&policy, "127.0.0.1").err(), None);
    }
}

#[test]
fn the_authorities_of_the_system_do_not_know_ours() {
    let Some(roots) = system_roots() else { return };
    assert!(Arc::ptr_eq(&roots, &system_roots().unwrap()), "read once");
    let fixture = Fixture::new("");
    let refused = fixture.shake(&fixture.policy("true"), NAME).err();
    assert_eq!(refused, invalid(CertificateError::UnknownIssuer));
}

#[test]
fn our_certificate_is_shown() {
    let fixture = Fixture::new("client_auth = { mode = 'required', ca = 'ca.pem' }");
    let with = fixture
        .policy("{ ca = 'ca.pem', certificate = { chain = 'client.pem', key = 'client.key' } }");
    let shaken = fixture.shake(&with, NAME).unwrap();
    let shown = shaken.server.peer_certificates().unwrap();
    let name = super::super::certificates::common_name(&shown[0]);
    assert_eq!(name.as_deref(), Some("vestibule"));
    let without = fixture.policy("{ ca = 'ca.pem' }");
    let refused = fixture.shake(&without, NAME).err();
    assert_eq!(
        refused,
        Some(Refusal::Server(Error::NoCertificatesPresented))
    );
}

#[test]
fn the_server_name_is_sent_unless_it_shall_not() {
    let fixture = Fixture::new("");
    let name = |policy: &ClientPolicy| {
        let shaken = fixture.shake(policy, NAME).unwrap();
        shaken.server.server_name().map(str::to_owned)
    };
    assert_eq!(
        name(&fixture.policy("{ ca = 'ca.pem' }")).as_deref(),
        Some(NAME)
    );
    assert_eq!(
        name(&fixture.policy("{ ca = 'ca.pem', sni = false }")),
        None
    );
}

#[test]
fn the_name_that_the_certificate_must_have() {
    let fixture = Fixture::new("");
    let name = |tls, target| {
        let name = fixture.policy(tls).server_name(target)?;
        Some(name.to_str().into_owned())
    };
    let (own, set) = (
        "{ ca = 'ca.pem' }",
        "{ ca = 'ca.pem', server_name = 'b.internal' }",
    );
    assert_eq!(name(own, "a.internal").as_deref(), Some("a.internal"));
    assert_eq!(name(own, "a.internal.").as_deref(), Some("a.internal"));
    assert_eq!(name(own, "192.0.2.1").as_deref(), Some("192.0.2.1"));
    assert_eq!(name(own, "2001:db8::1").as_deref(), Some("2001:db8::1"));
    assert_eq!(name(own, "not a name"), None);
    assert_eq!(name(set, "a.internal").as_deref(), Some("b.internal"));
}

#[test]
fn protocols_are_forwarded_or_set() {
    let fixture = Fixture::new("");
    let forward = fixture.policy("{ ca = 'ca.pem' }");
    assert_eq!(forward.alpn(Some(b"h2")), [b"h2"]);
    assert!(forward.alpn(None).is_empty());
    let set = fixture.policy("{ ca = 'ca.pem', alpn = ['xmpp-client'] }");
    assert_eq!(set.alpn(Some(b"h2")), [b"xmpp-client"]);
    assert_eq!(set.alpn(None), [b"xmpp-client"]);
}

#[test]
fn parameters_are_independent_of_the_other_leg() {
    let fixture = Fixture::new("max_version = '1.2'");
    let policy = fixture.policy("{ ca = 'ca.pem', min_version = '1.3' }");
    assert!(fixture.shake(&policy, NAME).is_err());
    let policy = fixture.policy("{ ca = 'ca.pem', max_version = '1.2' }");
    assert_eq!(fixture.shake(&policy, NAME).err(), None);
}

#[test]
fn sessions_are_resumed_until_the_files_change() {
    let fixture = Fixture::new("");
    let policy = fixture.policy("{ ca = 'ca.pem' }");
    let kind = || {
        fixture
            .shake(&policy, NAME)
            .unwrap()
            .client
            .handshake_kind()
    };
    assert_ne!(kind(), Some(HandshakeKind::Resumed));
    assert_eq!(kind(), Some(HandshakeKind::Resumed));
    fixture.directory.write("ca.pem", "nothing");
    assert!(!policy.refresh(&mut Reader::default()));
    assert_eq!(kind(), Some(HandshakeKind::Resumed), "the old ones stay");
    fixture
        .directory
        .write("ca.pem", Authority::new("other").pem());
    assert!(policy.refresh(&mut Reader::default()));
    let refused = fixture.shake(&policy, NAME).err();
    assert_eq!(refused, invalid(CertificateError::UnknownIssuer));
    fixture.directory.write("ca.pem", fixture.authority.pem());
    assert!(policy.refresh(&mut Reader::default()));
    assert_eq!(fixture.shake(&policy, NAME).err(), None);
}
