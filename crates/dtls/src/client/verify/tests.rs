use rcgen::{
    BasicConstraints, CidrSubnet, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair,
    NameConstraints, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256,
};
use rustls_pki_types::UnixTime;

use super::verify;
use crate::client::{
    Fingerprint, Refusal, Trust,
    testing::{AFTER, Authority, BEFORE, Issued, PRESENT, self_signed, server_params, trust},
};

const NAME: &str = "chat.example.org";

/// The verdict on `server` for `name`, at a time when the certificates are valid.
fn check(server: &Issued, trust: &Trust, name: &str) -> Result<(), Refusal> {
    check_at(server, trust, name, PRESENT)
}

fn check_at(server: &Issued, trust: &Trust, name: &str, time: UnixTime) -> Result<(), Refusal> {
    verify(&server.chain, trust, &name.parse().unwrap(), time)
}

fn text(result: Result<(), Refusal>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn a_chain_to_a_trusted_authority() {
    let authority = Authority::new("authority");
    let server = authority.issue(&server_params(&[NAME]));
    check(&server, &authority.trust(), NAME).unwrap();
    check(&server, &authority.trust(), "CHAT.example.org.").unwrap();
}

#[test]
fn intermediates_are_those_that_are_shown() {
    let authority = Authority::new("authority");
    let between = authority.subordinate("between");
    let mut server = between.issue(&server_params(&[NAME]));
    let refused = check(&server, &authority.trust(), NAME);
    assert_eq!(refused, Err(Refusal::UnknownIssuer));
    server.chain.push(between.der.clone());
    check(&server, &authority.trust(), NAME).unwrap();
    // One that leads to nowhere does no harm, nor does rubbish.
    server.chain.insert(1, Authority::new("other").der);
    server.chain.insert(1, b"rubbish".to_vec());
    check(&server, &authority.trust(), NAME).unwrap();
}

#[test]
fn kinds_of_keys() {
    let rsa = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
    let keys = [
        KeyPair::generate_for(&PKCS_ED25519).unwrap(),
        KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap(),
        rsa,
    ];
    for key in keys {
        let authority = Authority::with_key("authority", key);
        let server = authority.issue(&server_params(&[NAME]));
        check(&server, &authority.trust(), NAME).unwrap();
    }
}

#[test]
fn another_authority() {
    let authority = Authority::new("authority");
    let server = authority.issue(&server_params(&[NAME]));
    // One of the same name has another key.
    for other in ["other", "authority"] {
        let result = check(&server, &Authority::new(other).trust(), NAME);
        assert!(
            matches!(result, Err(Refusal::UnknownIssuer | Refusal::BadSignature)),
            "{result:?}"
        );
    }
    let stranger = self_signed(&server_params(&[NAME]));
    let refused = check(&stranger, &authority.trust(), NAME);
    assert_eq!(
        text(refused),
        "the server's certificate is of an authority that is not trusted here: trust its CA, or the certificate itself"
    );
}

#[test]
fn names() {
    let authority = Authority::new("authority");
    let names = [NAME, "*.wild.example.org", "192.0.2.1", "2001:db8::1"];
    let server = authority.issue(&server_params(&names));
    let trust = authority.trust();
    for good in [
        NAME,
        "a.wild.example.org",
        "192.0.2.1",
        "2001:db8::1",
        "[2001:db8::1]",
    ] {
        check(&server, &trust, good).unwrap();
    }
    for bad in [
        "example.org",
        "a.chat.example.org",
        "wild.example.org",
        "a.b.wild.example.org",
        "192.0.2.2",
        "2001:db8::2",
        "::ffff:192.0.2.1",
    ] {
        let refusal = check(&server, &trust, bad).unwrap_err();
        let Refusal::WrongName {
            expected,
            names: presented,
            more: 0,
        } = &refusal
        else {
            panic!("{bad}: {refusal:?}")
        };
        assert_eq!(expected.to_string(), bad);
        assert_eq!(presented, &names);
        assert_eq!(
            refusal.to_string(),
            format!(
                "the server's certificate is not for {bad} but for chat.example.org, *.wild.example.org, 192.0.2.1, \
                 2001:db8::1"
            )
        );
    }
}

#[test]
fn a_name_in_the_subject_alone_counts_for_nothing() {
    let authority = Authority::new("authority");
    let mut params = server_params(&[]);
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, NAME);
    let server = authority.issue(&params);
    assert_eq!(
        text(check(&server, &authority.trust(), NAME)),
        "the server's certificate is not for chat.example.org but for nobody: it has no names (subjectAltName)"
    );
}

