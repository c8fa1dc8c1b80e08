use vestibule_coap::{Code, OptionNumber};
use vestibule_dtls::{
    client::{Fingerprint, Versions},
    session::Version,
};

use super::*;

#[test]
fn flags_of_the_other_tool() {
    for flags in [
        [
            "-X",
            "PUT",
            "-d",
            "x",
            "-H",
            "Accept: json",
            "-k",
            "-i",
            "-v",
            "h",
        ],
        [
            "--X",
            "PUT",
            "--d",
            "x",
            "--H",
            "Accept: json",
            "--k",
            "--i",
            "--v",
            "h",
        ],
        [
            "-request",
            "PUT",
            "-data",
            "x",
            "-header",
            "Accept: json",
            "-insecure",
            "-include",
            "-verbose",
            "h",
        ],
        [
            "--request",
            "PUT",
            "--data",
            "x",
            "--header",
            "Accept: json",
            "--insecure",
            "--include",
            "--verbose",
            "h",
        ],
    ] {
        let arguments = parse(&flags).unwrap();
        assert_eq!(arguments.method(), Code::PUT, "{flags:?}");
        assert_eq!(arguments.data.as_deref(), Some("x".as_ref()));
        assert_eq!(arguments.headers.len(), 1);
        assert!(arguments.insecure && arguments.include && arguments.verbose);
    }
    let arguments = parse(&["-kivXPUT", "-request=post", "h"]);
    assert_eq!(arguments.unwrap_err().exit_code(), 2);
    let arguments = parse(&["-kivd-", "-dtls=1.3", "coap://h", "-keys"]).unwrap();
    assert_eq!(arguments.data.as_deref(), Some("-".as_ref()));
    assert_eq!(arguments.versions(), Versions::Only(Version::Dtls13));
    assert!(arguments.plain() && arguments.keys().is_some());
    assert_eq!(arguments.method(), Code::POST);
    assert_eq!(parse(&["h"]).unwrap().method(), Code::GET);
    assert!(!parse(&["coaps://h"]).unwrap().plain());
    assert!(parse(&["--plain", "h"]).unwrap().plain());
}

#[test]
fn what_makes_no_sense_is_refused() {
    for wrong in [
        &[][..],
        &["h", "i"],
        &["-X", "TRACE", "h"],
        &["-X", "0.32", "h"],
        &["-X", "0.1", "h"],
        &["h/#x"],
        &["-H", "User-Agent: x", "h"],
        &["--block-size", "1000", "h"],
        &["--block-size", "2048", "h"],
        &["--block-size", "8", "h"],
        &["--fingerprint", "sha256:00", "h"],
        &["--fingerprint", "sha1:00", "h"],
        &["--insecure", "--cacert", "f", "h"],
        &["--fingerprint", &"00".repeat(32), "--cacert", "f", "h"],
        &["--count", "1", "h"],
        &["--observe", "--count", "0", "h"],
        &["--ping", "-d", "x", "h"],
        &["--max-time", "-1", "h"],
        &["--max-time", "nan", "h"],
        &["--dtls", "1.0", "h"],
        &["--keys=v2", "h"],
        &["-w", "%{nothing}", "h"],
        &["-w", "%{code", "h"],
    ] {
        assert_eq!(parse(wrong).unwrap_err().exit_code(), 2, "{wrong:?}");
    }
}

#[test]
fn values_of_flags() {
    assert_eq!(
        parse(&["-X", "0.09", "h"]).unwrap().method(),
        Code::new(0, 9)
    );
    assert_eq!(
        parse(&["-X", "ipatch", "h"]).unwrap().method(),
        Code::IPATCH
    );
    let size = parse(&["--block-size", "64", "h"]).unwrap().block_size;
    assert_eq!(size.map(BlockSize::bytes), Some(64));
    let digits = "0A".repeat(32);
    for text in [
        &digits,
        &format!("sha256:{digits}"),
        &format!("SHA256:{}", "0a:".repeat(31) + "0a"),
    ] {
        let arguments = parse(&["--fingerprint", text, "h"]).unwrap();
        assert_eq!(arguments.fingerprint, Some(Fingerprint([10; 32])), "{text}");
    }
    let time = |flags: &[&str]| parse(flags).unwrap().max_time().map(|it| it.as_millis());
    assert_eq!(time(&["h"]), Some(300_000));
    assert_eq!(time(&["--observe", "h"]), None);
    assert_eq!(time(&["--observe", "-m2", "h"]), Some(2000));
    assert_eq!(time(&["-m", "0.5", "h"]), Some(500));
    assert_eq!(time(&["-m", "0", "h"]), None);
}

