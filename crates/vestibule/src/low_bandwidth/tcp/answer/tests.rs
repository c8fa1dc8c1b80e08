use hyper::header::{LAST_MODIFIED, VARY};
use vestibule_config::{Advertise, LowBandwidth};

use super::{
    super::testing::{config, homeserver, side},
    *,
};

const WELL_KNOWN: &str =
    r#"{"m.homeserver":{"base_url":"https://hs.example.org","x":1},"other":[1.0]}"#;
const OURS: &str = r#"{"m.homeserver":{"base_url":"https://lb.example.org","x":1},"other":[1.0]}"#;

fn fields(fields: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

fn revision(method: &Method, path: &str) -> Revision {
    let path: Vec<&str> = path.split('/').skip(1).collect();
    Revision::of(method, &path).unwrap()
}

/// The body that the client gets, if its head says so.
fn revised(revision: Revision, headers: &mut HeaderMap, body: &str) -> Result<String, Unrevised> {
    let body = side().revise(revision, headers, Bytes::copy_from_slice(body.as_bytes()))?;
    assert_eq!(headers[CONTENT_LENGTH], body.len().to_string());
    Ok(str::from_utf8(&body).unwrap().to_owned())
}

fn well_known() -> Revision {
    revision(&Method::GET, "/.well-known/matrix/client")
}

#[test]
fn four_answers_are_revised() {
    for (method, path, kind) in [
        ("GET", "/.well-known/matrix/client", Kind::WellKnown),
        ("GET", "/_matrix/client/versions", Kind::Versions),
        ("GET", "/_matrix/client/versions/", Kind::Versions),
        ("POST", "/_matrix/client/v3/login", Kind::Login),
        ("POST", "/_matrix/client/r0/login", Kind::Login),
        ("POST", "/_matrix/client/unstable/login", Kind::Login),
        ("POST", "/_matrix/client/v3/login/", Kind::Login),
        ("POST", "/_matrix/client/v3/register", Kind::Register),
    ] {
        let wanted = Revision {
            kind,
            has_body: true,
        };
        assert_eq!(revision(&method.parse().unwrap(), path), wanted, "{path}");
    }
    assert!(!revision(&Method::HEAD, "/_matrix/client/versions").has_body());
    for (method, path) in [
        ("GET", "/_matrix/client/v3/login"),
        ("OPTIONS", "/_matrix/client/v3/login"),
        ("OPTIONS", "/_matrix/client/versions"),
        ("POST", "/_matrix/client/v3/login/get_token"),
        ("GET", "/_matrix/client/v3/register/available"),
        ("POST", "/_matrix/client/v3/register/email/requestToken"),
        ("GET", "/_matrix/client/v3/sync"),
        ("GET", "/_matrix/client/v3/versions"),
    ] {
        let path: Vec<&str> = path.split('/').skip(1).collect();
        assert_eq!(Revision::of(&method.parse().unwrap(), &path), None);
    }
}

#[test]
fn clients_are_told_the_address_of_the_gateway() {
    let mut headers = fields(&[
        ("content-length", "74"),
        ("content-type", "application/json"),
    ]);
    assert_eq!(
        revised(well_known(), &mut headers, WELL_KNOWN).as_deref(),
        Ok(OURS)
    );
    for path in ["/_matrix/client/v3/login", "/_matrix/client/v3/register"] {
        let answer = |inner| format!(r#"{{"user_id":"@a:hs","well_known":{inner}}}"#);
        let body = revised(
            revision(&Method::POST, path),
            &mut HeaderMap::new(),
            &answer(WELL_KNOWN),
        );
        assert_eq!(body, Ok(answer(OURS)));
    }
}

#[test]
fn versions_gain_what_the_gateway_can() {
    let revision = revision(&Method::GET, "/_matrix/client/versions");
    let body = revised(revision, &mut HeaderMap::new(), r#"{"versions":["v1.11"]}"#).unwrap();
    assert!(body.starts_with(r#"{"versions":["v1.11"],"#), "{body}");
    let key = r#""org.matrix.msc3079.low_bandwidth":{"dtls":8008,"#;
    assert!(body.contains(key), "{body}");
    assert!(!body.contains("m.low_bandwidth\":"), "{body}");
}

#[test]
fn what_was_true_of_the_body_is_said_no_more() {
    let mut headers = fields(&[
        ("etag", "\"x\""),
        ("content-md5", "x"),
        ("digest", "x"),
        ("content-digest", "x"),
        ("repr-digest", "x"),
        ("accept-ranges", "bytes"),
        ("content-length", "74"),
        ("trailer", "x"),
        ("content-encoding", "Identity"),
        ("last-modified", "x"),
        ("vary", "origin"),
    ]);
    revised(well_known(), &mut headers, WELL_KNOWN).unwrap();
    for name in [LAST_MODIFIED, VARY, CONTENT_ENCODING, CONTENT_LENGTH] {
        assert!(headers.remove(name).is_some());
    }
    assert!(headers.is_empty(), "{headers:?}");
}

#[test]
fn what_names_nothing_stays_as_it_is() {
    let login = revision(&Method::POST, "/_matrix/client/v3/login");
    let versions = revision(&Method::GET, "/_matrix/client/versions");
    for (revision, body) in [
        (login, r#"{ "user_id": "@a:hs" }"#),
        (login, r#"{"well_known":{}}"#),
        (login, r#"{"well_known":null}"#),
        (well_known(), "{}"),
        (well_known(), r#"{"m.homeserver":"x"}"#),
        (well_known(), "<html>nothing here</html>"),
        (well_known(), ""),
        (well_known(), "[]"),
        (versions, "<html>"),
        (versions, "[1]"),
    ] {
        let mut headers = fields(&[("etag", "\"x\"")]);
        assert_eq!(revised(revision, &mut headers, body).as_deref(), Ok(body));
        assert_eq!(headers[ETAG], "\"x\"");
    }
}

#[test]
fn what_is_compressed_is_passed_on_only_where_it_leads_nowhere() {
    let compressed = || fields(&[("content-encoding", "gzip"), ("etag", "\"x\"")]);
    let login = revision(&Method::POST, "/_matrix/client/v3/login");
    for revision in [login, well_known()] {
        let body = revised(revision, &mut compressed(), WELL_KNOWN);
        assert_eq!(body, Err(Unrevised::Encoded));
    }
    let mixed = fields(&[("content-encoding", "identity"), ("content-encoding", "br")]);
    let body = revised(login, &mut mixed.clone(), WELL_KNOWN);
    assert_eq!(body, Err(Unrevised::Encoded));
    let versions = revision(&Method::GET, "/_matrix/client/versions");
    let mut headers = compressed();
    assert_eq!(revised(versions, &mut headers, "{}").as_deref(), Ok("{}"));
    assert_eq!(headers[CONTENT_ENCODING], "gzip");
    assert_eq!(headers[ETAG], "\"x\"");
}

/// Where an answer with this status and Location leads.
fn leads(config: &LowBandwidth, status: u16, location: &str) -> String {
    let mut headers = fields(&[("location", location), ("alt-svc", "h3=\":443\"")]);
    let status = StatusCode::from_u16(status).unwrap();
    Side::new(config).revise_head(status, &mut headers);
    assert!(!headers.contains_key(ALT_SVC));
    headers[LOCATION].to_str().unwrap().to_owned()
}

#[test]
fn redirections_to_the_homeserver_lead_to_the_gateway() {
    let config = config();
    for status in [301, 302, 303, 307, 308] {
        assert_eq!(
            leads(&config, status, "http://127.0.0.1:8008/_matrix/x?y#z"),
            "https://lb.example.org/_matrix/x?y#z"
        );
    }
    for location in [
        "/_matrix/x",
        "https://idp.example.org/authorize?redirect_uri=http://127.0.0.1:8008/x",
        "http://127.0.0.1:8009/x",
    ] {
        assert_eq!(leads(&config, 302, location), location);
    }
    let here = "http://127.0.0.1:8008/x";
    assert_eq!(leads(&config, 201, here), here);
}

#[test]
fn a_gateway_that_nobody_was_told_of_changes_no_address() {
    let config = LowBandwidth {
        advertise: None,
        ..config()
    };
    let here = "http://127.0.0.1:8008/x";
    assert_eq!(leads(&config, 302, here), here);
    let body = Bytes::from_static(WELL_KNOWN.as_bytes());
    let same = Side::new(&config).revise(well_known(), &mut HeaderMap::new(), body.clone());
    assert_eq!(same, Ok(body));
}

#[test]
fn the_address_is_written_as_json_has_it() {
    let side = Side::new(&LowBandwidth {
        homeserver: homeserver("hs", 80),
        advertise: Some(Advertise {
            url: "http://[2001:db8::1]:8008".to_owned(),
            is_https: false,
        }),
        ..config()
    });
    let body = Bytes::from_static(br#"{"m.homeserver":{"base_url":"x"}}"#);
    let body = side
        .revise(well_known(), &mut HeaderMap::new(), body)
        .unwrap();
    assert_eq!(
        body,
        r#"{"m.homeserver":{"base_url":"http://[2001:db8::1]:8008"}}"#
    );
}