#[test]
fn many_names_are_cut() {
    let authority = Authority::new("authority");
    let names: Vec<_> = (0..20).map(|n| format!("n{n}.example.org")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let server = authority.issue(&server_params(&names));
    let text = text(check(&server, &authority.trust(), NAME));
    assert!(text.ends_with("n7.example.org and 12 more"), "{text}");
}

#[test]
fn dates() {
    let authority = Authority::new("authority");
    let issued = authority.issue(&server_params(&[NAME]));
    let own = self_signed(&server_params(&[NAME]));
    let itself = trust([own.chain[0].as_slice()]);
    for (server, trust) in [(&issued, &authority.trust()), (&own, &itself)] {
        check_at(server, trust, NAME, PRESENT).unwrap();
        assert_eq!(
            text(check_at(server, trust, NAME, AFTER)),
            "the server's certificate has expired at 2027-12-31T00:00:00Z"
        );
        assert_eq!(
            text(check_at(server, trust, NAME, BEFORE)),
            "the server's certificate is not valid before 2026-01-01T00:00:00Z: is the clock of this machine right?"
        );
        let end = UnixTime::since_unix_epoch(std::time::Duration::from_secs(u64::MAX));
        check_at(server, trust, NAME, end).unwrap_err();
    }
}

#[test]
fn key_usage() {
    let authority = Authority::new("authority");
    let mut params = server_params(&[NAME]);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let issued = authority.issue(&params);
    let refused = check(&issued, &authority.trust(), NAME);
    assert_eq!(refused, Err(Refusal::NotForServers));
    let own = self_signed(&params);
    let refused = check(&own, &trust([own.chain[0].as_slice()]), NAME);
    assert_eq!(refused, Err(Refusal::NotForServers));
    // Without the extension it is for anything.
    params.extended_key_usages = Vec::new();
    check(&authority.issue(&params), &authority.trust(), NAME).unwrap();
    let own = self_signed(&params);
    check(&own, &trust([own.chain[0].as_slice()]), NAME).unwrap();
}

#[test]
fn a_certificate_trusted_by_itself() {
    let mut params = server_params(&[NAME]);
    // As rcgen does it, as OpenSSL does it without being asked, and of an authority that is not known.
    let plain = self_signed(&params);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = self_signed(&params);
    let issued = Authority::new("unknown").issue(&server_params(&[NAME]));
    for server in [plain, authority, issued] {
        let itself = trust([server.chain[0].as_slice()]);
        check(&server, &itself, NAME).unwrap();
        let refused = check(&server, &itself, "other.example.org");
        assert!(matches!(refused, Err(Refusal::WrongName { .. })));
    }
}

#[test]
fn a_server_trusted_by_itself_vouches_for_no_other() {
    let mut params = server_params(&["its.example.org"]);
    let key = KeyPair::generate().unwrap();
    params.is_ca = IsCa::ExplicitNoCa;
    let der = params.self_signed(&key).unwrap().der().to_vec();
    let issuer = rcgen::Issuer::new(params, key);
    let mut other = server_params(&[NAME]);
    other.use_authority_key_identifier_extension = false;
    let key = KeyPair::generate().unwrap();
    let forged = other.signed_by(&key, &issuer).unwrap().der().to_vec();
    let server = Issued {
        chain: vec![forged],
        pkcs8: Vec::new(),
    };
    let refused = check(&server, &trust([der.as_slice()]), NAME);
    assert_eq!(refused, Err(Refusal::UnknownIssuer));
}

#[test]
fn an_authority_as_server_needs_trust_of_its_own() {
    let authority = Authority::new("authority");
    let mut params = server_params(&[NAME]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let server = authority.issue(&params);
    let refused = check(&server, &authority.trust(), NAME);
    assert_eq!(refused, Err(Refusal::IsAuthority));
}

#[test]
fn who_is_no_authority_signs_nothing() {
    let authority = Authority::new("authority");
    let key = KeyPair::generate().unwrap();
    let mut params = server_params(&["between.example.org"]);
    params.is_ca = IsCa::ExplicitNoCa;
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "between");
    let between = authority.issue_with(&params, &key);
    let issuer = rcgen::Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let leaf = server_params(&[NAME]).signed_by(&key, &issuer).unwrap();
    let server = Issued {
        chain: vec![leaf.der().to_vec(), between],
        pkcs8: Vec::new(),
    };
    let refused = check(&server, &authority.trust(), NAME);
    assert_eq!(refused, Err(Refusal::SignedByNoAuthority));
}

#[test]
fn an_authority_with_bounds() {
    let mut params = crate::client::testing::authority_params("bounded");
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName("example.net".into()),
            GeneralSubtree::IpAddress(CidrSubnet::V4([10, 0, 0, 0], [255, 0, 0, 0])),
        ],
        excluded_subtrees: Vec::new(),
    });
    let authority = Authority::with_params(params, KeyPair::generate().unwrap());
    let inside = authority.issue(&server_params(&["a.example.net"]));
    check(&inside, &authority.trust(), "a.example.net").unwrap();
    let outside = authority.issue(&server_params(&[NAME]));
    let refused = check(&outside, &authority.trust(), NAME);
    assert_eq!(refused, Err(Refusal::Constrained));
}

