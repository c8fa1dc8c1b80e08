//! What people are told of gateways.

use super::{DESIGN, LEAST, MOST};
use crate::{
    parse,
    tests::{flawless, summary},
};

#[test]
fn help_says_what_to_write() {
    let help = |line: &str| {
        let (key, _) = line.split_once(' ').unwrap();
        let kept = LEAST.lines().filter(|line| !line.starts_with(key));
        let text = kept.collect::<Vec<_>>().join("\n") + "\n" + line + "\n";
        let report = parse("a.toml", &text).report;
        let found = report.diagnostics.last();
        found
            .and_then(|found| found.help.clone())
            .unwrap_or_default()
    };
    for (line, expected) in [
        ("bind = 8008", "`\":8008\"`"),
        ("bind = \"8008\"", "`:8008` for every address"),
        ("bind = \"*:8008\"", "`:8008` for every address"),
        (
            "bind = \"localhost:8008\"",
            "`127.0.0.1:8008` and `[::1]:8008`",
        ),
        ("bind = \"unix:/a\"", "no unix sockets"),
        ("homeserver = \"matrix.org\"", "`https://matrix.org`"),
        ("homeserver = \"localhost:8008\"", "`http://localhost:8008`"),
        ("homeserver = \"10.0.0.5\"", "`http://10.0.0.5`"),
        ("x_forwarded_for = true", "one of `always`, `auto`, `never`"),
        (
            "limits = { associations = \"10k\" }",
            "a number from 1 to 10000000",
        ),
        (
            "homeserver = \"https://matrix.org/a\"",
            "`https://matrix.org`",
        ),
        ("homeserver = \"http://matrix.org\"", "`https://`"),
        (
            "homeserver = \"https://matrix.org\"\ntls = false",
            "leave `tls` out",
        ),
        ("tls = true", "`https://` in `homeserver`"),
        (
            "certificate = \"lb.pem\"",
            "{ chain = \"lb.pem\", key = \"lb.key\" }",
        ),
        ("tcp_bind = \":8008\"", "write `advertise = "),
        ("advertise = \"https://a:8008\"", "another `tcp_bind`"),
        ("plain_debug_bind = \"192.0.2.1:5683\"", "`127.0.0.1:5683`"),
        ("block_size = 1000", "512 or 1024"),
        ("profile = \"satelite\"", "`satellite`"),
        ("allow_paths = \"_synapse/client\"", "`/_synapse/client`"),
        ("limits = { bodies = \"8MiB\" }", "16MiB"),
        ("limits = { poll = 8 }", "`polls`"),
    ] {
        assert!(help(line).contains(expected), "{line}: {}", help(line));
    }
}

#[test]
fn http_beside_dtls_is_told_where_it_is_in_the_way() {
    let text = format!(
        "{LEAST}advertise = \"https://lb.example:8008\"\n[admin]\nlisten = \"[::1]:8008\"\n"
    )
    .replace("127.0.0.1:8008", "127.0.0.1:8009");
    let expected = r#"error[address_overlap]: `[::1]:8008` overlaps `[::]:8008` of the TCP side of gateway `0.0.0.0:8008`
 --> a.toml:8:10
  |
3 | bind = ":8008"
  |        ------- [::]:8008 is taken here
...
8 | listen = "[::1]:8008"
  |          ^^^^^^^^^^^^
  |
  = help: `0.0.0.0` and `::` are every address of their kind: write another port or each address
"#;
    assert_eq!(parse("a.toml", &text).report.render(false), expected);
    let text = format!(
        "[[listener]]\nname = \"web\"\nbind = \"0.0.0.0:8008\"\nservice = \"a\"\n[service.a]\nupstreams = \"b:1\"\
         {LEAST}advertise = \"https://lb.example:8008\"\n"
    )
    .replace("127.0.0.1:8008", "127.0.0.1:8009");
    let report = parse("a.toml", &text).report;
    let found = &report.diagnostics[0];
    assert_eq!(
        found.message,
        "`0.0.0.0:8008` is already taken by listener `web`"
    );
    assert!(found.help.as_ref().unwrap().contains("write `tcp_bind`"));
}

#[test]
fn no_password_of_a_url_is_shown() {
    let text = LEAST.replace("127.0.0.1", "user:hush@127.0.0.1");
    let report = parse("a.toml", &text).report;
    assert_eq!(summary(&report), ["invalid_url 4:14"]);
    let shown = report.render(false) + &format!("{:?}", report.diagnostics);
    assert!(!shown.contains("hush"), "{shown}");
}

#[test]
fn the_plan_is_told() {
    let described = flawless(
        &format!("{DESIGN}{MOST}")
            .replace("0.0.0.0:8448", "192.0.2.1:8448")
            .replace("[::]:8448", "[2001:db8::1]:8448"),
    )
    .describe();
    let (before, _) = described.split_once("\nprocess\n").unwrap();
    let expected = include_str!("plan.txt");
    assert_eq!(before, expected);
}
