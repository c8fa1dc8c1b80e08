//! The reference and the examples say what the program does.

use std::{collections::BTreeSet, fs, path::PathBuf};

use super::{flawless, summary};
use crate::{CipherSuite, Code, Group, load, parse, schema};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(super) fn reference() -> String {
    fs::read_to_string(root().join("docs/configuration.md")).unwrap()
}

#[test]
fn every_key_has_its_heading_in_the_reference() {
    let reference = reference();
    let headings: Vec<_> = reference
        .lines()
        .filter(|line| line.starts_with('#'))
        .collect();
    for table in schema::ALL {
        for key in table.keys {
            let quoted = [
                format!("`{key}`"),
                format!("`[{key}]`"),
                format!("`[[{key}]]`"),
            ];
            let is_its = |heading: &&&str| quoted.iter().any(|name| heading.contains(name));
            let service = *key == "service" && reference.contains("## `[service.NAME]`");
            assert!(
                headings.iter().any(|line| is_its(&line)) || service,
                "{key} of {}",
                table.name
            );
        }
    }
}

#[test]
fn every_code_is_in_the_reference() {
    let reference = reference();
    let (_, table) = reference.split_once("\n## Diagnostics\n").unwrap();
    let rows = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let rows: Vec<_> = rows.collect();
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
    assert_eq!(rows, codes);
    assert!(codes.is_sorted());
}

#[test]
fn every_suite_and_group_is_in_the_reference() {
    let reference = reference();
    let rows: BTreeSet<_> = reference
        .lines()
        .filter(|line| line.starts_with("| "))
        .collect();
    for suite in CipherSuite::ALL {
        let (name, openssl) = (suite.name(), suite.openssl_name());
        let openssl = if name == openssl { "the same" } else { openssl };
        let version = crate::value::tls::show_version(suite.version());
        let row = format!("| {name} | {openssl} | {version} |");
        assert!(rows.contains(&*row), "{row}");
    }
    for group in Group::ALL {
        let row = format!("| {}", group.name());
        assert!(rows.iter().any(|line| line.starts_with(&row)), "{row}");
    }
}

/// The fragments of the reference define not everything that they name, so only that is missing.
#[test]
fn the_fragments_of_the_reference_are_right() {
    let reference = reference();
    let allowed =
        BTreeSet::from(["no_listeners", "unknown_service", "unused_service"].map(str::to_owned));
    let fragments: Vec<_> = reference.split("```toml\n").skip(1).collect();
    assert!(fragments.len() >= 10);
    for fragment in fragments {
        let text = fragment.split("```").next().unwrap();
        assert_only(&allowed, "reference", text);
    }
    flawless(
        reference
            .split("```toml\n")
            .nth(1)
            .unwrap()
            .split("```")
            .next()
            .unwrap(),
    );
}

/// Those that are whole configurations or the greater part of one: some leave out what was shown
/// before.
#[test]
fn the_fragments_of_the_guides_are_right() {
    let allowed = BTreeSet::from(["no_certificate", "unknown_service"].map(str::to_owned));
    let mut count = 0;
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if !name.starts_with("guide-") {
            continue;
        }
        let guide = fs::read_to_string(&path).unwrap();
        for fragment in guide.split("```toml\n").skip(1) {
            let text = fragment.split("```").next().unwrap();
            let parts = ["[[listener]]", "[[component]]", "[[low_bandwidth]]"];
            if parts.iter().any(|part| text.contains(part)) {
                assert_only(&allowed, name, text);
                count += 1;
            }
        }
    }
    assert!(count >= 5, "{count}");
}

fn assert_only(allowed: &BTreeSet<String>, name: &str, text: &str) {
    let report = parse(name, text).report;
    let codes = summary(&report);
    let codes = codes
        .iter()
        .map(|found| found.split(' ').next().unwrap().to_owned());
    assert!(
        codes.collect::<BTreeSet<_>>().is_subset(allowed),
        "{}",
        report.render(false)
    );
}

#[test]
fn the_quick_starts_are_right() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let fragments: Vec<_> = readme.split("```toml\n").skip(1).collect();
    assert_eq!(fragments.len(), 4);
    for fragment in fragments {
        flawless(fragment.split("```").next().unwrap());
    }
}

#[test]
fn the_examples_are_right() {
    let mut count = 0;
    for entry in fs::read_dir(root().join("examples")).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            let loaded = load(&path);
            assert!(
                loaded.report.diagnostics.is_empty(),
                "{}",
                loaded.report.render(false)
            );
            assert!(loaded.config.is_some());
            count += 1;
        }
    }
    assert!(count >= 8);
}

#[test]
fn the_example_of_the_module_means_what_the_module_does() {
    let text = fs::read_to_string(root().join("examples/mod_net_proxy.toml")).unwrap();
    let names: Vec<_> = flawless(&text)
        .listeners
        .into_iter()
        .map(|found| found.name)
        .collect();
    assert_eq!(names, ["proxy-15222", "proxy-15269"]);
}
