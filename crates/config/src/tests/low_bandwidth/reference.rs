//! What the reference says of gateways is what the program does.

use super::{LEAST, only};
use crate::{parse, schema, tests::documents::reference};

/// The parts of the reference that are about gateways.
fn section() -> String {
    let reference = reference();
    let (_, rest) = reference.split_once("\n## `[[low_bandwidth]]`\n").unwrap();
    let (gateway, rest) = rest.split_once("\n## `[low_bandwidth.limits]`\n").unwrap();
    format!("{gateway}{}", rest.split("\n## ").next().unwrap())
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

fn is_limit(key: &str) -> bool {
    schema::LOW_BANDWIDTH_LIMITS.keys.contains(&key)
}

/// The least file with this line, where other limits are not in the way.
fn with(key: &str, value: &str, room: &str) -> String {
    match is_limit(key) {
        true => format!("{LEAST}[low_bandwidth.limits]\n{key} = {value}\n{room}"),
        false => format!("{LEAST}{key} = {value}\n"),
    }
}

#[test]
fn every_key_has_its_place_and_stands_in_the_example() {
    let section = section();
    let example = section.split("```").nth(5).unwrap();
    let (keys, limits) = example.split_once("[low_bandwidth.limits]\n").unwrap();
    for (table, text) in [
        (&schema::LOW_BANDWIDTH, keys),
        (&schema::LOW_BANDWIDTH_LIMITS, limits),
    ] {
        for key in table.keys {
            assert!(!of(&section, key).is_empty());
            let start = format!("{key} =");
            let is_written = text.lines().any(|line| line.starts_with(&start));
            assert!(is_written || *key == "limits", "{key}");
        }
    }
}

#[test]
fn the_example_has_the_defaults_of_limits() {
    let section = section();
    let example = section.split("```").nth(5).unwrap();
    let (_, limits) = example.split_once("[low_bandwidth.limits]\n").unwrap();
    assert_eq!(
        only(&format!("{LEAST}[low_bandwidth.limits]\n{limits}")),
        only(LEAST)
    );
    for line in limits.lines() {
        let (key, default) = line.split_once(" = ").unwrap();
        let told = of(&section, key);
        assert!(told.contains(&format!("Default: `{default}`;")), "{key}");
    }
}

#[test]
fn defaults_are_as_told() {
    let section = section();
    let expected = only(LEAST);
    for (key, default) in [
        ("x_forwarded_for", "\"auto\""),
        ("profile", "\"standard\""),
        ("block_size", "1024"),
        ("handshake_timeout", "\"60s\""),
        ("ack_window", "\"1500ms\""),
        ("request_timeout", "\"60s\""),
        ("sync_timeout", "\"5m\""),
        ("cbor_keys", "\"always\""),
        ("upstream_prefix", "\"auto\""),
        ("stable_key", "false"),
        ("min_version", "\"1.2\""),
        ("max_version", "\"1.3\""),
    ] {
        let told = of(&section, key);
        let marked = [
            format!("Default: `{default}`"),
            format!("`{default}` (the default"),
            format!("`{key} = {default}`"),
        ];
        assert!(marked.iter().any(|text| told.contains(text)), "{key}");
        assert_eq!(only(&with(key, default, "")), expected, "{key}");
    }
    for (profile, key, default) in [
        ("satellite", "upload_idle_timeout", "\"120s\""),
        ("satellite", "upload_timeout", "\"15m\""),
        ("satellite", "response_idle_timeout", "\"5m\""),
        ("hf", "handshake_timeout", "\"300s\""),
        ("hf", "upload_idle_timeout", "\"300s\""),
        ("hf", "upload_timeout", "\"2h\""),
        ("hf", "response_idle_timeout", "\"15m\""),
    ] {
        let told = of(&section, key);
        assert!(told.contains(&format!(
            "With `profile = \"{profile}\"` the default is `{default}`"
        )));
        let patient = LEAST.replace("bind", &format!("profile = \"{profile}\"\nbind"));
        let written = with(key, default, "").replace(LEAST, &patient);
        assert_eq!(only(&written), only(&patient), "{profile} {key}");
    }
}

#[test]
fn limits_are_as_told() {
    let section = section();
    let numbers = [
        ("block_size", [15, 16, 1024, 1025], ""),
        ("requests_per_minute", [-1, 0, 10_000_000, 10_000_001], ""),
    ];
    let all = [0, 1, 10_000_000, 10_000_001];
    let of_one = [0, 1, 10_000, 10_001];
    let numbers = numbers.into_iter().chain(
        [
            "associations",
            "associations_per_source",
            "half_open",
            "half_open_per_source",
            "handshakes_per_minute",
            "handshake_burst",
            "requests",
            "polls",
            "observations",
        ]
        .map(|key| (key, all, "")),
    );
    let numbers = numbers.chain(
        [
            "uploads",
            "responses",
            "requests_per_association",
            "queue_per_association",
            "syncs_per_association",
            "observers_per_association",
            "observations_per_token",
        ]
        .map(|key| (key, of_one, "")),
    );
    let requests = ["1023B", "1KiB", "128KiB", "131073B"];
    let bodies = ["1023B", "1KiB", "1GiB", "1073741825B"];
    let stores = ["65535B", "64KiB", "1024GiB", "1099511627777B"];
    let months = ["999ms", "1s", "30d", "30d1ms"];
    let hours = ["999ms", "1s", "1h", "1h1ms"];
    let days = ["999ms", "1s", "24h", "24h1ms"];
    let waits = ["99ms", "100ms", "1h", "1h1ms"];
    let upstream = ["99ms", "100ms", "30m", "30m1ms"];
    let large = "bodies = \"2GiB\"\nwaiting_bodies = \"2GiB\"\n";
    let small = "request_body = \"1KiB\"\nresponse_body = \"1KiB\"\n";
    let texts = [
        ("handshake_timeout", ["999ms", "1s", "30m", "30m1ms"], ""),
        ("ack_window", ["9ms", "10ms", "5s", "5s1ms"], ""),
        ("request_timeout", upstream, ""),
        ("sync_timeout", upstream, ""),
        ("idle_timeout", months, ""),
        ("observe_idle_timeout", months, ""),
        ("request_body", requests, ""),
        ("upload_idle_timeout", hours, ""),
        ("upload_timeout", days, ""),
        ("response_body", bodies, large),
        ("response_idle_timeout", days, ""),
        ("bodies", stores, small),
        ("waiting_bodies", stores, small),
        ("queue_timeout", waits, ""),
        ("long_poll", ["999ms", "1s", "50s", "50s1ms"], ""),
        ("poll_spacing", waits, ""),
        ("orphan_timeout", months, ""),
    ];
    let texts = texts.map(|(key, values, room)| (key, values.map(|v| format!("\"{v}\"")), room));
    let numbers =
        numbers.map(|(key, values, room)| (key, values.map(|v: i64| v.to_string()), room));
    let mut seen = 0;
    for (key, values, room) in numbers.chain(texts) {
        let told = of(&section, key);
        let [_, least, most, _] = &values;
        let [plain, quoted] = [
            format!("; {least} to {most}"),
            format!("; `{least}` to `{most}`"),
        ];
        assert!(told.contains(&plain) || told.contains(&quoted), "{key}");
        let is_good =
            |value: &String| !parse("a.toml", &with(key, value, room)).report.has_errors();
        let good: Vec<_> = values.iter().map(is_good).collect();
        assert_eq!(good, [false, true, true, false], "{key}");
        seen += usize::from(is_limit(key));
    }
    assert_eq!(seen, schema::LOW_BANDWIDTH_LIMITS.keys.len());
}
