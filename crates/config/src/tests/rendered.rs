//! What people see.

use crate::{Position, parse};

const TEXT: &str = r#"[[listener]]
name = "c2s"
bind = "127.0.0.1:5222"
service = "c3s"
[[listener]]
name = "c2s"
bind = "unix:ü.sock"
service = "c2s" # "é" behind it
[service.c2s]
upstreams = "127.0.0.1:5269"
"#;

#[test]
fn each_diagnostic_underlines_its_text_and_helps() {
    let expected = r#"error[unknown_service]: there is no service `c3s`
 --> a.toml:4:11
  |
4 | service = "c3s"
  |           ^^^^^
  |
  = help: did you mean `c2s`?

error[duplicate_name]: listener `c2s` is already there
 --> a.toml:6:8
  |
2 | name = "c2s"
  |        ----- first here
...
6 | name = "c2s"
  |        ^^^^^
  |
  = help: each listener has a name of its own, for logs and metrics
"#;
    assert_eq!(parse("a.toml", TEXT).report.render(false), expected);
}

#[test]
fn warnings_and_single_columns_are_shown() {
    let text = "proxy_trusted_proxies = []\nproxy_port_mappings = { 1 = \"ö\" }\n";
    let expected = r#"warning[trusts_everyone]: every peer is trusted to say who its client is
 --> a.toml:1:25
  |
1 | proxy_trusted_proxies = []
  |                         ^^
  |
  = help: whoever reaches this port can claim any address: write those of your load balancer

warning[mapped_service_missing]: there is no service `ö`: its connections are dropped after their PROXY header
 --> a.toml:2:29
  |
2 | proxy_port_mappings = { 1 = "ö" }
  |                             ^^^
  |
  = help: define it: [service.NAME] with `upstreams`
"#;
    assert_eq!(parse("a.toml", text).report.render(false), expected);
}

#[test]
fn the_end_of_the_file_is_shown() {
    let expected = r#"error[syntax]: there is no value
 --> a.toml:2:8
  |
2 | level =
  |        ^
  |
  = help: write a value behind the `=`
"#;
    assert_eq!(
        parse("a.toml", "[log]\nlevel =").report.render(false),
        expected
    );
}

#[test]
fn an_empty_file_has_no_text_to_show() {
    let expected = r#"error[no_listeners]: there is nothing to listen on
--> a.toml
 = help: write a [[listener]] with `name`, `bind` and `service`, `proxy_port_mappings`, a [[component]] or a [[low_bandwidth]]
"#;
    assert_eq!(parse("a.toml", "").report.render(false), expected);
}

#[test]
fn colours_are_for_terminals() {
    let report = parse("a.toml", TEXT).report;
    assert!(report.render(true).contains("\u{1b}["));
    assert!(!report.render(false).contains('\u{1b}'));
}

#[test]
fn control_characters_of_the_file_do_not_reach_the_terminal() {
    let text = "[log]\nformat = \"\\u001b[31m\"\n\"\\u0007\" = 1\n";
    let rendered = parse("a.toml", text).report.render(false);
    assert!(!rendered.contains(['\u{1b}', '\u{7}']), "{rendered}");
    let raw = "[log]\nformat = \"\u{1b}[31m\"\n# \u{7}\n";
    let rendered = parse("a.toml", raw).report.render(false);
    assert!(!rendered.contains(['\u{1b}', '\u{7}']), "{rendered}");
}

#[test]
fn programs_get_the_same() {
    let report = parse("a.toml", TEXT).report;
    let found = &report.diagnostics[1];
    assert_eq!(found.severity.name(), "error");
    assert_eq!(
        (found.file.as_str(), found.code),
        ("a.toml", "duplicate_name")
    );
    assert_eq!((found.line, found.column), (6, 8));
    assert_eq!(
        found.end,
        Position {
            line: 6,
            column: 13
        }
    );
    assert_eq!(found.snippet, "\"c2s\"");
    let related = found.related.as_ref().unwrap();
    assert_eq!(
        (related.message.as_str(), related.start.line),
        ("first here", 2)
    );
}

#[test]
fn messages_are_short_whatever_the_file_contains() {
    let long = "x".repeat(100_000);
    let texts = [
        format!("[{long}"),
        format!("[log]\nlevel = \"{long}\"\n"),
        format!("{long}\n"),
        format!("a = {}", "[".repeat(1000)),
        format!("[limits]\npeek_timeout = \"{}\"\n", "9".repeat(1000)),
        format!(
            "[service.{long}]\nupstreams = 1\n[service.{}]\n",
            &long[1..]
        ),
    ];
    for text in &texts {
        for found in parse("a.toml", text).report.diagnostics {
            let help = found.help.unwrap_or_default();
            let longest = [&found.message, &help, &found.snippet].map(|text| text.chars().count());
            assert!(longest.iter().all(|length| *length <= 501), "{longest:?}");
        }
    }
}