#[test]
fn ports() {
    let ports = |flags: &[&str]| {
        let arguments = parse(flags).unwrap();
        let addresses = resolve(place(&arguments), arguments.plain()).unwrap();
        addresses[0].to_string()
    };
    assert_eq!(ports(&["https://127.0.0.1/"]), "127.0.0.1:5684");
    assert_eq!(ports(&["coap://[::1]/"]), "[::1]:5683");
    assert_eq!(ports(&["--plain", "127.0.0.1"]), "127.0.0.1:5683");
    assert_eq!(ports(&["127.0.0.1:8008"]), "127.0.0.1:8008");
    assert_eq!(
        ports(&["example.org", "--connect", "127.0.0.1:1"]),
        "127.0.0.1:1"
    );
}

#[test]
fn requests() {
    let request = |flags: &[&str]| match request::wish(&parse(flags).unwrap()) {
        Ok(Wish::Answer(request) | Wish::States(request, _)) => Ok(request),
        Ok(Wish::Ping) => Err("a ping".to_owned()),
        Err(message) => Err(message),
    };
    let format = |flags: &[&str]| {
        let request = request(flags).unwrap();
        request.options.uint(OptionNumber::CONTENT_FORMAT)
    };
    assert_eq!(format(&["h"]), None);
    assert_eq!(format(&["h", "-d", "{}"]), Some(50));
    assert_eq!(format(&["h", "-d", "text"]), None);
    assert_eq!(format(&["h", "-d", "{}", "-H", "Content-Type:"]), None);
    assert_eq!(
        format(&["h", "-d", "{}", "-H", "Content-Type: text"]),
        Some(0)
    );
    assert_eq!(format(&["h", "-d", "{}", "--keys"]), Some(60));

    let body = |flags: &[&str]| request(flags).map(|request| request.payload.to_vec());
    let json = r#"{"type":1}"#;
    assert_eq!(body(&["h", "-d", json]).unwrap(), json.as_bytes());
    let cbor = body(&["h", "-d", json, "--keys"]).unwrap();
    assert_eq!(cbor, b"\xa1\x02\x01");
    let cbor = body(&["h", "-d", json, "--keys=none", "-H", "Content-Type: cbor"]).unwrap();
    assert_eq!(cbor, b"\xa1\x64type\x01");
    let sent = body(&["h", "-d", json, "--keys", "-H", "Content-Type: json"]).unwrap();
    assert_eq!(sent, json.as_bytes());
    let error = body(&["h", "-d", "{\"a\":1,}", "--keys"]).unwrap_err();
    assert_eq!(
        error,
        "the body is no JSON: syntax: this cannot stand here, at byte 7"
    );
    assert!(body(&["h", "-d", "@"]).is_err());
    assert!(
        body(&["h", "-d", "@/nonexistent"])
            .unwrap_err()
            .contains("/nonexistent")
    );
    assert!(body(&["h", "--ping"]).is_err());
}

#[test]
fn headers_from_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("headers");
    let from = format!("@{}", path.display());
    let token = |flags: &[&str]| match request::wish(&parse(flags).unwrap()) {
        Ok(Wish::Answer(request)) => {
            let token = request.options.first(OptionNumber(256));
            Ok((
                token.map(<[u8]>::to_vec),
                request.options.uint(OptionNumber::ACCEPT),
            ))
        }
        Ok(other) => panic!("{other:?}"),
        Err(message) => Err(message),
    };
    std::fs::write(&path, "Authorization: Bearer syt_x\r\n\n").unwrap();
    let found = token(&["-H", &from, "-H", "Accept: json", "h"]);
    assert_eq!(found, Ok((Some(b"syt_x".to_vec()), Some(50))));

    std::fs::write(&path, "Accept: json\nAuthorisation: Bearer syt_x\n").unwrap();
    let said = token(&["-H", &from, "h"]).unwrap_err();
    let place = format!("{}, line 2: CoAP has no such header", path.display());
    assert!(said.starts_with(&place) && !said.contains("syt"), "{said}");

    let said = token(&["-H", "@/nonexistent", "h"]).unwrap_err();
    assert!(said.contains("cannot read /nonexistent"), "{said}");
    let said = token(&["-H", "@-", "-d", "-", "h"]).unwrap_err();
    assert!(said.contains("read twice"), "{said}");
    assert_eq!(parse(&["-H", "@", "h"]).unwrap_err().exit_code(), 2);
}

#[test]
fn secrets_are_not_shown() {
    let arguments = [
        "-H",
        "Authorization: Bearer syt_SECRET",
        "-d",
        "SECRET",
        "h/x?access_token=SECRET",
    ];
    let shown = format!("{:?}", parse(&arguments).unwrap());
    assert!(!shown.contains("SECRET"), "{shown}");
}
