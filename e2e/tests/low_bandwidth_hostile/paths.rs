//! Paths that lead elsewhere, and characters that mean something in a URL.

use serde_json::json;
use vestibule_coap::{Code, OptionNumber};
use vestibule_e2e::lowband::{Asking, LowbandGateway, StubHomeserver};

use crate::stage::{ALICE, assert_fine, assert_refused, get, last_target};

/// The options of a request.
type Options<'a> = Vec<(OptionNumber, &'a [u8])>;

/// Nothing of this reaches the homeserver.
#[test]
fn nothing_but_the_client_server_api() {
    let homeserver = StubHomeserver::saying(json!({"secret": true}));
    let mut gateway = LowbandGateway::before(homeserver.address());
    let mut script = gateway.script();
    let outside: &[&[&str]] = &[
        &["_synapse", "admin", "v1", "server_version"],
        &["_synapse", "client", "pick_username"],
        &["_synapse", "metrics"],
        &["_matrix", "federation", "v1", "version"],
        &["_matrix", "key", "v2", "server"],
        &["_matrix", "app", "v1", "transactions", "1"],
        &["_dendrite", "admin"],
        &["_matrix", "client"],
        &["_matrix", "client", "nonsense", "sync"],
        &["_MATRIX", "client", "v3", "sync"],
        &["_matrix", "client", "V3", "sync"],
        &["", "_matrix", "client", "v3", "sync"],
        &["_matrix/client/v3/sync"],
        &["_matrix", "client/v3", "sync"],
        &["_matrix/federation", "v1", "version"],
        &["%2e%2e", "_synapse", "admin"],
        &["_matrix", "client", "%2e%2e", "federation"],
        &[".well-known", "matrix", "server"],
        &["metrics"],
        &["http://elsewhere.example", "path"],
        &[],
        &["AAA"],
        &["~"],
    ];
    for path in outside {
        let answer = script.requests(&get(path, ALICE));
        assert_refused(
            &format!("{path:?}"),
            &answer,
            Code::NOT_FOUND,
            "M_UNRECOGNIZED",
        );
    }
    let forbidden: &[&[&str]] = &[
        &["_matrix", "client", "v3", "admin", "whois", "@alice:hs"],
        &["_matrix", "client", "r0", "admin", "whois", "@alice:hs"],
        &["_matrix", "client", "v1", "admin", "lock", "@alice:hs"],
        &[
            "_matrix",
            "client",
            "unstable",
            "uk.timedout.msc4323",
            "admin",
            "lock",
        ],
        &["_matrix", "client", "v3", "", "admin", "whois", "@alice:hs"],
        &["_matrix", "client", "v3", "/admin/whois", "@alice:hs"],
        &["_matrix", "media", "v3", "download", "hs", "media"],
        &[
            "_matrix", "client", "v1", "media", "download", "hs", "media",
        ],
    ];
    for path in forbidden {
        let answer = script.requests(&get(path, ALICE));
        assert_refused(
            &format!("{path:?}"),
            &answer,
            Code::FORBIDDEN,
            "M_FORBIDDEN",
        );
    }
    let broken: &[&[&str]] = &[
        &[
            "_matrix", "client", "v3", "..", "..", "..", "_synapse", "admin",
        ],
        &["_matrix", "client", ".", "v3", "sync"],
        &[
            "_matrix",
            "client",
            "v3",
            "rooms",
            "../../../../_synapse/admin",
        ],
        &["_matrix", "client", "v3", "rooms", "a/..", "state"],
        &["9", "..", "..", ".."],
        &["H", "../../admin"],
        &["..", "7"],
        &["L", "room\0"],
        &["L", "room\r\nX-Evil: 1"],
        &["L", "room\u{7f}"],
    ];
    for path in broken {
        let answer = script.requests(&get(path, ALICE));
        assert_refused(
            &format!("{path:?}"),
            &answer,
            Code::BAD_REQUEST,
            "M_INVALID_PARAM",
        );
    }
    assert!(homeserver.asked().is_empty(), "{:?}", homeserver.asked());
    let refused = gateway.count("refusals", &[]);
    let expected = outside.len() + forbidden.len() + broken.len();
    assert_eq!(refused, expected as u64);
    assert_fine(&mut gateway);
}

