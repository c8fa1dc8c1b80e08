use http::Method;
use http::uri::PathAndQuery;

use crate::mapping::paths::{self, PathError, Prefix};
use crate::mapping::policy::Policy;
use crate::mapping::query::Query;

/// Any lines as segments, and any text as a path and a query of HTTP: what is accepted comes out as
/// one path of a URL with the same segments, and goes there and back.
///
/// # Panics
///
/// When it does not hold.
pub fn check_paths(input: &[u8]) {
    if let Ok(segments) = paths::from_options(input.split(|byte| *byte == b'\n')) {
        for prefix in [Prefix::R0, Prefix::V3] {
            if let Ok(path) = paths::expand(&segments, prefix) {
                check_path(&path, prefix);
            }
        }
    }
    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    if let Ok(path) = paths::from_http(path) {
        let path: Vec<&str> = path.iter().map(AsRef::as_ref).collect();
        check_path(&path, Prefix::V3);
    }
    if let Ok((query, _)) = Query::from_http(query) {
        check_query(&query);
    }
    if let (Ok(query), _) = Query::from_options(input.split(|byte| *byte == b'\n')) {
        check_query(&query);
    }
}

fn check_path(path: &[&str], prefix: Prefix) {
    let text = paths::to_http(path);
    let parsed: PathAndQuery = text.parse().expect("a path");
    assert_eq!((parsed.path(), parsed.query()), (text.as_str(), None));
    match paths::from_http(&text) {
        Ok(back) => assert!(back == path || path.is_empty(), "{path:?}"),
        // What the table has put in counts as well.
        Err(error) => assert_eq!(error, PathError::TooLong),
    }
    if Policy::new().check(&Method::GET, path).is_ok() {
        let is_client = text.starts_with("/_matrix/client/");
        assert!(is_client || text == "/.well-known/matrix/client", "{text}");
    }
    let Ok(folded) = paths::fold(path) else {
        return;
    };
    let expanded = paths::expand(&folded, prefix).expect("all parameters");
    // By the prefix of the homeserver, and with or without a slash at the end.
    let plain = |path: &[&str]| {
        let path = path.strip_suffix(&[""]).unwrap_or(path);
        let alike = |segment: &&str| if *segment == "r0" { "v3" } else { segment }.to_owned();
        path.iter().map(alike).collect::<Vec<_>>()
    };
    assert_eq!(plain(&expanded), plain(path));
}

fn check_query(query: &Query) {
    let text = query.to_http();
    let parsed: PathAndQuery = format!("/?{text}").parse().expect("a query");
    assert_eq!(parsed.query().unwrap_or_default(), text);
    let back = Query::from_http(&text).expect("the same query");
    assert_eq!((&back.0, back.1), (query, None));
    if let Ok(options) = query.to_options() {
        let back = Query::from_options(options);
        assert_eq!((back.0.as_ref(), back.1), (Ok(query), None));
    }
}
