//! curl speaks the PROXY protocol itself.

use std::process::{Command, Output};

use vestibule_e2e::{Nginx, Vestibule};

fn curl(arguments: &[&str]) -> Output {
    Command::new("curl")
        .args(["--silent", "--show-error", "--max-time", "60"])
        .args(arguments)
        .output()
        .expect("curl; `cargo xtask setup` gets it")
}

fn in_front_of(nginx: &Nginx, send_proxy: &str) -> Vestibule {
    Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"web\"\n\
         [listener.proxy_protocol]\n\
         [service.web]\nupstreams = [\"{}\"]\nsend_proxy = \"{send_proxy}\"\n",
        nginx.address()
    ))
}

/// The header says what the socket says; nginx behind sees it through both versions of ours.
#[test]
fn curls_own_header_reaches_nginx() {
    for send_proxy in ["v1", "v2"] {
        let nginx = Nginx::start();
        let vestibule = in_front_of(&nginx, send_proxy);
        let output = curl(&[
            "--haproxy-protocol",
            "--write-out",
            "%{http_code} %{local_ip}:%{local_port}",
            &format!("http://{}/{send_proxy}", vestibule.address("in")),
        ]);
        assert!(output.status.success(), "{output:?}");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let (seen, rest) = said.split_once('\n').expect("an answer and a summary");
        assert_eq!(rest, format!("200 {seen}"));
        let logged = nginx.logged(&format!("/{send_proxy}"));
        assert_eq!(logged, format!("{seen} {}", vestibule.address("in")));
        let record = vestibule.record(seen, |record| record.text("client") == seen);
        record.assert(&[("proxy_version", "v1"), ("service", "web"), ("end", "eof")]);
    }
}

/// Newer versions of curl can claim any address (8.2).
#[test]
fn an_address_that_curl_claims_reaches_nginx() {
    let help = curl(&["--help", "all"]);
    let nginx = Nginx::start();
    let vestibule = in_front_of(&nginx, "v1");
    let url = format!("http://{}/claimed", vestibule.address("in"));
    let output = if String::from_utf8_lossy(&help.stdout).contains("--haproxy-clientip") {
        curl(&["--haproxy-clientip", "192.0.2.77", &url])
    } else {
        // An older curl says the same through a relay that puts the header in front.
        let line = "PROXY TCP4 192.0.2.77 198.51.100.1 4000 80\\r\\n";
        let request = "GET /claimed HTTP/1.0\\r\\n\\r\\n";
        Command::new("sh")
            .arg("-c")
            .arg(format!(
                "printf '{line}{request}' | socat -t 10 - TCP:{}",
                vestibule.address("in")
            ))
            .output()
            .expect("a shell")
    };
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("192.0.2.77:"), "{said}");
    assert!(nginx.logged("/claimed").starts_with("192.0.2.77:"));
    vestibule
        .record("the claimed client", |record| {
            record.text("client").starts_with("192.0.2.77:")
        })
        .assert(&[("proxy_version", "v1")]);
}

/// Without a header, what curl says is no PROXY header: it is told so by the closed connection.
#[test]
fn plain_http_is_refused_where_a_header_is_required() {
    let nginx = Nginx::start();
    let vestibule = in_front_of(&nginx, "v1");
    let output = curl(&[&format!("http://{}/", vestibule.address("in"))]);
    assert!(!output.status.success(), "{output:?}");
    let record = &vestibule.wait_for_records(1)[0];
    record.assert(&[("end", "proxy_header_invalid"), ("reason", "no_signature")]);
}
