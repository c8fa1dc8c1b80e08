//! Components: what the file means, and what `check` prints of them.

mod reference;

use std::time::Duration;

use vestibule_xmpp::component::{
    About, Answerer, Balance, Mode, PolicyKey, Rate, Requester, RetrySets, Settings,
};

use super::{flawless, summary, usable};
use crate::{Component, FileRef, Secret, Upstream, UpstreamAlpn, parse};

const LEAST: &str = r#"
[[component]]
domain = "proxy.example.org"
target = "bot@example.org"
secret = "hush"
"#;

/// As the design has it.
const DESIGN: &str = r#"
[[component]]
domain = "proxy.example.org"
server = "127.0.0.1:5347"
secret = { file = "component.secret" }       # or a string, or { env = "NAME" }
target = "bot@example.org"                   # target_address is a synonym; a list is several targets
balance = "random"                           # round_robin | least_outstanding | priority | sticky
timeout = "20s"                              # for the requester, who usually waits 30
attempt_timeout = "8s"
attempts = 2                                 # resources tried for a get inside the timeout
jat = { mode = "opaque", key_file = "jat.key" }          # compat | escaped
allow = ["example.org"]                      # requesters, by domain or JID; absent: anyone
namespaces = ["jabber:iq:version"]           # payloads let through; absent: any
rate = "20/s"                                # per requester
max_stanza = 500000
required = false                             # true: /readyz is 503 while this component is down
"#;

const MOST: &str = r#"
[[component]]
domain = "Proxy.Example.ORG."
server = "xmpp.internal:5347"
tls = { server_name = "xmpp.example.org", ca = "/etc/ca.pem" }
secret = { file = "component.secret" }
target = ["Bot@Example.org", "bot2@example.net"]
balance = "sticky"
policy_key = "bare"
timeout = "5s"
attempt_timeout = "1500ms"
attempts = 16
retry_sets = "jabber:iq:search"
jat = { key_file = "/var/lib/keys" }
allow = ["Example.org", "User@example.net", "example.com/Res", "a@example.com/Res"]
deny = "guest@example.org"
namespaces = ["jabber:iq:version", "jabber:iq:search"]
rate = "100/m"
max_stanza = "64KiB"
max_pending = 10
max_pending_per_requester = 10
max_pending_bytes = "1MiB"
disco = "forward"
version = "forward"
ping = "local"
name = "Bücher"
features = "urn:a"
required = true
"#;

fn only(text: &str) -> Component {
    let mut config = flawless(text);
    assert_eq!(config.components.len(), 1);
    config.components.remove(0)
}

#[test]
fn defaults_are_filled_in() {
    let component = only(LEAST);
    let expected = Settings {
        domain: "proxy.example.org".to_owned(),
        targets: vec!["bot@example.org".to_owned()],
        ..Settings::default()
    };
    assert_eq!(component.settings, expected);
    let server = "127.0.0.1:5347".parse().unwrap();
    assert_eq!(component.server, Upstream::Address(server));
    assert_eq!(component.tls, None);
    assert_eq!(component.secret, Secret::Text("hush".to_owned()));
    assert_eq!(component.key_file, Some(FileRef::unnamed("jat.key")));
    assert!(!component.required);
}

#[test]
fn every_key_is_heard() {
    let component = only(MOST);
    let text = |text: &str| text.to_owned();
    let expected = Settings {
        domain: text("proxy.example.org"),
        targets: vec![text("bot@example.org"), text("bot2@example.net")],
        mode: Mode::Opaque,
        balance: Balance::Sticky,
        policy_key: PolicyKey::Bare,
        timeout: Duration::from_secs(5),
        attempt_timeout: Duration::from_millis(1500),
        attempts: 16,
        retry_sets: RetrySets::Namespaces(vec![text("jabber:iq:search")]),
        allow: vec![
            Requester::Domain(text("example.org")),
            Requester::Account(text("user@example.net")),
            Requester::Full(text("example.com/Res")),
            Requester::Full(text("a@example.com/Res")),
        ],
        deny: vec![Requester::Account(text("guest@example.org"))],
        namespaces: vec![text("jabber:iq:version"), text("jabber:iq:search")],
        rate: Some(Rate {
            count: 100,
            per: Duration::from_secs(60),
        }),
        max_stanza: 65_536,
        max_pending: 10,
        max_pending_per_requester: 10,
        max_pending_bytes: 1 << 20,
        about: About {
            disco: Answerer::Forward,
            version: Answerer::Forward,
            ping: Answerer::Local,
            name: text("Bücher"),
            features: vec![text("urn:a")],
            ..About::default()
        },
    };
    assert_eq!(component.settings, expected);
    assert_eq!(
        component.server,
        Upstream::Name(text("xmpp.internal"), 5347)
    );
    let tls = component.tls.unwrap();
    assert_eq!(tls.server_name.as_deref(), Some("xmpp.example.org"));
    assert_eq!(tls.alpn, UpstreamAlpn::Set(Vec::new()));
    let secret = FileRef::unnamed("component.secret");
    assert_eq!(component.secret, Secret::File(secret));
    assert_eq!(component.key_file, Some(FileRef::unnamed("/var/lib/keys")));
    assert!(component.required);
}

