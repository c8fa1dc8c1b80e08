//! With DTLS, against libcoap over OpenSSL and over GnuTLS.

use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use vestibule_e2e::coap::{LibcoapServer, pattern};
use vestibule_e2e::{Authority, Leaf, Process, free_ports};

use crate::{bad, bad_within, coap, command, good, once_in_five, report, run, text};

const LIBRARIES: [&str; 2] = ["openssl", "gnutls"];

/// An authority and what it has signed.
struct Home {
    authority: Authority,
    leaf: Leaf,
    server: LibcoapServer,
}

impl Home {
    /// A server for `localhost`.
    fn new(library: &str) -> Self {
        Self::with(library, |authority| authority.server(&["localhost"]))
    }

    fn with(library: &str, sign: impl Fn(&Authority) -> Leaf) -> Self {
        let authority = Authority::new();
        let leaf = sign(&authority);
        let server = LibcoapServer::with_dtls(library, &leaf, &["-d", "10", "-e"]);
        Self {
            authority,
            leaf,
            server,
        }
    }

    /// A file with who has signed the certificate: libcoap's servers do not show the chain.
    fn issuer(&self) -> String {
        let chain = fs::read_to_string(&self.leaf.chain).expect("a chain in PEM");
        let (_, issuer) = chain.split_at(chain.rfind("-----BEGIN").expect("two certificates"));
        let path = self.authority.directory().join("issuer.pem");
        fs::write(&path, issuer).expect("a temporary directory");
        path.display().to_string()
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.server.address().port())
    }
}

#[test]
fn verified() {
    for library in LIBRARIES {
        let home = Home::new(library);
        let issuer = home.issuer();
        let ask = |arguments: &[&str], path| {
            let url = home.url(path);
            good(&[&["--cacert", &issuer], arguments, &[&*url]].concat())
        };
        assert!(ask(&[], "/").starts_with(b"This is a test server"));
        let body = pattern(3000);
        let told = run(
            command(&[
                "--cacert",
                &issuer,
                "-XPUT",
                "-d",
                "-",
                "--block-size",
                "256",
                &home.url("/new"),
            ]),
            &body,
        );
        assert_eq!(told.code, Some(0), "{library}: {}", told.stderr);
        assert!(ask(&[], "/new") == body, "{library}");
        assert_eq!(ask(&["-X", "DELETE"], "/new"), b"", "{library}");
        let times = ask(&["--observe", "--count", "2"], "/time");
        assert_eq!(times.iter().filter(|byte| **byte == b'\n').count(), 2);
        let pong = ask(&["--ping"], "");
        assert!(pong.starts_with(b"localhost:"), "{library}");
    }
}

#[test]
fn explained_and_counted() {
    for library in LIBRARIES {
        let home = Home::new(library);
        let issuer = home.issuer();
        let url = home.url("/");
        let attempt = || coap(&["-v", "--json", "--cacert", &issuer, &url]);
        let told = once_in_five(attempt, |told| report(told)["handshake_datagrams_up"] == 3);
        for line in [
            "> ",
            "ClientHello (DTLS 1.2, for localhost, Connection ID)",
            "< ",
            "HelloVerifyRequest",
            "ClientHello (DTLS 1.2, cookie of ",
            "ServerHello (DTLS 1.2, ECDHE_ECDSA_WITH_",
            "ClientKeyExchange",
            ", full handshake; the certificate is sha256:",
            "CON GET, id 0x",
            "ACK 2.05 Content, id 0x",
            "with DTLS)",
            "protected alert",
            "the handshake: ",
            "all of it: ",
        ] {
            assert!(
                told.stderr.contains(line),
                "{library}: {line} in {}",
                told.stderr
            );
        }
        let report = report(&told);
        assert_eq!(report["dtls"], "1.2");
        assert_eq!(report["resumed"], false);
        assert_eq!(report["handshake_datagrams_up"], 3);
        let (all, handshake) = (&report["bytes_up"], &report["handshake_bytes_up"]);
        assert!(all.as_u64() > handshake.as_u64() && handshake.as_u64() > Some(300));
    }
}

/// Nothing of the request has gone out then.
#[test]
fn not_the_one_it_should_be() {
    for library in LIBRARIES {
        let (home, other) = (Home::new(library), Home::new(library));
        let issuer = home.issuer();
        // The system does not know the authority, and neither does the other one.
        for trust in [&[][..], &["--cacert", &other.issuer()]] {
            let said = bad(&[trust, &[&*home.url("/")]].concat());
            assert!(
                said.contains("not trusted here") && said.contains("--cacert FILE"),
                "{said}"
            );
        }
        let port = home.server.address().port();
        let by_address = format!("https://127.0.0.1:{port}/");
        let said = bad(&["--cacert", &issuer, &by_address]);
        assert!(
            said.contains("not for 127.0.0.1 but for localhost"),
            "{said}"
        );
        let place = format!("127.0.0.1:{port}");
        let shown = text(&[
            "--cacert",
            &issuer,
            "--connect",
            &place,
            "https://localhost/",
        ]);
        assert!(shown.contains("libcoap"), "{library}");
        let said = bad(&[
            "--cacert",
            &issuer,
            "--connect",
            &place,
            "https://example.org/",
        ]);
        assert!(said.contains("not for example.org"), "{said}");
        assert!(text(&["-k", &by_address]).contains("libcoap"), "{library}");

        let told = coap(&["-k", "--json", &by_address]);
        let fingerprint = report(&told)["fingerprint"].as_str().map(str::to_owned);
        let fingerprint = fingerprint.expect("a fingerprint");
        assert!(text(&["--fingerprint", &fingerprint, &by_address]).contains("libcoap"));
        let wrong = format!("sha256:{}", "00".repeat(32));
        let said = bad(&["--fingerprint", &wrong, &by_address]);
        assert!(said.contains("has the fingerprint "), "{said}");
    }
}

