use crate::tls::{Hello, HelloReader, Progress, Sni, is_grease};
use crate::vectors::{
    CAPTURES, Capture, check_against_rustls, check_hello, extension, hello, records, u16s,
};

#[test]
fn captures_are_shown_as_they_are() {
    for capture in CAPTURES {
        let hello = read(capture.bytes);
        let alpn: Vec<_> = capture.alpn.iter().map(|name| name.as_bytes()).collect();
        assert!(capture.is_sni(hello.sni()), "{}", capture.name);
        assert_eq!(hello.alpn().collect::<Vec<_>>(), alpn, "{}", capture.name);
        assert_eq!(
            hello.max_version(),
            Some(capture.max_version),
            "{}",
            capture.name
        );
        assert_eq!(hello.has_tls13(), capture.max_version == 0x0304);
        assert_eq!(hello.has_early_data(), capture.has.contains(&"early_data"));
        assert_eq!(
            hello.has_ech(),
            capture.has.contains(&"ech"),
            "{}",
            capture.name
        );
        assert_eq!(
            hello.has_psk(),
            capture.has.contains(&"psk"),
            "{}",
            capture.name
        );
    }
}

#[test]
fn captures_keep_the_invariants_and_agree_with_rustls() {
    for capture in CAPTURES {
        check_hello(capture.bytes);
        // TLS 1.0 has no signature schemes, and rustls insists on them.
        let is_accepted = check_against_rustls(capture.bytes);
        assert_eq!(
            is_accepted,
            capture.max_version > 0x0301,
            "{}",
            capture.name
        );
    }
}

#[test]
fn post_quantum_groups_are_seen() {
    for name in ["chromium", "rustls_post_quantum"] {
        let groups: Vec<u16> = read(capture(name).bytes).groups().collect();
        assert!(groups.contains(&0x11EC), "X25519MLKEM768 in {name}");
    }
    assert_eq!(
        read(capture("openssl_tls13_only").bytes)
            .groups()
            .collect::<Vec<_>>(),
        [25, 30]
    );
}

#[test]
fn grease_is_left_out_of_the_highest_version() {
    let chromium = read(capture("chromium").bytes);
    assert!(chromium.versions().any(is_grease));
    assert!(chromium.cipher_suites().any(is_grease));
    assert!(chromium.groups().any(is_grease));

    let only_grease = hello_with(43, &[&[2][..], &u16s(&[0x7A7A])].concat());
    assert_eq!(read(&only_grease).max_version(), None);
}

#[test]
fn there_are_sixteen_grease_values() {
    let values: Vec<u16> = (0..=u16::MAX).filter(|value| is_grease(*value)).collect();
    assert_eq!(values.len(), 16);
    assert_eq!((values[0], values[1], values[15]), (0x0A0A, 0x1A1A, 0xFAFA));
}

#[test]
fn a_hello_without_extensions_says_its_legacy_version() {
    let body = [&[3, 2][..], &[0; 32], &[0, 0, 2, 0, 0x2F, 1, 0]].concat();
    let wire = records(&crate::vectors::message(1, &body), &[16_384]);
    let hello = read(&wire);
    assert_eq!(hello.max_version(), Some(0x0302));
    assert_eq!(hello.sni(), Sni::Absent);
    assert_eq!(hello.cipher_suites().collect::<Vec<_>>(), [0x002F]);
    assert_eq!(
        hello.alpn().count() + hello.groups().len() + hello.signature_schemes().len(),
        0
    );
    assert!(!hello.has_tls13());
}

fn hello_with(kind: u16, value: &[u8]) -> Vec<u8> {
    records(&hello(&[], &[extension(kind, value)]), &[16_384])
}

fn capture(name: &str) -> &'static Capture {
    CAPTURES
        .iter()
        .find(|capture| capture.name == name)
        .unwrap()
}

fn read(wire: &[u8]) -> Hello<'_> {
    let mut reader = HelloReader::new();
    assert_eq!(reader.advance(wire), Ok(Progress::Complete));
    assert!(reader.in_one_record());
    reader.hello(wire, &mut []).unwrap()
}
