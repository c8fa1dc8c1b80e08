use super::{cipher_suite, group, protocol, show_protocol, show_version, version};
use crate::{CipherSuite, Group, TlsVersion, diagnostic::Problem};

fn help<T: std::fmt::Debug>(read: Result<T, Problem>) -> String {
    read.unwrap_err().help.unwrap_or_default()
}

#[test]
fn versions_are_read_or_explained() {
    for text in ["1.2", "1.3"] {
        assert_eq!(show_version(version(text).unwrap()), text);
    }
    assert!(TlsVersion::V1_2 < TlsVersion::V1_3);
    for text in ["TLSv1.3", "TLS 1.3", "tls1_3", "TLSv1_3"] {
        assert_eq!(help(version(text)), "write `1.3`", "{text}");
    }
    for text in ["1.0", "1.1", "TLSv1", "SSLv3", "", "1.4"] {
        assert!(help(version(text)).contains("RFC 8996"), "{text}");
    }
}

#[test]
fn suites_have_two_names() {
    for suite in CipherSuite::ALL {
        assert_eq!(cipher_suite(suite.name()), Ok(suite));
        assert_eq!(cipher_suite(suite.openssl_name()), Ok(suite));
        let is_1_3 = suite.version() == TlsVersion::V1_3;
        assert_eq!(is_1_3, suite.name() == suite.openssl_name());
    }
}

#[test]
fn other_suites_are_explained() {
    let table = [
        (
            "tls_aes_256_gcm_sha384",
            "did you mean `TLS_AES_256_GCM_SHA384`?",
        ),
        (
            "TLS13_AES_128_GCM_SHA256",
            "did you mean `TLS_AES_128_GCM_SHA256`?",
        ),
        (
            "ECDHE-RSA-AES256-GCM-SHA348",
            "did you mean `ECDHE-RSA-AES256-GCM-SHA384`?",
        ),
        (
            "HIGH:!aNULL",
            "write a list with one name of a suite in each string, best first",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(help(cipher_suite(text)), expected, "{text}");
    }
    assert!(help(cipher_suite("RC4-MD5")).starts_with("write one of `TLS_AES_256_GCM_SHA384`"));
}

#[test]
fn groups_are_read_or_explained() {
    for known in Group::ALL {
        assert_eq!(group(known.name()), Ok(known));
    }
    assert_eq!(group("P-256"), Ok(Group::Secp256r1));
    assert_eq!(group("P-384"), Ok(Group::Secp384r1));
    let table = [
        ("x25519", "did you mean `X25519`?"),
        ("prime256v1", "did you mean `secp256r1`?"),
        ("P384", "did you mean `secp384r1`?"),
        ("x25519_mlkem768", "did you mean `X25519MLKEM768`?"),
    ];
    for (text, expected) in table {
        assert_eq!(help(group(text)), expected, "{text}");
    }
    for text in ["secp521r1", "P-521", "ffdhe2048", ""] {
        let all = "write one of `X25519MLKEM768`, `X25519`, `secp256r1`, `secp384r1`";
        assert_eq!(help(group(text)), all, "{text}");
    }
}

#[test]
fn protocols_have_up_to_255_bytes() {
    let longest = "a".repeat(255);
    for text in ["xmpp-client", "http/1.1", "é", &longest] {
        assert_eq!(show_protocol(&protocol(text).unwrap()), text);
    }
    for text in ["", &"a".repeat(256), &"é".repeat(128)] {
        assert!(help(protocol(text)).starts_with("write 1 to 255 bytes"));
    }
}