#[test]
fn other_certificates() {
    for library in LIBRARIES {
        let home = Home::with(library, |it| it.rsa_server(&["localhost"]));
        let told = coap(&["--cacert", &home.issuer(), "--json", &home.url("/")]);
        assert_eq!(told.code, Some(0), "{library}: {}", told.stderr);
        let suite = report(&told)["suite"].as_str().map(str::to_owned);
        assert!(suite.is_some_and(|suite| suite.starts_with("ECDHE_RSA_")));
        let home = Home::with(library, |it| it.expired_server(&["localhost"]));
        let said = bad(&["--cacert", &home.issuer(), &home.url("/")]);
        assert!(said.contains("has expired at 2002-01-01"), "{said}");
        assert!(text(&["-k", &home.url("/")]).contains("libcoap"));
    }
}

#[test]
fn authorities_that_cannot_be_read() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let empty = file.path().to_str().expect("a path in UTF-8");
    for (path, why) in [
        ("/nonexistent", "No such file"),
        (empty, "there is no certificate in it"),
    ] {
        let said = bad(&["--cacert", path, "127.0.0.1:1"]);
        assert!(
            said.contains(&format!("cannot use {path}")) && said.contains(why),
            "{said}"
        );
    }
}

#[test]
fn secrets_for_those_who_must_look_inside() {
    let home = Home::new("openssl");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("keys");
    let mut command = command(&["-k", &home.url("/")]);
    let told = run(
        {
            command.env("SSLKEYLOGFILE", &path);
            command
        },
        b"",
    );
    let warning = "vestibule: SSLKEYLOGFILE is set: who reads that file can decrypt all of this\n";
    assert_eq!((told.code, &*told.stderr), (Some(0), warning));
    let text = fs::read_to_string(&path).expect("the file");
    assert!(
        text.starts_with("CLIENT_RANDOM ") && text.lines().count() == 1,
        "{text}"
    );
    let mode = fs::metadata(&path).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// The answer is worth more than the secrets, but nobody should look for them in vain.
#[test]
fn secrets_that_cannot_be_written() {
    let home = Home::new("openssl");
    let mut command = command(&["-k", &home.url("/")]);
    command.env("SSLKEYLOGFILE", "/dev/full");
    let told = run(command, b"");
    let failed = "vestibule: SSLKEYLOGFILE cannot be written, and secrets are missing there: ";
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    let said: Vec<&str> = told.stderr.lines().collect();
    assert!(said.len() == 2 && said[1].starts_with(failed), "{said:?}");
}

#[test]
fn no_version_in_common() {
    let home = Home::new("openssl");
    bad_within(
        [
            "--connect-timeout=1.5",
            "--connect-timeout=6",
            "--connect-timeout=30",
        ],
        &["-k", "--dtls", "1.3", &home.url("/")],
        &[
            "no DTLS association with 127.0.0.1:",
            "was HelloVerifyRequest",
            "--dtls 1.2",
        ],
    );
}

/// A server that refuses says so in clear. It is believed when nothing else comes.
#[test]
fn no_suite_in_common() {
    let authority = Authority::new();
    let leaf = authority.server(&["localhost"]);
    let (_server, port) = Process::on_free_ports("openssl s_server", 1, "ACCEPT", |port| {
        let mut openssl = Command::new("openssl");
        openssl
            .args(["s_server", "-dtls1_2", "-accept"])
            .arg(format!("127.0.0.1:{port}"))
            .args(["-cipher", "ECDHE-ECDSA-AES256-SHA"])
            .arg("-cert")
            .arg(&leaf.chain)
            .arg("-key")
            .arg(&leaf.key);
        openssl
    });
    let address = format!("127.0.0.1:{port}");
    let start = Instant::now();
    let said = bad(&["-k", &address]);
    assert!(
        said.contains("was unprotected fatal alert handshake_failure"),
        "{said}"
    );
    // Not for as long as something else is waited for.
    assert!(start.elapsed() < Duration::from_secs(25));
}

#[test]
fn not_dtls_at_all() {
    let silent = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let address = silent.local_addr().expect("a bound socket");
    let said = bad(&["-k", "--connect-timeout", "0.5", &address.to_string()]);
    assert!(said.contains(&format!(
        "nothing came from {address} in 0.5 s: nobody speaks DTLS"
    )));
    let closed = format!("127.0.0.1:{}", free_ports(1));
    let said = bad(&["-k", &closed]);
    assert!(said.contains("the port is closed"), "{said}");
    // Without a port it may have been another one that was meant.
    let said = bad(&["-k", "--connect-timeout", "0.5", "127.0.0.1"]);
    assert!(
        said.contains("127.0.0.1:5684") && said.contains("mostly have 8008"),
        "{said}"
    );
}
