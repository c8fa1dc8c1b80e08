use super::{Fingerprint, FingerprintError, Roots, RootsError, Trust};
use crate::client::testing::{Authority, self_signed, server_params};

#[test]
fn the_digest_tells_trusts_apart() {
    let (one, two) = (Authority::new("one"), Authority::new("two"));
    let roots = |certificates: &[&Authority]| {
        let ders = certificates.iter().map(|it| it.der.as_slice());
        Trust::Roots(Roots::new(ders).unwrap().into())
    };
    let trusts = [
        roots(&[&one]),
        roots(&[&two]),
        roots(&[&one, &two]),
        Trust::Fingerprint(Fingerprint::of(&one.der)),
        Trust::Fingerprint(Fingerprint::of(&two.der)),
        Trust::Insecure,
    ];
    for (at, one) in trusts.iter().enumerate() {
        for (other_at, other) in trusts.iter().enumerate() {
            assert_eq!(one.digest() == other.digest(), at == other_at);
        }
    }
    // Neither order nor repetition matters.
    let again = roots(&[&two, &one, &two]);
    assert_eq!(again.digest(), trusts[2].digest());
}

#[test]
fn roots_that_cannot_be_read() {
    let authority = Authority::new("authority");
    let both = [authority.der.as_slice(), b"rubbish"];
    let error = Roots::new(both).unwrap_err();
    assert_eq!(error, RootsError::NotACertificate { at: 1 });
    assert_eq!(error.to_string(), "trusted certificate 2 cannot be read");
    assert_eq!(Roots::new([]).unwrap_err(), RootsError::Empty);

    let roots = Roots::parsable(both).unwrap();
    assert_eq!((roots.len(), roots.is_empty()), (1, false));
    let none = Roots::parsable([b"rubbish".as_slice()]).unwrap_err();
    assert_eq!(none, RootsError::Empty);
}

#[test]
fn only_authorities_are_anchors() {
    let authority = Authority::new("authority");
    let server = self_signed(&server_params(&["chat.example.org"]));
    let roots = Roots::new([authority.der.as_slice(), &server.chain[0]]).unwrap();
    assert_eq!((roots.len(), roots.anchors.len()), (2, 1));
    assert!(roots.contains(&server.chain[0]) && roots.contains(&authority.der));
    assert_eq!(format!("{roots:?}"), "Roots(2)");
}

#[test]
fn fingerprints_as_openssl_writes_them() {
    let fingerprint = Fingerprint::of(b"abc");
    let text = "BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD";
    assert_eq!(fingerprint.to_string(), text);
    assert_eq!(format!("{fingerprint:?}"), text);
    for good in [
        text.to_owned(),
        text.to_lowercase(),
        text.replace(':', ""),
        text.replace(':', "").to_lowercase(),
    ] {
        assert_eq!(good.parse(), Ok(fingerprint), "{good}");
    }
    for at in 0..text.len() {
        let bad = &text[..at];
        assert_eq!(bad.parse::<Fingerprint>(), Err(FingerprintError), "{bad}");
        let mut bad = text.to_owned();
        bad.replace_range(at..=at, "x");
        assert_eq!(bad.parse::<Fingerprint>(), Err(FingerprintError), "{bad}");
    }
    for bad in [
        format!("{text}:"),
        format!("{text}:00"),
        format!("{}00", text.replace(':', "")),
        format!(" {text}"),
        text.replacen(':', "", 1),
        text.replace(':', "-"),
        "ä".repeat(32),
        "+1".repeat(32),
    ] {
        assert_eq!(bad.parse::<Fingerprint>(), Err(FingerprintError), "{bad}");
    }
}
