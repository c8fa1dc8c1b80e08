//! Header fields on their way to the homeserver.

use std::net::IpAddr;

use vestibule_e2e::{NameServer, field, in_network_namespace};

use super::{Gateway, Homeserver};

/// What a client may say of itself, and two fields that pass.
const CLAIMS: &str = "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 6.6.6.7\r\n\
                      X-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: https\r\n\
                      X-Forwarded-Port: 666\r\nForwarded: for=6.6.6.6;host=evil.example\r\n\
                      X-Real-IP: 6.6.6.6\r\nX_Forwarded_For: 6.6.6.6\r\n\
                      CF-Connecting-IP: 6.6.6.6\r\nTrue-Client-IP: 6.6.6.6\r\n\
                      X-Client-IP: 6.6.6.6\r\nVia: 1.1 evil.example\r\n\
                      Authorization: Bearer s3cret\r\nX-Other: kept\r\n";

/// The head that the homeserver gets.
fn heard(homeserver: &Homeserver, gateway: &Gateway, fields: &str) -> String {
    let answer = gateway.ask("GET", "/_matrix/client/v3/sync", fields);
    assert_eq!(answer.status(), 200, "{}", answer.head);
    let head = homeserver.head();
    assert_eq!(field(&head, "Authorization"), Some("Bearer s3cret"));
    assert_eq!(field(&head, "X-Other"), Some("kept"));
    head
}

fn assert_silent(head: &str) {
    let head = head.to_ascii_lowercase();
    for word in ["forward", "6.6.6", "evil", "127.0.0.1:0", "x-real", "via:"] {
        assert!(!head.contains(word), "{word} in {head}");
    }
}

#[test]
fn a_local_homeserver_is_told_where_strangers_are() {
    let homeserver = Homeserver::saying("{}");
    let gateway = Gateway::before(&homeserver);
    let head = heard(&homeserver, &gateway, CLAIMS);
    assert!(!head.contains("6.6.6") && !head.contains("evil"), "{head}");
    for (name, value) in [
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Host", "lb.example.org"),
        ("Forwarded", "for=127.0.0.1;proto=http;host=lb.example.org"),
        ("Host", &homeserver.address().to_string()),
    ] {
        assert_eq!(field(&head, name), Some(value), "{name} in {head}");
    }
}

#[test]
fn trusted_proxies_are_believed() {
    let homeserver = Homeserver::saying("{}");
    let url = format!("http://{}", homeserver.address());
    let gateway = Gateway::start(url, "trusted_proxies = [\"127.0.0.1\"]");
    let head = heard(&homeserver, &gateway, CLAIMS);
    for (name, value) in [
        ("X-Forwarded-For", Some("6.6.6.6, 6.6.6.7, 127.0.0.1")),
        ("X-Forwarded-Proto", Some("https")),
        ("X-Forwarded-Host", Some("evil.example")),
        ("X-Real-IP", None),
        ("CF-Connecting-IP", None),
        ("True-Client-IP", None),
        ("X-Client-IP", None),
        ("X_Forwarded_For", None),
        ("Via", None),
    ] {
        assert_eq!(field(&head, name), value, "{name} in {head}");
    }
}

#[test]
fn who_is_not_to_be_told_is_not_told() {
    let homeserver = Homeserver::saying("{}");
    for keys in ["", "trusted_proxies = [\"127.0.0.1\"]"] {
        let url = format!("http://{}", homeserver.address());
        let keys = format!("x_forwarded_for = \"never\"\n{keys}");
        let gateway = Gateway::start(url, &keys);
        assert_silent(&heard(&homeserver, &gateway, CLAIMS));
    }
}

#[test]
fn a_remote_homeserver_is_told_nothing() {
    if !in_network_namespace("fields::a_remote_homeserver_is_told_nothing") {
        return;
    }
    let _names = NameServer::start(|name, _| match name {
        "hs.example.org" => vec![IpAddr::from([127, 0, 0, 1])],
        _ => Vec::new(),
    });
    let homeserver = Homeserver::saying("{}");
    let authority = format!("hs.example.org:{}", homeserver.address().port());
    let url = format!("http://{authority}");
    let gateway = Gateway::with(url, "", |setup| setup.name_server().workers(1));
    let head = heard(&homeserver, &gateway, CLAIMS);
    assert_silent(&head);
    assert_eq!(field(&head, "Host"), Some(&*authority));
}

#[test]
fn fields_of_the_hop_stay_there() {
    let homeserver = super::homeserver(
        "200 OK",
        "Connection: X-Theirs, keep-alive\r\nX-Theirs: 1\r\nKeep-Alive: timeout=5\r\n\
         Proxy-Authenticate: Basic\r\nX-Kept: 1\r\n",
        "{}",
    );
    let gateway = Gateway::before(&homeserver);
    let answer = gateway.ask(
        "GET",
        "/_matrix/client/v3/sync",
        "Connection: X-Mine, Authorization, close\r\nX-Mine: 1\r\nAuthorization: Bearer x\r\n\
         Keep-Alive: timeout=5\r\nTE: gzip\r\nProxy-Authorization: Basic x\r\nProxy: x\r\n\
         Cookie: a=b\r\n",
    );
    assert_eq!(answer.status(), 200);
    for (name, value) in [
        ("X-Theirs", None),
        ("Keep-Alive", None),
        ("Proxy-Authenticate", None),
        ("X-Kept", Some("1")),
    ] {
        assert_eq!(answer.field(name), value, "{name}");
    }
    let head = homeserver.head();
    for (name, value) in [
        ("X-Mine", None),
        ("Authorization", None),
        ("Keep-Alive", None),
        ("TE", None),
        ("Proxy-Authorization", None),
        ("Proxy", None),
        ("Connection", None),
        ("Cookie", Some("a=b")),
    ] {
        assert_eq!(field(&head, name), value, "{name} in {head}");
    }
}

#[test]
fn preflights_are_the_homeservers() {
    let homeserver = super::homeserver(
        "200 OK",
        "Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: GET, PUT\r\n",
        "{}",
    );
    let gateway = Gateway::before(&homeserver);
    for target in [
        "/_matrix/client/v3/login",
        "/_matrix/client/versions",
        "/.well-known/matrix/client",
    ] {
        let fields = "Origin: https://app.example.org\r\nAccess-Control-Request-Method: POST\r\n\
                      Access-Control-Request-Headers: authorization\r\n";
        let mut answer = gateway.ask("OPTIONS", target, fields);
        assert_eq!(answer.status(), 200);
        let methods = answer.field("Access-Control-Allow-Methods");
        assert_eq!(methods, Some("GET, PUT"));
        assert_eq!(super::body(&mut answer), "{}");
        let head = homeserver.head();
        assert_eq!(field(&head, "Origin"), Some("https://app.example.org"));
        let wanted = field(&head, "Access-Control-Request-Headers");
        assert_eq!(wanted, Some("authorization"));
    }
}
