//! Made and damaged messages, cut in any way.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use vestibule_peek::vectors::{
    CAPTURES, check_against_rustls, check_against_uri, check_connect, check_hello, check_request,
    check_response, extension, hello, list_u8, list_u16, records, sni, u16s,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn any_bytes(input: Vec<u8>) {
        check_both(&input);
        check_request(&input);
        check_connect(&input);
        check_response(&input);
    }

    #[test]
    fn any_records(message in prop::collection::vec(any::<u8>(), 1..200), cuts in cuts()) {
        check_both(&records(&[&[1, 0, 0][..], &message].concat(), &cuts));
    }

    #[test]
    fn made_hellos(message in made(), cuts in cuts(), after: Vec<u8>) {
        check_both(&[records(&message, &cuts), after].concat());
    }

    #[test]
    fn damaged_hellos(
        message in prop_oneof![made(), captured()],
        cuts in cuts(),
        damage in prop::collection::vec(any::<(Index, u8)>(), 1..4),
    ) {
        let mut wire = records(&message, &cuts);
        for (place, byte) in damage {
            *place.get_mut(&mut wire) = byte;
        }
        check_both(&wire);
    }

    #[test]
    fn damaged_requests(place: Index, byte: u8, end: Index) {
        let mut input = b"\r\nPOST http://a.example:1/x HTTP/1.1\r\nHost: b.example\r\nA:\t b \r\n\r\nx".to_vec();
        *place.get_mut(&mut input) = byte;
        check_request(&input);
        check_request(&input[..end.index(input.len())]);
    }

    #[test]
    fn damaged_tunnels(place: Index, byte: u8, end: Index) {
        let mut input = b"CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: a.example:1\r\nContent-Length: 0\r\nProxy-Authorization: Basic dXNlcjpwYXNz\r\n\r\nx".to_vec();
        *place.get_mut(&mut input) = byte;
        check_connect(&input);
        check_connect(&input[..end.index(input.len())]);
        check_against_uri(&input);
    }

    #[test]
    fn targets(host in host(), port in "[:@]{0,2}[0-9]{0,6}") {
        let input = format!("CONNECT {host}{port} HTTP/1.0\r\n\r\n");
        check_connect(input.as_bytes());
        prop_assert!(check_against_uri(input.as_bytes()));
    }

    #[test]
    fn any_credentials(pair: Vec<u8>, scheme in "[Bb]asic|Basi|Basic  ") {
        let token = STANDARD.encode(pair);
        let input = format!("CONNECT a.example:1 HTTP/1.1\r\nProxy-Authorization: {scheme} {token}\r\n\r\n");
        check_connect(input.as_bytes());
    }

    #[test]
    fn damaged_answers(interim in 0..10_usize, place: Index, byte: u8, end: Index) {
        let mut input = b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n".repeat(interim);
        input.extend_from_slice(b"HTTP/1.1 502 Bad Gateway\r\nProxy-Status: a; error=dns_error\r\n\r\nx");
        *place.get_mut(&mut input) = byte;
        check_response(&input);
        check_response(&input[..end.index(input.len())]);
    }
}

fn check_both(wire: &[u8]) {
    check_hello(wire);
    check_against_rustls(wire);
}

fn host() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9_.-]{1,12}",
        "(0|0[xX])?[0-9a-f]{1,3}([.](0|0[xX])?[0-9a-f]{1,3}){0,3}[.]?",
        "\\[[0-9a-f:.%]{1,12}\\]",
        "[0-9a-f:\\[\\]]{1,12}",
        "[!-~]{1,8}",
    ]
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        Just(vec![16_384]),
        Just(vec![1]),
        prop::collection::vec(1..300_usize, 1..5),
    ]
}

fn captured() -> impl Strategy<Value = Vec<u8>> {
    select(CAPTURES).prop_map(|capture| capture.bytes[5..].to_vec())
}

/// A hello with most of its parts right.
fn made() -> impl Strategy<Value = Vec<u8>> {
    let suites = prop::collection::vec(any::<u16>(), 0..300);
    let extensions = prop::collection::btree_map(0..12_u8, made_extension(), 0..8);
    (suites, extensions, any::<bool>()).prop_map(|(suites, extensions, ready)| {
        let mut extensions: Vec<_> = extensions.into_values().collect();
        if ready {
            extensions.push(extension(13, &list_u16(&u16s(&[0x0403]))));
        }
        hello(&suites, &extensions)
    })
}

fn made_extension() -> impl Strategy<Value = Vec<u8>> {
    let name = prop_oneof![
        "[a-zA-Z0-9_.-]{0,12}",
        "([a-zA-Z0-9]{1,8}[.]){1,3}[a-z]{2,4}[.]?",
        "[0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}",
        "[0-9a-f:.]{1,12}",
        ".{0,6}",
    ];
    let codes = || prop::collection::vec(any::<u16>(), 0..8);
    prop_oneof![
        4 => name.prop_map(|name| sni(&name)),
        2 => prop::collection::vec("[a-z0-9/.]{0,8}", 0..4).prop_map(|names| {
            let names: Vec<_> = names.iter().map(|name| list_u8(name.as_bytes())).collect();
            extension(16, &list_u16(&names.concat()))
        }),
        2 => codes().prop_map(|codes| extension(10, &list_u16(&u16s(&codes)))),
        2 => codes().prop_map(|codes| extension(13, &list_u16(&u16s(&codes)))),
        2 => codes().prop_map(|codes| extension(43, &list_u8(&u16s(&codes)))),
        1 => (any::<u16>(), any::<Vec<u8>>()).prop_map(|(kind, value)| extension(kind, &value)),
    ]
}
