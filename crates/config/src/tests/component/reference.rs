//! What the reference says of components is what the program does.

use super::{LEAST, only};
use crate::{parse, schema, tests::documents::reference};

/// The part of the reference that is about components.
fn section() -> String {
    let reference = reference();
    let (_, rest) = reference.split_once("\n## `[[component]]`\n").unwrap();
    rest.split("\n## ").next().unwrap().to_owned()
}

/// What it says of `key`.
fn of(section: &str, key: &str) -> String {
    let parts = section.split("\n###").skip(1);
    let mut parts = parts.filter(|part| {
        let heading = part.lines().next().unwrap();
        heading.contains(&format!("`{key}`"))
    });
    parts.next().unwrap_or_else(|| panic!("{key}")).to_owned()
}

#[test]
fn every_key_has_its_place_and_stands_in_the_example() {
    let section = section();
    let example = section.split("```").nth(3).unwrap();
    for table in [&schema::COMPONENT, &schema::JAT] {
        for key in table.keys {
            assert!(!of(&section, key).is_empty());
            let written = example
                .lines()
                .any(|line| line.starts_with(&format!("{key} =")));
            let inside =
                example.contains(&format!("{{ {key} =")) || example.contains(&format!(", {key} ="));
            assert!(written || inside || *key == "target_address", "{key}");
        }
    }
}

#[test]
fn defaults_are_as_told() {
    let section = section();
    let expected = only(LEAST);
    for (key, default) in [
        ("server", "\"127.0.0.1:5347\""),
        ("required", "false"),
        ("balance", "\"random\""),
        ("timeout", "\"20s\""),
        ("attempt_timeout", "\"8s\""),
        ("attempts", "2"),
        ("retry_sets", "false"),
        ("max_stanza", "500000"),
        ("max_pending", "100000"),
        ("max_pending_per_requester", "64"),
        ("max_pending_bytes", "\"64MiB\""),
        ("disco", "\"local\""),
        ("version", "\"local\""),
        ("ping", "\"forward\""),
        ("name", "\"Vestibule\""),
    ] {
        let told = of(&section, key);
        let marked = [
            format!("Default: `{default}`"),
            format!("`{default}` (the default"),
        ];
        assert!(marked.iter().any(|text| told.contains(text)), "{key}");
        assert_eq!(
            only(&format!("{LEAST}{key} = {default}\n")),
            expected,
            "{key}"
        );
    }
    for (key, default) in [("mode", "\"opaque\""), ("key_file", "\"jat.key\"")] {
        let told = of(&section, key);
        assert!(told.contains(&format!("`{default}`")), "{key}");
        let component = only(&format!("{LEAST}jat = {{ {key} = {default} }}\n"));
        assert_eq!(component, expected, "{key}");
    }
}

#[test]
fn limits_are_as_told() {
    let section = section();
    for (key, [below, least, most, above]) in [
        ("timeout", ["99ms", "100ms", "1h", "1h1ms"]),
        ("attempt_timeout", ["99ms", "100ms", "1h", "1h1ms"]),
        ("attempts", ["0", "1", "16", "17"]),
        ("max_stanza", ["10239B", "10KiB", "10MiB", "10485761B"]),
        ("max_pending", ["0", "1", "10000000", "10000001"]),
        (
            "max_pending_per_requester",
            ["0", "1", "10000000", "10000001"],
        ),
        (
            "max_pending_bytes",
            ["65535B", "64KiB", "64GiB", "68719476737B"],
        ),
    ] {
        let told = of(&section, key);
        let value = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
            true => text.to_owned(),
            false => format!("\"{text}\""),
        };
        // Limits of others must not be in the way.
        let room = match key {
            "max_pending_bytes" => "max_stanza = \"10KiB\"\n",
            _ => "",
        };
        let is_good = |text: &str| {
            let text = format!("{LEAST}{room}{key} = {}\n", value(text));
            !parse("test.toml", &text).report.has_errors()
        };
        assert!(
            told.contains(&*value(least)) || told.contains(&format!("; {least} to")),
            "{key}"
        );
        assert!(told.contains(&*value(most)), "{key}");
        assert_eq!(
            [below, least, most, above].map(is_good),
            [false, true, true, false],
            "{key}"
        );
    }
    for (key, most) in [("secret", 1024), ("name", 256)] {
        assert!(
            of(&section, key).contains(&format!("1 to {most} bytes")),
            "{key}"
        );
        let is_good = |length| {
            let kept = LEAST.lines().filter(|line| !line.starts_with(key));
            let text = kept.collect::<Vec<_>>().join("\n");
            let text = format!("{text}\n{key} = \"{}\"\n", "x".repeat(length));
            !parse("test.toml", &text).report.has_errors()
        };
        assert_eq!(
            [0, 1, most, most + 1].map(is_good),
            [false, true, true, false],
            "{key}"
        );
    }
}
