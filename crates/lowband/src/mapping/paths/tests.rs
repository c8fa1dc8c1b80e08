use proptest::prelude::*;

use super::*;

fn expanded(segments: &[&str], prefix: Prefix) -> Result<String, PathError> {
    let options = from_options(segments.iter().map(|s| s.as_bytes()))?;
    Ok(to_http(&expand(&options, prefix)?))
}

fn to_r0(segments: &[&str]) -> String {
    expanded(segments, Prefix::R0).unwrap()
}

fn folded(path: &str) -> Result<Vec<String>, PathError> {
    let segments = from_http(path)?;
    let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
    Ok(fold(&segments)?.into_iter().map(str::to_owned).collect())
}

/// Segments with a slash in front of each, as the vectors are written.
fn wire(path: &str) -> String {
    folded(path)
        .unwrap()
        .iter()
        .map(|s| format!("/{s}"))
        .collect()
}

#[test]
fn each_code_is_found_by_itself_only() {
    for template in &table::TABLE {
        assert_eq!(table::by_code(template.code), Some(template));
    }
    for segment in ["", "v", "z", "~", "@", "[", "AA", "7 ", "é", "\0"] {
        assert_eq!(table::by_code(segment), None, "{segment}");
    }
}

#[test]
fn the_table_has_no_line_twice() {
    for (at, template) in table::TABLE.iter().enumerate() {
        let rest = &table::TABLE[at + 1..];
        assert!(rest.iter().all(|other| other.path != template.path));
        assert!(template.has_version() || template.code == "0");
    }
}

/// Both ways for every line, under both prefixes.
#[test]
fn every_line_goes_there_and_back() {
    for template in &table::TABLE {
        for prefix in [Prefix::R0, Prefix::V3] {
            let is_parameter = |segment: &&str| table::is_parameter(segment);
            let count = template.path.split('/').filter(is_parameter).count();
            let parameters = ["@a:b", "c d", "$e/f"];
            let mut segments = vec![template.code];
            segments.extend(&parameters[..count]);
            let path = expanded(&segments, prefix).unwrap();
            assert_eq!(folded(&path).unwrap(), segments, "{path}");
            assert_eq!(path.contains(prefix.name()), template.has_version());
        }
    }
}

#[test]
fn vectors_of_the_go_proxy_both_ways() {
    for (short, path) in [
        ("/7", "/_matrix/client/r0/sync"),
        (
            "/r/@frank:localhost/im.vector.setting.breadcrumbs",
            "/_matrix/client/r0/user/@frank:localhost/account_data/im.vector.setting.breadcrumbs",
        ),
    ] {
        assert_eq!(wire(path), short);
        let segments: Vec<&str> = short[1..].split('/').collect();
        assert_eq!(to_r0(&segments), path);
    }
}

#[test]
fn vectors_of_the_go_proxy_about_escapes() {
    let join = "/_matrix/client/r0/join/";
    assert_eq!(
        to_r0(&["L", "#roomIdOrAlias:localhost"]),
        format!("{join}%23roomIdOrAlias:localhost")
    );
    // Segments are not escaped over CoAP, so this is no hash sign.
    assert_eq!(to_r0(&["L", "%23x"]), format!("{join}%2523x"));
    assert_eq!(to_r0(&["AAA"]), "/AAA");
}

#[test]
fn vectors_of_the_go_proxy_about_surplus_segments() {
    assert_eq!(
        to_r0(&["7", "extra", "information"]),
        "/_matrix/client/r0/sync"
    );
    assert_eq!(
        to_r0(&["e", "deviceid", "andmore"]),
        "/_matrix/client/r0/devices/deviceid"
    );
}

