//! Real servers behind services of kind `http`: they log who the client is.

use std::path::Path;
use std::process::Command;

use vestibule_e2e::{Haproxy, Nginx, Prosody, ProsodyPorts, ReservedPort, Vestibule, eventually};

fn python() -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/prosody/web_login.py");
    script.to_str().expect("UTF-8").to_owned()
}

/// Logs in, and answers as whom.
#[track_caller]
fn log_in(how: &str, url: &str) -> String {
    let output = Command::new("/usr/bin/python3")
        .args([
            &python(),
            how,
            url,
            Prosody::DOMAIN,
            "user",
            Prosody::PASSWORD,
        ])
        .output()
        .expect("Python; `cargo xtask setup` gets it");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let bound = said.trim().strip_prefix("bound ");
    bound
        .unwrap_or_else(|| panic!("{how}: {output:?}"))
        .to_owned()
}

/// HAProxy in front says by a PROXY header who the client is, Prosody behind hears it by
/// X-Forwarded-For; BOSH waits, WebSocket stays.
#[test]
fn prosody_is_used_by_bosh_and_websocket() {
    let ports = [(); 5].map(|()| ReservedPort::new());
    let prosody = Prosody::start(ProsodyPorts {
        c2s: ports[0].port(),
        s2s: ports[1].port(),
        proxy65: ports[2].port(),
        http: ports[3].port(),
        multiplex: ports[4].port(),
    });
    let vestibule = Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"web\"\n\
         [listener.proxy_protocol]\n\
         [service.web]\nkind = \"http\"\nupstreams = [\"{}\"]\n",
        ports[3].address()
    ));
    let front = ReservedPort::new();
    let config = format!(
        "defaults\n mode tcp\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n\
         frontend f\n bind {}\n default_backend b\n\
         backend b\n server s {} send-proxy-v2\n",
        front.address(),
        vestibule.address("in")
    );
    let _haproxy = Haproxy::start(&config, front.port());
    for (how, path) in [("bosh", "/http-bind"), ("websocket", "/xmpp-websocket")] {
        let jid = log_in(how, &format!("http://{}{path}", front.address()));
        assert!(jid.starts_with("user@some-domain.example/"), "{jid}");
        prosody.sees(&jid, "127.0.0.7");
        eventually("records", || {
            vestibule.records().iter().any(|r| r.text("path") == path)
        });
        let records = vestibule.records();
        let of_path: Vec<_> = records.iter().filter(|r| r.text("path") == path).collect();
        assert!(!of_path.is_empty(), "{how}");
        for record in of_path {
            record.assert(&[("service", "web"), ("host", Prosody::DOMAIN)]);
        }
    }
    let upgraded = vestibule.record("the WebSocket", |record| {
        record.text("path") == "/xmpp-websocket"
    });
    upgraded.assert(&[("method", "GET")]);
    assert_eq!(upgraded.number("status"), 101);
    assert!(
        upgraded.text("client").starts_with("127.0.0.7:"),
        "{upgraded:?}"
    );
}

/// nginx behind believes us, and logs the client that the PROXY header in front of us names.
#[test]
fn nginx_logs_the_real_client() {
    let nginx = Nginx::believing_forwarded();
    let vestibule = Vestibule::start(format!(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"web\"\n\
         [listener.proxy_protocol]\ntrusted = \"127.0.0.0/8\"\n\
         [service.web]\nkind = \"http\"\nupstreams = [\"{}\"]\n",
        nginx.address()
    ));
    for (number, version) in ["--http1.1", "--http2-prior-knowledge"].iter().enumerate() {
        let output = Command::new("curl")
            .args([
                "--silent",
                "--show-error",
                "--max-time",
                "10",
                "--haproxy-protocol",
                version,
            ])
            .args([
                "--header",
                "X-Forwarded-For: 6.6.6.6",
                "--interface",
                "127.0.0.9",
            ])
            .arg(format!("http://{}/page{number}", vestibule.address("in")))
            .output()
            .expect("curl; `cargo xtask setup` gets it");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "127.0.0.9\n",
            "{output:?}"
        );
        assert_eq!(nginx.logged(&format!("/page{number}")), "127.0.0.9");
    }
}