/// What is not text at all, or too much of it.
#[test]
fn paths_and_queries_that_are_none() {
    fn many(number: OptionNumber, value: &[u8], count: usize) -> Options<'_> {
        vec![(number, value); count]
    }
    fn sync(number: OptionNumber, value: &[u8], count: usize) -> Options<'_> {
        let mut options: Options<'_> = vec![(OptionNumber::URI_PATH, b"7")];
        options.extend(many(number, value, count));
        options
    }
    let homeserver = StubHomeserver::saying(json!({}));
    let mut gateway = LowbandGateway::before(homeserver.address());
    let mut script = gateway.script();
    let long = vec![b'x'; 1_000];
    let too_long = vec![b'x'; 1_100];
    let query = vec![b'q'; 4_097];
    let no_text: &[u8] = &[0xff, 0xfe];
    let path = OptionNumber::URI_PATH;
    let cases: &[(&str, Options<'_>)] = &[
        ("no UTF-8", vec![(path, b"L"), (path, no_text)]),
        ("17 segments", many(path, b"x", 17)),
        ("a long segment", vec![(path, b"L"), (path, &too_long)]),
        ("a long path", many(path, &long, 3)),
        (
            "a query that is no UTF-8",
            vec![(path, b"7"), (OptionNumber::URI_QUERY, no_text)],
        ),
        ("33 queries", sync(OptionNumber::URI_QUERY, b"a=b", 33)),
        ("a long query", sync(OptionNumber::URI_QUERY, &query, 1)),
        ("65 options", sync(OptionNumber(2_000), b"", 65)),
        (
            "a token of two lines",
            vec![(path, b"7"), (OptionNumber(256), b"token\r\nX-Evil: 1")],
        ),
        (
            "a token that is no text",
            vec![(path, b"7"), (OptionNumber(256), no_text)],
        ),
    ];
    for (what, options) in cases {
        let answer = script.requests(&get(&[], options));
        let code = answer.header.code;
        assert_eq!(code.class(), 4, "{what}: {answer:?}");
        answer.map();
    }
    assert!(homeserver.asked().is_empty(), "{:?}", homeserver.asked());
    assert_fine(&mut gateway);
}

/// What has a meaning in a URL has none in a segment. The Go proxy cuts at `#`, begins a query at `?`,
/// and fails at `%`.
#[test]
fn characters_of_urls_in_segments() {
    let homeserver = StubHomeserver::saying(json!({}));
    let mut gateway = LowbandGateway::before(homeserver.address());
    let mut script = gateway.script();
    let full = ["_matrix", "client", "v3", "join"];
    for (segment, escaped) in [
        ("#room:server", "%23room:server"),
        ("a?b=c", "a%3Fb=c"),
        ("%2F", "%252F"),
        ("%2e%2e", "%252e%252e"),
        ("100%", "100%25"),
        ("a/b", "a%2Fb"),
        ("/", "%2F"),
        ("$abc/def+ghi=", "$abc%2Fdef+ghi="),
        ("a b", "a%20b"),
        ("a\\b", "a%5Cb"),
        ("\"<>[]{}|^`", "%22%3C%3E%5B%5D%7B%7D%7C%5E%60"),
        ("straße", "stra%C3%9Fe"),
        ("!a:hs@b&c;d,e'(f)*", "!a:hs@b&c;d,e'(f)*"),
    ] {
        for path in [&["L", segment][..], &[&full[..], &[segment]].concat()] {
            let answer = script.requests(&Asking {
                code: Code::POST,
                ..get(path, ALICE)
            });
            assert_eq!(answer.header.code, Code::CONTENT, "{path:?}");
            let target = format!("/_matrix/client/v3/join/{escaped}");
            assert_eq!(last_target(&homeserver), target, "{path:?}");
        }
    }
    // Nor in a query.
    for (item, escaped) in [
        ("since=a&b=c", "since=a%26b%3Dc"),
        ("since=a#b", "since=a%23b"),
        ("since=a b", "since=a%20b"),
        ("since=a\r\nX-Evil: 1", "since=a%0D%0AX-Evil:%201"),
        ("filter={\"room\":{}}", "filter=%7B%22room%22:%7B%7D%7D"),
    ] {
        let options = [ALICE[0], (OptionNumber::URI_QUERY, item.as_bytes())];
        let answer = script.requests(&get(&["E", "!r:hs"], &options));
        assert_eq!(answer.header.code, Code::CONTENT, "{item}");
        let target = last_target(&homeserver);
        let query = target.split_once('?').map(|(_, query)| query);
        assert_eq!(query, Some(escaped), "{item}");
        let asked = homeserver.asked();
        let head = &asked.last().expect("a request").head;
        assert!(!head.contains("\r\nX-Evil"), "{head}");
    }
    assert_fine(&mut gateway);
}