#[test]
fn the_homeservers_prefix_is_used() {
    assert_eq!(
        expanded(&["7"], Prefix::V3).unwrap(),
        "/_matrix/client/v3/sync"
    );
    assert_eq!(
        expanded(&["0"], Prefix::V3).unwrap(),
        "/_matrix/client/versions"
    );
    // What the client has written out stays.
    let full = ["_matrix", "client", "r0", "sync"];
    assert_eq!(
        expanded(&full, Prefix::V3).unwrap(),
        "/_matrix/client/r0/sync"
    );
}

#[test]
fn v3_is_folded_like_r0_and_nothing_else() {
    assert_eq!(wire("/_matrix/client/v3/sync"), "/7");
    assert_eq!(wire("/_matrix/client/versions"), "/0");
    for path in [
        "/_matrix/client/v1/sync",
        "/_matrix/client/v4/sync",
        "/_matrix/client/unstable/sync",
        "/_matrix/client/r0/versions",
        "/_matrix/client/sync",
        "/_matrix/client/v3/rooms/!a:b/relations/$c",
        "/_matrix/media/v3/config",
    ] {
        assert_eq!(wire(path), path);
    }
}

#[test]
fn a_slash_at_the_end_does_not_hinder() {
    assert_eq!(wire("/_matrix/client/v3/sync/"), "/7");
    assert_eq!(wire("/_matrix/client/v3/pushrules/"), "/n");
    assert_eq!(wire("/_matrix/client/v3/pushrules"), "/n");
    assert_eq!(to_r0(&["n"]), "/_matrix/client/r0/pushrules/");
    assert_eq!(wire("/_matrix/client/v3/rooms/!a:b/state/"), "/B/!a:b");
}

/// An empty state key is one.
#[test]
fn empty_parameters_go_in_the_full_form() {
    let path = "/_matrix/client/v3/rooms/!a:b/state/m.room.name/";
    let segments = folded(path).unwrap();
    assert_eq!(
        segments,
        [
            "_matrix",
            "client",
            "v3",
            "rooms",
            "!a:b",
            "state",
            "m.room.name",
            ""
        ]
    );
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    assert_eq!(to_r0(&segments), path);
    assert_eq!(
        to_r0(&["8", "!a:b", "m.room.name", ""]),
        "/_matrix/client/r0/rooms/!a:b/state/m.room.name/"
    );
}

#[test]
fn too_few_parameters_are_no_path() {
    for segments in [
        &["9"][..],
        &["9", "!a:b"],
        &["9", "!a:b", "m.room.message"],
        &["L"],
    ] {
        assert_eq!(
            expanded(segments, Prefix::V3),
            Err(PathError::TooFewParameters)
        );
    }
}

/// The proxy written in Go cuts off, splits or refuses these.
#[test]
fn characters_with_a_meaning_in_urls_stay_in_their_segments() {
    for (segment, escaped) in [
        ("#room:server", "%23room:server"),
        ("a?b=c", "a%3Fb=c"),
        ("100%", "100%25"),
        ("%2e%2e", "%252e%252e"),
        ("$abc/def", "$abc%2Fdef"),
        ("a b", "a%20b"),
        ("[x]", "%5Bx%5D"),
        ("\"<>\\^`{|}", "%22%3C%3E%5C%5E%60%7B%7C%7D"),
        ("é🦀", "%C3%A9%F0%9F%A6%80"),
        ("-._~!$&'()*+,;=:@", "-._~!$&'()*+,;=:@"),
    ] {
        let full = ["_matrix", "client", "v3", "join", segment];
        let path = format!("/_matrix/client/v3/join/{escaped}");
        assert_eq!(to_r0(&full), path);
        assert_eq!(expanded(&["L", segment], Prefix::V3).unwrap(), path);
        assert_eq!(folded(&path).unwrap(), ["L", segment]);
    }
}

