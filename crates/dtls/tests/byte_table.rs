//! What DTLS costs on the air, in bytes of UDP payload and of IPv4.
//!
//! `cargo test -p vestibule-dtls --test byte_table -- --nocapture` prints the table.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CrlDistributionPoint, CustomExtension, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use vestibule_dtls::{
    Identity, Session,
    session::{MAX_DATAGRAM, Version},
    stack::{ClientSettings, Offer},
    vectors::{
        Kind, NAME, Pair, Tally, certificate_key, client_settings, self_signed, server_settings,
    },
};

/// The length of the leaf that the limits are for.
const LEAF: usize = 415;

/// The message that sends `Hello World`, and its answer, as the byte table of `vestibule-lowband` has them.
const SEND: usize = 94;
const SENT: usize = 57;

/// The headers of IPv4 and UDP.
const HEADERS: usize = 28;

/// How often a handshake is done: signatures differ by two bytes, and the longest counts.
const TIMES: usize = 40;

/// Longer than the pause after which acknowledgements are sent, and than the first timeout.
const LONG: Duration = Duration::from_secs(5);

/// How a client connects.
struct Way {
    name: &'static str,
    version: Version,
    offer: Offer,
}

const WAYS: [Way; 4] = [
    Way {
        name: "1.2, AES-GCM, without CID",
        version: Version::Dtls12,
        offer: Offer {
            suites: &[0xc02b],
            connection_id: false,
            p256: false,
        },
    },
    Way {
        name: "1.2, AES-GCM, with CID",
        version: Version::Dtls12,
        offer: Offer {
            suites: &[0xc02b],
            connection_id: true,
            p256: false,
        },
    },
    Way {
        name: "1.2, ChaCha20, with CID",
        version: Version::Dtls12,
        offer: Offer {
            suites: &[0xcca9, 0xc02b],
            connection_id: true,
            p256: false,
        },
    },
    Way {
        name: "1.3, AES-GCM, with CID",
        version: Version::Dtls13,
        offer: Offer {
            suites: &[0x1301, 0x1303],
            connection_id: true,
            p256: false,
        },
    },
];

/// What one connection costs.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    up: Tally,
    down: Tally,
}

impl Cost {
    fn of(pair: &Pair) -> Self {
        Self {
            up: pair.up,
            down: pair.down,
        }
    }

    fn bytes(self) -> usize {
        self.up.bytes + self.down.bytes
    }

    fn datagrams(self) -> usize {
        self.up.datagrams + self.down.datagrams
    }

    fn ipv4(self) -> usize {
        self.bytes() + HEADERS * self.datagrams()
    }

    fn print(self, name: &str) {
        println!(
            "  {name:<26} {:>5} bytes in {} datagrams ({} up in {}, {} down in {}), {} with IPv4",
            self.bytes(),
            self.datagrams(),
            self.up.bytes,
            self.up.datagrams,
            self.down.bytes,
            self.down.datagrams,
            self.ipv4(),
        );
    }
}

#[test]
fn bytes_on_the_air() {
    let small = small_identity();
    println!("leaf of {LEAF} bytes:");
    for way in &WAYS {
        let (full, mut pair) = full(&small, way);
        println!("{}", way.name);
        full.print("full");
        let settings = ClientSettings {
            session: pair.client.take_resumption(),
            ..client_settings(way.version)
        };
        let (up, down) = one_send(&mut pair);
        let close = close(&mut pair);
        let resumed = resumed(&mut pair, way, &settings, false);
        resumed.print("resumed");
        let skipped = match way.version {
            Version::Dtls12 => resumed,
            Version::Dtls13 => resumed_without_cookie(&mut pair, way, &settings),
        };
        println!("  one send, {SEND} and {SENT}        {up} up, {down} down");
        let ipv4 = (up + HEADERS, down + HEADERS);
        println!(
            "  with IPv4                  {} up, {} down",
            ipv4.0, ipv4.1
        );
        println!("  close_notify               {close} down");

        assert!(full.datagrams() <= 7);
        let (limit, limit_resumed) = match way.version {
            Version::Dtls12 => (1460, 940),
            Version::Dtls13 => (1740, 890),
        };
        assert!(full.bytes() <= limit, "{full:?}");
        assert!(skipped.bytes() <= limit_resumed, "{skipped:?}");
        let limits = match way.name {
            "1.2, AES-GCM, without CID" => (131, 94),
            "1.2, AES-GCM, with CID" => (136, 94),
            "1.2, ChaCha20, with CID" => (128, 86),
            _ => (120, 79),
        };
        assert!(up <= limits.0 && down <= limits.1, "{up} {down}");
    }

    let public = public_identity();
    let lengths: Vec<usize> = public.chain().iter().map(Vec::len).collect();
    println!("chain of a public authority, {lengths:?} bytes:");
    for way in &WAYS {
        full(&public, way).0.print(way.name);
    }
}

