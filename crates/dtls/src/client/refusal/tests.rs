use rustls_pki_types::UnixTime;
use webpki::Error;

use super::{MAX_NAME, Refusal, address, printable};

#[test]
fn reasons_of_webpki() {
    let time = |seconds| UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    let over = Error::CertExpired {
        time: time(2),
        not_after: time(1),
    };
    let early = Error::CertNotValidYet {
        time: time(1),
        not_before: time(u64::MAX),
    };
    for (error, refusal) in [
        (over, Refusal::Expired { since: 1 }),
        (early, Refusal::NotYetValid { from: i64::MAX }),
        (Error::UnknownIssuer, Refusal::UnknownIssuer),
        (Error::EmptyEkuExtension, Refusal::NotForServers),
        (Error::CaUsedAsEndEntity, Refusal::IsAuthority),
        (Error::EndEntityUsedAsCa, Refusal::SignedByNoAuthority),
        (Error::InvalidSignatureForPublicKey, Refusal::BadSignature),
        (Error::SignatureAlgorithmMismatch, Refusal::BadSignature),
        (Error::PathLenConstraintViolated, Refusal::Constrained),
        (Error::UnsupportedCertVersion, Refusal::Unsupported),
        (Error::UnsupportedCriticalExtension, Refusal::Unsupported),
        (Error::MaximumPathBuildCallsExceeded, Refusal::TooComplex),
        (Error::MaximumSignatureChecksExceeded, Refusal::TooComplex),
        (Error::BadDer, Refusal::Malformed),
        (Error::BadDerTime, Refusal::Malformed),
        (Error::MalformedExtensions, Refusal::Malformed),
    ] {
        assert_eq!(Refusal::of_chain(&error), refusal, "{error:?}");
        assert!(refusal.to_string().contains("the server's certificate"));
    }
}

#[test]
fn times_beyond_the_calendar_are_numbers() {
    let refusal = Refusal::Expired { since: i64::MAX };
    let text = "the server's certificate has expired at 9223372036854775807";
    assert_eq!(refusal.to_string(), text);
}

#[test]
fn names_are_shown_without_what_a_terminal_obeys() {
    assert_eq!(printable("*.example.org"), "*.example.org");
    assert_eq!(printable("a\x1b[2J\nb ü"), "a?[2J?b??");
    assert_eq!(printable(&"a".repeat(1000)).len(), MAX_NAME);
}

#[test]
fn addresses_are_of_four_or_sixteen_bytes() {
    assert_eq!(address(&[192, 0, 2, 1]).as_deref(), Some("192.0.2.1"));
    let mut bytes = [0; 16];
    bytes[15] = 1;
    assert_eq!(address(&bytes).as_deref(), Some("::1"));
    for length in [0, 1, 3, 5, 15, 17, 32] {
        assert_eq!(address(&vec![0; length]), None);
    }
}
