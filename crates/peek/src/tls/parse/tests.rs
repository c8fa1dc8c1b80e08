use super::TypeSet;
use crate::tls::{HelloReader, Malformed, Sni};
use crate::vectors::{
    CAPTURES, check_against_rustls, check_hello, extension, hello, list_u8, list_u16, message,
    records, sni, u16s,
};

#[test]
fn server_names_have_one_form() {
    for name in ["chat.example.org", "CHAT.Example.ORG", "chat.example.org."] {
        let Ok(Sni::Name(shown)) = sni_of(&sni(name)) else {
            panic!("{name} is refused")
        };
        assert_eq!(shown.as_str(), "chat.example.org");
    }
}

#[test]
fn addresses_as_server_names_are_seen_as_such() {
    for address in ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"] {
        let expected = Sni::IpLiteral(address.parse().unwrap());
        assert_eq!(sni_of(&sni(address)), Ok(expected));
    }
}

#[test]
fn wrong_server_names_are_refused() {
    let name = [&[0][..], &list_u16(b"a.example")].concat();
    let other = [&[1][..], &list_u16(b"a.example")].concat();
    let cases = [
        (vec![], Malformed::SniList),
        (list_u16(&[]), Malformed::SniList),
        (list_u16(&[0]), Malformed::SniList),
        (list_u16(&[0, 0]), Malformed::SniList),
        (list_u16(&[0, 0, 2, b'a']), Malformed::SniList),
        ([list_u16(&name), vec![0]].concat(), Malformed::SniList),
        (list_u16(&name)[..5].to_vec(), Malformed::SniList),
        (list_u16(&[0, 0, 0]), Malformed::SniName),
        (list_u16(&[0, 0, 1, b'.']), Malformed::SniName),
        (list_u16(&[0, 0, 1, 0xFF]), Malformed::SniName),
        (list_u16(&[0, 0, 3, b'a', 0, b'b']), Malformed::SniName),
        (list_u16(&other), Malformed::SniNameType),
        (
            list_u16(&[&name[..], &other].concat()),
            Malformed::SniNameType,
        ),
        (
            list_u16(&[&name[..], &name].concat()),
            Malformed::SniRepeated,
        ),
    ];
    for (value, reason) in cases {
        assert_eq!(sni_of(&extension(0, &value)), Err(reason), "{value:?}");
    }
    for name in [
        "a b",
        "*.example.org",
        "-a.example",
        "1.2.3",
        "[::1]",
        &"a".repeat(64),
        &"a.".repeat(130),
    ] {
        assert_eq!(sni_of(&sni(name)), Err(Malformed::SniName), "{name}");
    }
}

#[test]
fn wrong_lists_are_refused() {
    let cases = [
        (16, vec![], Malformed::Alpn),
        (16, list_u16(&[]), Malformed::Alpn),
        (16, list_u16(&[0]), Malformed::Alpn),
        (16, list_u16(b"\x02h2\x00"), Malformed::Alpn),
        (16, list_u16(b"\x03h2"), Malformed::Alpn),
        (16, [list_u16(b"\x02h2"), vec![0]].concat(), Malformed::Alpn),
        (10, list_u16(&[]), Malformed::Groups),
        (10, list_u16(&[0, 29, 0]), Malformed::Groups),
        (10, list_u8(&[0, 29]), Malformed::Groups),
        (13, list_u16(&[]), Malformed::SignatureSchemes),
        (13, list_u16(&[4]), Malformed::SignatureSchemes),
        (43, list_u8(&[]), Malformed::SupportedVersions),
        (43, list_u8(&[3, 4, 3]), Malformed::SupportedVersions),
        (43, list_u16(&[3, 4]), Malformed::SupportedVersions),
    ];
    for (kind, value, reason) in cases {
        assert_eq!(
            read(&hello(&[], &[extension(kind, &value), schemes()])),
            Err(reason),
            "{kind} {value:?}"
        );
    }
}