/// The dearest of many full handshakes, and the association that came of the last.
fn full(identity: &Identity, way: &Way) -> (Cost, Pair) {
    let settings = client_settings(way.version);
    let mut pair = Pair::new(&server_settings(identity), &settings);
    let mut dearest = Cost::default();
    for _ in 0..TIMES {
        pair.reconnect_offering(&settings, &way.offer);
        pair.run(LONG);
        assert!(pair.is_established());
        assert_eq!(pair.replies, 1);
        assert!(pair.sent.iter().all(|sent| sent.1.len() <= MAX_DATAGRAM));
        let agreement = pair.client.agreement().expect("established");
        assert_eq!(agreement.suite, way.offer.suites[0]);
        let cost = Cost::of(&pair);
        if cost.bytes() > dearest.bytes() {
            dearest = cost;
        }
    }
    (dearest, pair)
}

fn resumed(pair: &mut Pair, way: &Way, settings: &ClientSettings, skip_cookie: bool) -> Cost {
    assert!(settings.session.is_some());
    pair.reconnect_offering(settings, &way.offer);
    pair.skip_cookie = skip_cookie;
    pair.run(LONG);
    assert!(pair.is_established());
    assert!(pair.client.agreement().expect("established").resumed);
    assert_eq!(pair.replies, usize::from(!skip_cookie));
    Cost::of(pair)
}

fn resumed_without_cookie(pair: &mut Pair, way: &Way, settings: &ClientSettings) -> Cost {
    let cost = resumed(pair, way, settings, true);
    cost.print("resumed, no cookie");
    cost
}

/// Bytes up and down of one exchange.
fn one_send(pair: &mut Pair) -> (usize, usize) {
    pair.forget();
    pair.client.send(&[0x55; SEND]).expect("sent");
    pair.exchange();
    let server = pair.server.as_mut().expect("a session");
    server.send(&[0x66; SENT]).expect("sent");
    pair.run(LONG);
    let cost = Cost::of(pair);
    assert_eq!((cost.up.datagrams, cost.down.datagrams), (1, 1));
    assert_eq!((pair.at_server.len(), pair.at_client.len()), (1, 1));
    (cost.up.bytes, cost.down.bytes)
}

fn close(pair: &mut Pair) -> usize {
    pair.forget();
    pair.server.as_mut().expect("a session").close();
    pair.run(LONG);
    assert!(pair.client.is_closed_by_peer());
    pair.down.bytes
}

/// An identity whose certificate has [`LEAF`] bytes.
fn small_identity() -> Identity {
    let key = certificate_key(Kind::P256);
    for padding in (0..200).cycle() {
        // Its own signature differs by two bytes, too.
        let certificate = self_signed(&key, padding);
        if certificate.len() == LEAF {
            return Identity::new(vec![certificate], &key.serialize_der()).expect("an identity");
        }
    }
    unreachable!("there is always another one");
}

/// An identity with a certificate and an intermediate of the sizes that public authorities have: ECDSA throughout,
/// two timestamps of logs, and addresses for status and policies.
fn public_identity() -> Identity {
    let issuer = |name: &str| {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CountryName, "US");
        let organization = "Internet Trust Research Group";
        params
            .distinguished_name
            .push(DnType::OrganizationName, organization);
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
    };
    let addresses = |params: &mut CertificateParams, host: &str| {
        let crl = format!("http://{host}.c.example.org/");
        params.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![crl] }];
        params.use_authority_key_identifier_extension = true;
        let access = vec![0; 40];
        let policies = vec![0; 12];
        params.custom_extensions = vec![
            CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], access),
            CustomExtension::from_oid_content(&[2, 5, 29, 32], policies),
        ];
    };
    let (root_key, middle_key) = (certificate_key(Kind::P384), certificate_key(Kind::P384));
    let root = Issuer::new(issuer("Root X2"), root_key);
    let mut middle = issuer("E7");
    addresses(&mut middle, "x2");
    let middle_certificate = middle.signed_by(&middle_key, &root).expect("a certificate");
    let middle: Issuer<'_, KeyPair> = Issuer::new(middle, middle_key);

    let key = certificate_key(Kind::P256);
    let mut leaf = CertificateParams::new(vec![NAME.to_owned()]).expect("a name");
    leaf.distinguished_name = DistinguishedName::new();
    leaf.distinguished_name.push(DnType::CommonName, NAME);
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    addresses(&mut leaf, "e7");
    // Two timestamps of 119 bytes (RFC 6962 section 3.2).
    let timestamps =
        CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 11129, 2, 4, 2], vec![0; 244]);
    leaf.custom_extensions.push(timestamps);
    let leaf = leaf.signed_by(&key, &middle).expect("a certificate");
    let chain = vec![leaf.der().to_vec(), middle_certificate.der().to_vec()];
    Identity::new(chain, &key.serialize_der()).expect("an identity")
}
