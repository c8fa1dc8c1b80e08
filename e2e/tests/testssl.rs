//! What testssl.sh, Debian's, has to say of the terminator with its defaults.

use std::fs;
use std::process::Command;

use serde_json::Value;
use vestibule_e2e::{Authority, Origin, Vestibule};

/// Protocols, ciphers, forward secrecy, server preference, and every vulnerability that it knows.
#[test]
fn testssl_finds_nothing_of_medium_severity_or_higher() {
    let authority = Authority::new();
    let ec = authority.server(&["chat.example.org"]);
    let rsa = authority.rsa_server(&["chat.example.org"]);
    let origin = Origin::echo();
    let vestibule = Vestibule::start(format!(
        "{}{}[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [listener.tls]\nmode = \"terminate\"\nalpn = [\"http/1.1\"]\n\
         [service.s]\nupstreams = [\"{}\"]\n",
        ec.section(),
        rsa.section(),
        origin.address()
    ));
    let address = vestibule.address("in");
    let findings = authority.directory().join("findings.json");
    let output = Command::new("testssl")
        .args(["-p", "-s", "-f", "-P", "-U"])
        .args([
            "--quiet",
            "--color",
            "0",
            "--warnings",
            "batch",
            "--assume-http",
        ])
        .args(["--ip", &address.ip().to_string(), "--jsonfile"])
        .arg(&findings)
        .arg(format!("chat.example.org:{}", address.port()))
        .output()
        .expect("testssl; `cargo xtask setup` gets it");
    let said = String::from_utf8_lossy(&output.stdout);
    let text = fs::read_to_string(&findings).unwrap_or_else(|error| panic!("{error}: {said}"));
    let findings: Vec<Value> = serde_json::from_str(&text).expect("findings in JSON");
    // It has looked at each section, and the protocols are what we say.
    let of = |id: &str| {
        let found = findings.iter().find(|finding| finding["id"] == id);
        found.unwrap_or_else(|| panic!("nothing of {id}: {said}"))
    };
    for (id, word) in [
        ("SSLv2", "not offered"),
        ("SSLv3", "not offered"),
        ("TLS1", "not offered"),
        ("TLS1_1", "not offered"),
        ("TLS1_2", "offered"),
        ("TLS1_3", "offered"),
        ("PFS", "offered"),
        ("heartbleed", "not vulnerable"),
        ("ROBOT", "not vulnerable"),
    ] {
        let finding = of(id)["finding"].as_str().unwrap_or_default();
        assert!(finding.starts_with(word), "{id}: {finding}");
    }
    let serious: Vec<&Value> = findings
        .iter()
        .filter(|finding| {
            let severity = finding["severity"].as_str().unwrap_or_default();
            ["MEDIUM", "HIGH", "CRITICAL"].contains(&severity)
        })
        .collect();
    assert!(serious.is_empty(), "{serious:#?}\n{said}");
    println!(
        "{} findings, none of medium severity or higher",
        findings.len()
    );
}