#[test]
fn wrong_fields_are_refused() {
    let fixed = [&[3, 3][..], &[0; 32]].concat();
    let cases: [(&[u8], Malformed); 12] = [
        (b"\x21", Malformed::Truncated),
        (&list_u8(&[0; 33]), Malformed::SessionId),
        (b"\x00", Malformed::Truncated),
        (b"\x00\x00\x00\x01\x00", Malformed::CipherSuites),
        (b"\x00\x00\x01\x13\x01\x00", Malformed::CipherSuites),
        (b"\x00\x00\x04\x13\x01", Malformed::Truncated),
        (b"\x00\x00\x02\x13\x01", Malformed::Truncated),
        (b"\x00\x00\x02\x13\x01\x00", Malformed::CompressionMethods),
        (b"\x00\x00\x02\x13\x01\x01\x00\x00", Malformed::Truncated),
        (
            b"\x00\x00\x02\x13\x01\x01\x00\x00\x01",
            Malformed::Truncated,
        ),
        (
            b"\x00\x00\x02\x13\x01\x01\x00\x00\x00\x00",
            Malformed::TrailingBytes,
        ),
        (
            b"\x00\x00\x02\x13\x01\x01\x00\x00\x03\x00\x17\x00",
            Malformed::ExtensionOverrun,
        ),
    ];
    for (rest, reason) in cases {
        let message = message(1, &[&fixed[..], rest].concat());
        assert_eq!(read(&message), Err(reason), "{rest:?}");
    }
    for len in 0..34 {
        assert_eq!(read(&message(1, &fixed[..len])), Err(Malformed::Truncated));
    }
}

#[test]
fn extensions_stand_once_and_pre_shared_key_last() {
    for kind in [0x0017, 0x0A0A, 0xFFFF] {
        let twice = [
            extension(kind, b""),
            extension(5, b""),
            extension(kind, b""),
        ];
        assert_eq!(read(&hello(&[], &twice)), Err(Malformed::ExtensionRepeated));
        assert_eq!(read(&hello(&[], &twice[1..])), Ok(()));
    }
    let psk = [extension(41, b"x"), schemes()];
    assert_eq!(read(&hello(&[], &psk)), Err(Malformed::PskNotLast));
    assert_eq!(read(&hello(&[], &psk[..1])), Ok(()));
}

#[test]
fn thousands_of_extensions_are_read() {
    let all: Vec<_> = (100..16_400).map(|kind| extension(kind, b"")).collect();
    assert_eq!(read(&hello(&[], &all)), Ok(()));
}

#[test]
fn rustls_accepts_what_these_tests_make() {
    let message = hello(&[], &[sni("a.example"), schemes()]);
    assert!(check_against_rustls(&records(&message, &[1])));
}

#[test]
fn every_shortened_capture_is_refused() {
    for capture in CAPTURES {
        let body = &capture.bytes[9..];
        for len in 0..body.len() {
            let message = message(1, &body[..len]);
            // Where the extensions begin, a hello may end.
            if let Ok(()) = read(&message) {
                assert_eq!(extensions_start(body), len, "{}", capture.name);
            }
        }
    }
}

#[test]
fn sets_hold_each_value_once_and_in_order() {
    let mut set = TypeSet::new();
    let values = [0xFFFF, 0, 63, 64, 0x0A0A, 10];
    assert!(values.iter().all(|value| set.insert(*value)));
    assert!(!values.iter().any(|value| set.insert(*value)));
    assert_eq!(
        set.iter().collect::<Vec<_>>(),
        [0, 10, 63, 64, 0x0A0A, 0xFFFF]
    );
}

fn extensions_start(body: &[u8]) -> usize {
    let suites = 35 + usize::from(body[34]);
    let compression =
        suites + 2 + usize::from(u16::from_be_bytes([body[suites], body[suites + 1]]));
    compression + 1 + usize::from(body[compression])
}

fn sni_of(extension: &[u8]) -> Result<Sni, Malformed> {
    let message = hello(&[], &[extension.to_vec(), schemes()]);
    let wire = records(&message, &[16_384]);
    check_hello(&wire);
    check_against_rustls(&wire);
    let mut reader = HelloReader::new();
    reader.advance(&wire)?;
    reader.hello(&wire, &mut []).map(|hello| hello.sni())
}

/// Whether it is read, and the same by rustls.
fn read(message: &[u8]) -> Result<(), Malformed> {
    let wire = records(message, &[16_384]);
    check_against_rustls(&wire);
    let mut reader = HelloReader::new();
    reader.advance(&wire)?;
    let mut scratch = vec![0; reader.message_len()];
    reader.hello(&wire, &mut scratch).map(|_| ())
}

/// Without them rustls refuses any hello.
fn schemes() -> Vec<u8> {
    extension(13, &list_u16(&u16s(&[0x0403])))
}