#[test]
fn dots_go_nowhere() {
    for segment in [
        ".", "..", "a/../b", "../a", "a/.", "a\\..\\b", "..;a", "a/..;b/c",
    ] {
        for segments in [&["L", segment][..], &["_matrix", "client", "v3", segment]] {
            let expanded = expanded(segments, Prefix::V3);
            assert_eq!(expanded, Err(PathError::Dots), "{segment}");
        }
    }
    for path in ["/a/../b", "/.", "/a/%2e%2E/b", "/a/x%2F..%2Fy"] {
        assert_eq!(folded(path), Err(PathError::Dots), "{path}");
    }
    for segment in ["...", ".well-known", "a..", "..a", "a.b"] {
        assert!(expanded(&["L", segment], Prefix::V3).is_ok(), "{segment}");
    }
}

#[test]
fn control_characters_are_refused() {
    for segment in ["a\0", "\n", "a\rb", "\u{7f}", "\u{85}"] {
        let expanded = expanded(&["L", segment], Prefix::V3);
        assert_eq!(expanded, Err(PathError::Control), "{segment:?}");
    }
    assert_eq!(folded("/a%00b"), Err(PathError::Control));
    assert_eq!(folded("/a%0d%0aHost:b"), Err(PathError::Control));
}

#[test]
fn segments_must_be_utf8() {
    assert_eq!(from_options([&b"\xff"[..]]), Err(PathError::Utf8));
    assert_eq!(folded("/%ff"), Err(PathError::Escape));
}

#[test]
fn broken_escapes_are_refused() {
    for path in ["/%", "/%2", "/a%2/b", "/%zz", "/%%20", "/a%"] {
        assert_eq!(folded(path), Err(PathError::Escape), "{path}");
    }
    assert_eq!(folded("/%25%2a").unwrap(), ["%*"]);
    // A plus is a plus in a path.
    assert_eq!(folded("/a+b").unwrap(), ["a+b"]);
}

#[test]
fn limits_of_what_is_received() {
    let received = |lens: &[usize]| {
        let segments: Vec<String> = lens.iter().map(|len| "a".repeat(*len)).collect();
        from_options(segments.iter().map(String::as_bytes)).map(|segments| segments.len())
    };
    assert_eq!(received(&[1_024, 1_024]), Ok(2));
    assert_eq!(received(&[1_024, 1_024, 1]), Err(PathError::TooLong));
    assert_eq!(received(&[1_025]), Err(PathError::SegmentTooLong));
    assert_eq!(received(&[1; 16]), Ok(16));
    assert_eq!(received(&[0; 17]), Err(PathError::TooManySegments));
}

/// The caller uses HTTP for these.
#[test]
fn limits_of_what_is_sent() {
    let long = "a".repeat(255);
    assert!(folded(&format!("/_matrix/client/v3/join/{long}")).is_ok());
    for path in ["/_matrix/client/v3/join/a", "/_matrix/x/a"] {
        let path = format!("{path}{long}");
        assert_eq!(folded(&path), Err(PathError::SegmentTooLong));
    }
}

#[test]
fn what_would_be_read_as_a_code_is_not_sent() {
    for path in ["/7", "/7/", "/A/b"] {
        assert_eq!(folded(path), Err(PathError::Mistakable), "{path}");
        let segments = from_http(path).unwrap();
        let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
        assert_eq!(whole(&segments), Err(PathError::Mistakable), "{path}");
    }
}

#[test]
fn no_path_at_all() {
    for path in ["", "a", "http://a/b"] {
        assert_eq!(from_http(path), Err(PathError::NotAbsolute), "{path}");
    }
    assert_eq!(folded("/").unwrap(), [""]);
    assert_eq!(to_r0(&[]), "/");
    assert_eq!(to_r0(&[""]), "/");
}

proptest! {
    /// What is sent whole arrives as it was, whatever the segments are.
    #[test]
    fn segments_survive_http(segments in prop::collection::vec("\\PC{0,20}", 1..6)) {
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let path = to_http(&segments);
        prop_assert!(path.bytes().all(|b| b.is_ascii_graphic()));
        match from_http(&path) {
            Ok(read) => prop_assert_eq!(read, segments),
            Err(error) => prop_assert_eq!(error, PathError::Dots),
        }
    }
}
