//! The TCP side with `https://`: TLS with the gateway's certificate.

use std::fs;

use vestibule_e2e::{Authority, Leaf, Vestibule, curl, wait_for};

use super::Homeserver;

const NAME: &str = "lb.example.org";

/// A gateway whose certificate is behind these paths, and a listener with another certificate.
fn start(homeserver: &Homeserver, own: &Leaf, other: &Leaf) -> Vestibule {
    Vestibule::start(format!(
        "{}[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
         [listener.tls]\nmode = \"terminate\"\n\
         [service.s]\nkind = \"http\"\nupstreams = [\"{homeserver}\"]\n\
         [[low_bandwidth]]\nname = \"lb\"\nbind = \"127.0.0.1:0\"\nhomeserver = \"http://{homeserver}\"\n\
         advertise = \"https://{NAME}\"\ntcp_bind = \"127.0.0.1:0\"\ncertificate = {}\n",
        other.section(),
        own.table(),
        homeserver = homeserver.address(),
    ))
}

fn told(vestibule: &Vestibule, listener: &str, name: &str, arguments: &str) -> String {
    let path = "/.well-known/matrix/client";
    let output = curl(vestibule.address(listener), name, path, arguments);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_gateway_shows_its_own_certificate() {
    let authority = Authority::new();
    let (own, other) = (
        authority.server(&[NAME]),
        authority.server(&["web.example.org"]),
    );
    let homeserver = Homeserver::saying(r#"{"m.homeserver":{"base_url":"http://hs"}}"#);
    let vestibule = start(&homeserver, &own, &other);
    let ours = r#"{"m.homeserver":{"base_url":"https://lb.example.org"}}"#;
    let trusting = format!("--cacert {}", authority.root().display());
    for (version, shown) in [("--http2", "2"), ("--http1.1", "1.1")] {
        let arguments = format!("{trusting} {version} --write-out %{{http_version}}");
        assert_eq!(
            told(&vestibule, "lb/tcp", NAME, &arguments),
            format!("{ours}{shown}")
        );
        let head = homeserver.head();
        assert_eq!(
            vestibule_e2e::field(&head, "X-Forwarded-Proto"),
            Some("https")
        );
    }
    assert_eq!(told(&vestibule, "lb/tcp", "web.example.org", &trusting), "");
    assert_eq!(told(&vestibule, "in", NAME, &trusting), "");
    assert_ne!(told(&vestibule, "in", "web.example.org", &trusting), "");
}

#[test]
fn its_files_are_read_again() {
    let (old, new) = (Authority::new(), Authority::new());
    let own = old.server(&[NAME]);
    let homeserver = Homeserver::saying(r#"{"m.homeserver":{"base_url":"http://hs"}}"#);
    let vestibule = start(&homeserver, &own, &old.server(&["web.example.org"]));
    let trusts = |authority: &Authority| {
        let trusting = format!("--cacert {}", authority.root().display());
        !told(&vestibule, "lb/tcp", NAME, &trusting).is_empty()
    };
    assert!(trusts(&old) && !trusts(&new));
    let fresh = new.server(&[NAME]);
    for (from, to) in [(&fresh.chain, &own.chain), (&fresh.key, &own.key)] {
        let new = to.with_extension("new");
        fs::copy(from, &new).expect("a file");
        fs::rename(&new, to).expect("a file in place");
    }
    wait_for("the new certificate", || trusts(&new).then_some(()));
    assert!(!trusts(&old));
}