#[test]
fn a_signature_that_is_wrong() {
    let authority = Authority::new("authority");
    let mut server = authority.issue(&server_params(&[NAME]));
    // The last byte of the signature.
    *server.chain[0].last_mut().unwrap() ^= 1;
    let refused = check(&server, &authority.trust(), NAME);
    assert_eq!(refused, Err(Refusal::BadSignature));
}

#[test]
fn a_pin_replaces_everything() {
    let server = self_signed(&server_params(&["elsewhere.example.org"]));
    let presented = Fingerprint::of(&server.chain[0]);
    let pin = Trust::Fingerprint(presented);
    for time in [BEFORE, PRESENT, AFTER] {
        check_at(&server, &pin, NAME, time).unwrap();
    }
    let expected = Fingerprint([0xab; 32]);
    let refused = check(&server, &Trust::Fingerprint(expected), NAME);
    assert_eq!(
        text(refused),
        format!("the server's certificate has the fingerprint {presented}, not {expected}")
    );
    // It is the server's own that counts, not one that it shows as well.
    let mut other = self_signed(&server_params(&[NAME]));
    other.chain.push(server.chain[0].clone());
    check(&other, &pin, NAME).unwrap_err();
}

#[test]
fn insecure_takes_anybody_who_shows_something() {
    let server = self_signed(&server_params(&["elsewhere.example.org"]));
    check_at(&server, &Trust::Insecure, NAME, AFTER).unwrap();
}

#[test]
fn no_certificate() {
    let authority = Authority::new("authority");
    let pin = Trust::Fingerprint(Fingerprint([0; 32]));
    for trust in [authority.trust(), pin, Trust::Insecure] {
        let result = verify(&[], &trust, &NAME.parse().unwrap(), PRESENT);
        assert_eq!(result, Err(Refusal::NoCertificate));
    }
}

#[test]
fn damaged_certificates_are_refused() {
    let authority = Authority::new("authority");
    let server = authority.issue(&server_params(&[NAME]));
    let own = self_signed(&server_params(&[NAME]));
    for (server, trust) in [
        (&server, authority.trust()),
        (&own, trust([own.chain[0].as_slice()])),
    ] {
        let good = &server.chain[0];
        for at in 0..good.len() {
            let cut = Issued {
                chain: vec![good[..at].to_vec()],
                pkcs8: Vec::new(),
            };
            check(&cut, &trust, NAME).unwrap_err();
            let mut bent = good.clone();
            bent[at] ^= 0x40;
            let bent = Issued {
                chain: vec![bent],
                pkcs8: Vec::new(),
            };
            let refusal = check(&bent, &trust, NAME).unwrap_err();
            assert!(!refusal.to_string().is_empty());
        }
    }
}