#[test]
fn the_design_is_understood() {
    let component = only(DESIGN);
    let settings = component.settings;
    assert_eq!(
        settings.allow,
        [Requester::Domain("example.org".to_owned())]
    );
    assert_eq!(settings.namespaces, ["jabber:iq:version"]);
    assert!(settings.rate.is_some());
}

#[test]
fn the_words_mean_what_they_say() {
    let with = |line: &str| only(&format!("{LEAST}{line}\n"));
    for (word, balance) in [
        ("least_outstanding", Balance::LeastOutstanding),
        ("priority", Balance::Priority),
        ("random", Balance::Random),
        ("round_robin", Balance::RoundRobin),
        ("sticky", Balance::Sticky),
    ] {
        let settings = with(&format!("balance = \"{word}\"")).settings;
        assert_eq!(
            (settings.balance, settings.policy_key),
            (balance, PolicyKey::Full)
        );
    }
    for (word, mode) in [("compat", Mode::Compat), ("escaped", Mode::Escaped)] {
        let component = with(&format!("jat = {{ mode = \"{word}\" }}"));
        assert_eq!((component.settings.mode, component.key_file), (mode, None));
    }
    for (value, sets) in [
        ("false", RetrySets::Never),
        ("true", RetrySets::All),
        ("[\"a\"]", RetrySets::Namespaces(vec!["a".to_owned()])),
    ] {
        let settings = with(&format!("retry_sets = {value}")).settings;
        assert_eq!(settings.retry_sets, sets);
    }
    for (text, count, per) in [
        ("20/s", 20, 1),
        ("1/m", 1, 60),
        ("1000000/h", 1_000_000, 3600),
    ] {
        let rate = Rate {
            count,
            per: Duration::from_secs(per),
        };
        assert_eq!(
            with(&format!("rate = \"{text}\"")).settings.rate,
            Some(rate)
        );
    }
    let named = LEAST.replace("\"hush\"", "{ env = \"CARGO_PKG_NAME\" }");
    let secret = Secret::Text("vestibule-config".to_owned());
    assert_eq!(only(&named).secret, secret);
    assert_eq!(with("tls = false").tls, None);
    let one_attempt = with("attempts = 1\ntimeout = \"1s\"").settings;
    assert_eq!(one_attempt.attempts, 1);
}

#[test]
fn several_components_and_files_beside_the_configuration() {
    let text = LEAST.replace("target =", "target_address =")
        + &LEAST
            .replace("proxy.", "b.")
            .replace("\"hush\"", "{ file = \"s\" }");
    let config = parse("/etc/v/a.toml", &text).config.unwrap();
    let [one, two] = &config.components[..] else {
        panic!("{}", config.components.len())
    };
    assert_eq!(one.settings.targets, two.settings.targets);
    let key_file = Some(FileRef::unnamed("/etc/v/jat.key"));
    assert_eq!((&one.key_file, &two.key_file), (&key_file, &key_file));
    assert_eq!(two.secret, Secret::File(FileRef::unnamed("/etc/v/s")));
}

