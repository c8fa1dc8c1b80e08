use std::sync::Arc;

use rcgen::{KeyPair, PKCS_ED25519};
use rustls::SignatureScheme;

use super::{
    super::testing::{Authority, Directory, Issued, client, shake},
    *,
};

const EC: &[SignatureScheme] = &[SignatureScheme::ECDSA_NISTP256_SHA256];
const RSA: &[SignatureScheme] = &[SignatureScheme::RSA_PSS_SHA256];

struct Fixture {
    authority: Authority,
    directory: Directory,
}

impl Fixture {
    fn new() -> Self {
        Self {
            authority: Authority::new("authority"),
            directory: Directory::new(),
        }
    }

    fn table(&self, certificates: &[(&str, Issued)]) -> Table {
        let mut sources = Vec::new();
        let mut pairs = Vec::new();
        for (name, issued) in certificates {
            self.directory.write_pair(name, issued);
            let source = self.directory.certificate(name);
            let pair = Pair::load(&source, Role::Server, &mut Reader::default());
            pairs.push(Arc::new(pair.unwrap()));
            sources.push(source);
        }
        Table::new(sources, pairs)
    }

    /// The name of the certificate that is chosen.
    fn choose(
        &self,
        table: &Table,
        name: Option<&str>,
        schemes: &[SignatureScheme],
        strict: bool,
    ) -> Option<String> {
        let pair = table.choose(name, schemes, strict)?;
        let path = std::path::Path::new(&pair.label);
        Some(path.file_stem().unwrap().to_str().unwrap().to_owned())
    }
}

#[test]
fn the_name_decides() {
    let fixture = Fixture::new();
    let issue = |names| fixture.authority.issue(names);
    let table = fixture.table(&[
        ("default", issue(&["Default.example.org"])),
        ("wildcard", issue(&["*.example.net", "example.net"])),
        ("exact", issue(&["chat.example.net"])),
    ]);
    for (name, chosen, has) in [
        (Some("default.example.org"), "default", true),
        (Some("DEFAULT.example.org."), "default", true),
        (Some("chat.example.net"), "exact", true),
        (Some("CHAT.EXAMPLE.NET"), "exact", true),
        (Some("other.example.net"), "wildcard", true),
        (Some("example.net"), "wildcard", true),
        (Some("a.b.example.net"), "default", false),
        (Some(".example.net"), "default", false),
        (Some("*.example.net"), "wildcard", true),
        (Some("example.org"), "default", false),
        (Some(""), "default", false),
        (None, "default", false),
    ] {
        let given = fixture.choose(&table, name, EC, false);
        assert_eq!(given.as_deref(), Some(chosen), "{name:?}");
        assert_eq!(name.is_some_and(|name| table.has(name)), has, "{name:?}");
        let strict = fixture.choose(&table, name, EC, true);
        assert_eq!(strict.as_deref(), has.then_some(chosen), "{name:?}, strict");
    }
}

#[test]
fn the_first_key_that_the_client_can_verify_is_taken() {
    let fixture = Fixture::new();
    let names = &["chat.example.org"];
    let table = fixture.table(&[
        ("ec", fixture.authority.issue(names)),
        ("rsa", fixture.authority.issue_rsa(names)),
    ]);
    let both = [RSA, EC].concat();
    for (schemes, chosen) in [
        (EC, Some("ec")),
        (RSA, Some("rsa")),
        (&both, Some("ec")),
        // None suits, and the handshake will say so.
        (&[], Some("ec")),
    ] {
        for name in [Some("chat.example.org"), Some("unknown.example.org"), None] {
            let given = fixture.choose(&table, name, schemes, false);
            assert_eq!(given.as_deref(), chosen, "{name:?} {schemes:?}");
        }
    }
}

#[test]
fn a_certificate_of_another_name_is_no_substitute() {
    let fixture = Fixture::new();
    let table = fixture.table(&[
        ("rsa", fixture.authority.issue_rsa(&["mail.example.org"])),
        ("ec", fixture.authority.issue(&["chat.example.org"])),
    ]);
    assert_eq!(
        fixture
            .choose(&table, Some("chat.example.org"), RSA, false)
            .as_deref(),
        Some("ec")
    );
}

#[test]
fn a_wildcard_stands_in_when_the_exact_one_does_not_suit() {
    let fixture = Fixture::new();
    let table = fixture.table(&[
        ("exact", fixture.authority.issue(&["chat.example.org"])),
        ("wildcard", fixture.authority.issue_rsa(&["*.example.org"])),
    ]);
    let chosen = fixture.choose(&table, Some("chat.example.org"), RSA, true);
    assert_eq!(chosen.as_deref(), Some("wildcard"));
}

#[test]
fn algorithms_have_the_names_of_openssl() {
    let fixture = Fixture::new();
    let ed25519 = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let itself = |key: &KeyPair| {
        let params = rcgen::CertificateParams::new(["a.example.org".to_owned()]).unwrap();
        Issued {
            chain: params.self_signed(key).unwrap().pem(),
            key: key.serialize_pem(),
        }
    };
    let rsa = KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let p384 = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    for (issued, signature, key) in [
        (
            fixture.authority.issue(&["a.example.org"]),
            "ecdsa-with-SHA256",
            Some("EC256"),
        ),
        (
            fixture.authority.issue_rsa(&["a.example.org"]),
            "ecdsa-with-SHA256",
            Some("RSA2048"),
        ),
        (itself(&rsa), "RSA-SHA256", Some("RSA2048")),
        (itself(&p384), "ecdsa-with-SHA384", Some("EC384")),
        (itself(&ed25519), "ED25519", None),
    ] {
        let table = fixture.table(&[("a", issued)]);
        let details = table.index.load().pairs[0].details.clone();
        assert_eq!(details.signature_algorithm, signature);
        assert_eq!(details.key_algorithm.as_deref(), key);
    }
}

#[test]
fn the_chosen_certificate_is_told_once() {
    let fixture = Fixture::new();
    fixture
        .directory
        .write_pair("a", &fixture.authority.issue(&["a.example.org"]));
    let tls = fixture.directory.load(
        "[[certificate]]
        chain = 'a.pem'
        key = 'a.key'
        [[listener]]
        name = 'c2s'
        bind = '127.0.0.1:1'
        service = 'c2s'
        tls = { mode = 'terminate' }
        [service.c2s]
        upstreams = ['127.0.0.1:2']",
        None,
    );
    assert!(take_chosen().is_none());
    let client = Arc::new(client(&fixture.authority));
    shake(&client, &tls.listener(0).unwrap().config(), "a.example.org").unwrap();
    let chosen = take_chosen().unwrap();
    assert_eq!(chosen.signature_algorithm(), "ecdsa-with-SHA256");
    assert_eq!(chosen.key_algorithm(), Some("EC256"));
    assert!(take_chosen().is_none());
}

#[test]
fn the_common_name_is_the_last_one() {
    let authority = Authority::new("authority");
    let issued = authority.issue_client("alice", 1);
    let der = rustls::pki_types::pem::PemObject::from_pem_slice(issued.chain.as_bytes()).unwrap();
    assert_eq!(common_name(&der).as_deref(), Some("alice"));
    assert_eq!(
        common_name(&rustls::pki_types::CertificateDer::from(vec![0x30, 0])),
        None
    );
}
