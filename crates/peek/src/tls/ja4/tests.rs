use crate::tls::HelloReader;
use crate::vectors::{CAPTURES, extension, hello, list_u8, list_u16, records, sni, u16s};

/// The lists of the example in FoxIO's document.
const SUITES: &[u16] = &[
    0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC013, 0xC014, 0x009C,
    0x009D, 0x002F, 0x0035,
];
const EXTENSIONS: &[u16] = &[
    0x001B, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002D, 0x000D, 0x0005, 0x0023, 0x0012, 0x002B,
    0xFF01, 0x000B, 0x000A, 0x0015,
];
const SCHEMES: &[u16] = &[
    0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601,
];

#[test]
fn the_example_of_the_document() {
    let extensions: Vec<_> = EXTENSIONS.iter().map(|kind| made(*kind)).collect();
    assert_eq!(
        ja4(&hello(SUITES, &extensions)),
        "t13d1516h2_8daaf6152771_e5627efa2ab1"
    );
}

#[test]
fn grease_does_not_count() {
    let suites = [&[0x0A0A], SUITES, &[0xFAFA]].concat();
    let mut extensions: Vec<_> = EXTENSIONS.iter().map(|kind| made(*kind)).collect();
    extensions.insert(0, extension(0x3A3A, b""));
    extensions.push(extension(0x4A4A, b"\0"));
    for extension in &mut extensions {
        if extension.starts_with(&[0, 13]) {
            *extension = schemes(&[SCHEMES, &[0x5A5A]].concat());
        }
    }
    assert_eq!(
        ja4(&hello(&suites, &extensions)),
        "t13d1516h2_8daaf6152771_e5627efa2ab1"
    );
}

#[test]
fn without_signature_schemes_the_list_ends_without_an_underscore() {
    // The document hashes the list with 000d in it, though there are no schemes; only a list of
    // nothing but GREASE can look like that.
    let extensions: Vec<_> = EXTENSIONS
        .iter()
        .map(|kind| {
            if *kind == 13 {
                schemes(&[0x1A1A])
            } else {
                made(*kind)
            }
        })
        .collect();
    assert_eq!(
        ja4(&hello(SUITES, &extensions)),
        "t13d1516h2_8daaf6152771_6d807ffa2a79"
    );
}

#[test]
fn empty_lists_are_zeroes() {
    assert_eq!(
        ja4(&hello(&[0x0A0A], &[])),
        "t12i000000_000000000000_000000000000"
    );
    // The server name alone is counted, and in no list.
    assert_eq!(
        ja4(&hello(&[0x0A0A], &[sni("example.org")])),
        "t12d000100_000000000000_000000000000"
    );
}

#[test]
fn protocols_show_their_ends() {
    // The examples of the document, and names in use.
    let cases: [(&[u8], &str); 9] = [
        (b"h2", "h2"),
        (b"http/1.1", "h1"),
        (b"xmpp-client", "xt"),
        (b"x", "xx"),
        (&[0xAB], "ab"),
        (&[0xAB, 0xCD], "ad"),
        (&[0x30, 0xAB], "3b"),
        (&[0x30, 0x31, 0xAB, 0xCD], "3d"),
        (&[0x30, 0xAB, 0xCD, 0x31], "01"),
    ];
    for (name, ends) in cases {
        let message = hello(&[], &[extension(16, &list_u16(&list_u8(name)))]);
        assert_eq!(&ja4(&message)[8..10], ends);
    }
}

#[test]
fn versions_have_two_characters() {
    for (version, text) in [
        (0x0002, "s2"),
        (0x0300, "s3"),
        (0x0301, "10"),
        (0x0302, "11"),
        (0x0303, "12"),
        (0x0304, "13"),
        (0x7F1C, "00"),
        (0x0A0A, "00"),
    ] {
        let message = hello(&[], &[extension(43, &list_u8(&u16s(&[version])))]);
        assert_eq!(&ja4(&message)[1..3], text);
    }
}

#[test]
fn counts_end_at_99_and_lists_do_not() {
    let suites: Vec<u16> = (0..32_000).map(|suite| suite % 7 + 1).collect();
    let fingerprint = ja4(&hello(&suites, &[]));
    assert_eq!(&fingerprint[4..6], "99");
    // Each of the suites goes into the hash, so that one less makes another one.
    assert_ne!(fingerprint, ja4(&hello(&suites[1..], &[])));
    // Their order does not.
    let reversed: Vec<u16> = suites.iter().rev().copied().collect();
    assert_eq!(fingerprint, ja4(&hello(&reversed, &[])));
}

#[test]
fn captures_have_the_fingerprint_that_another_program_computes() {
    for capture in CAPTURES {
        let mut reader = HelloReader::new();
        reader.advance(capture.bytes).unwrap();
        let hello = reader.hello(capture.bytes, &mut []).unwrap();
        assert_eq!(hello.ja4().to_string(), capture.ja4, "{}", capture.name);
    }
}

/// An extension of a kind with contents that are right.
fn made(kind: u16) -> Vec<u8> {
    match kind {
        0 => sni("example.org"),
        10 => extension(10, &list_u16(&u16s(&[29]))),
        13 => schemes(SCHEMES),
        16 => extension(16, &list_u16(b"\x02h2\x08http/1.1")),
        43 => extension(43, &list_u8(&u16s(&[0x0303, 0x0304, 0x2A2A]))),
        kind => extension(kind, b""),
    }
}

fn schemes(schemes: &[u16]) -> Vec<u8> {
    extension(13, &list_u16(&u16s(schemes)))
}

fn ja4(message: &[u8]) -> String {
    let wire = records(message, &[16_384]);
    let mut reader = HelloReader::new();
    reader.advance(&wire).unwrap();
    let mut scratch = vec![0; reader.message_len()];
    reader.hello(&wire, &mut scratch).unwrap().ja4().to_string()
}