#[test]
fn help_says_what_to_write() {
    let help = |line: &str| {
        let (key, _) = line.split_once(' ').unwrap();
        let kept = LEAST.lines().filter(|line| !line.starts_with(key));
        let text = kept.collect::<Vec<_>>().join("\n") + "\n" + line;
        let report = parse("a.toml", &text).report;
        let found = report
            .diagnostics
            .iter()
            .find(|found| found.line == 5 || found.line == 6);
        found.unwrap().help.clone().unwrap_or_default()
    };
    for (line, expected) in [
        (
            "target = \"Bot@Example.org/x\"",
            "without /resource: `bot@example.org`",
        ),
        (
            "target = \"xmpp:bot@example.org\"",
            "write `bot@example.org`",
        ),
        ("domain = \"bot@Proxy.example/x\"", "write `proxy.example`"),
        ("server = \"xmpp.example\"", "`xmpp.example:5347`"),
        ("server = \"127.0.0.1\"", "`127.0.0.1:5347`"),
        ("server = \"::1\"", "`[::1]:5347`"),
        ("server = \"::1:5347\"", "`[::1]:5347`: IPv6 needs brackets"),
        ("rate = 20", "`\"20/s\"`"),
        ("rate = \"20 / min\"", "`\"20/m\"`"),
        ("rate = \"20\"", "`\"20/s\"`"),
        ("jat = \"compat\"", "`jat = { mode = \"compat\" }`"),
        ("balance = \"leastoutstanding\"", "`least_outstanding`"),
        ("retry_set = true", "`retry_sets`"),
        ("allow = \"*\"", "for anyone"),
        ("timeout = \"4s\"", "\"2s\""),
    ] {
        assert!(help(line).contains(expected), "{line}: {}", help(line));
    }
}

#[test]
fn no_secret_is_shown() {
    let with = |value: &str| format!("{LEAST}[log]\nlevel = 1\n").replace("\"hush\"", value);
    for value in ["\"hush\\n\"", "'hush", "[\"hush\"]"] {
        let loaded = parse("a.toml", &with(value));
        assert!(loaded.report.has_errors(), "{value}");
        let shown = loaded.report.render(false) + &format!("{:?}", loaded.report.diagnostics);
        assert!(!shown.contains("hush"), "{shown}");
    }
    let (config, _) = usable(LEAST);
    let shown = config.describe() + &format!("{config:?}");
    assert!(!shown.contains("hush"), "{shown}");
}

#[test]
fn a_component_alone_is_enough_and_a_wrong_one_is_all_there_is_to_say() {
    assert!(flawless(LEAST).listeners.is_empty());
    let report = parse(
        "a.toml",
        "[[component]]\ndomain = 1\ntarget = \"a@b\"\nsecret = \"c\"",
    )
    .report;
    assert_eq!(summary(&report), ["wrong_type 2:10"]);
    let report = parse("a.toml", "component = []").report;
    assert_eq!(summary(&report), ["no_listeners 1:1"]);
}

#[test]
fn the_plan_is_told() {
    let text = format!(
        "{LEAST}{}{}",
        MOST,
        LEAST.replace("proxy.", "c.").replace(
            "secret = \"hush\"",
            "secret = \"hush\"\nserver = \"unix:/run/c\"\nattempts = 1\n\
             jat = { mode = \"escaped\" }\nping = \"local\"\nbalance = \"least_outstanding\""
        )
    )
    .replacen("proxy.", "a.", 1);
    let described = flawless(&text).describe();
    let (before, _) = described.split_once("process\n").unwrap();
    let expected = "\
component a.example.org
  server       127.0.0.1:5347
  targets      bot@example.org
  balance      random
  requests     answered within 20s; gets are asked of up to 2 resources, 8s each, sets of one
  addresses    opaque, keys of jat.key
  allows       anyone
  limits       64 pending per requester; 100000 pending in all, 64MiB; stanzas of 500000 bytes
  itself       answers disco#info, version as Vestibule; forwards ping

component proxy.example.org
  server       xmpp.internal:5347
  TLS          TLS 1.2 to 1.3 as xmpp.example.org, verified by /etc/ca.pem
  targets      bot@example.org, bot2@example.net
  balance      sticky for each account
  requests     answered within 5s; gets are asked of up to 16 resources, 1s500ms each, as are sets of jabber:iq:search
  addresses    opaque, keys of /var/lib/keys
  allows       example.org, user@example.net, example.com/Res, a@example.com/Res
  but not      guest@example.org
  namespaces   jabber:iq:version, jabber:iq:search
  limits       100/m and 10 pending per requester; 10 pending in all, 1MiB; stanzas of 64KiB
  itself       answers ping as Bücher; forwards disco#info, version
  required     /readyz fails while the link is down

component c.example.org
  server       unix:/run/c
  targets      bot@example.org
  balance      least outstanding
  requests     answered within 20s, by one resource
  addresses    escaped (XEP-0106)
  allows       anyone
  limits       64 pending per requester; 100000 pending in all, 64MiB; stanzas of 500000 bytes
  itself       answers disco#info, version, ping as Vestibule

";
    assert_eq!(before, expected);
}
