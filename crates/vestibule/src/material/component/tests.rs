//! With files that are made for the test.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use vestibule_config::{Component, parse};

use super::*;

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const OTHER: &str = "ff0102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F";

fn write(path: &Path, contents: &str, mode: u32) {
    fs::write(path, contents).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The component of a configuration in `directory` with `keys` in its table.
fn component(directory: &Path, keys: &str) -> Component {
    let text = format!(
        "[[component]]\ndomain = \"proxy.example\"\ntarget = \"bot@example.org\"\n{keys}\n"
    );
    let loaded = parse(directory.join("a.toml").to_str().unwrap(), &text);
    loaded.config.unwrap().components.remove(0)
}

fn load(directory: &Path, keys: &str) -> (Option<ComponentMaterial>, Vec<Reason>) {
    let mut gather = Gather::default();
    let loaded = ComponentMaterial::load(&component(directory, keys), &mut gather);
    let (_, problems) = gather.finish();
    let reasons = problems.into_iter().map(|problem| problem.reason);
    (loaded, reasons.collect())
}

#[test]
fn a_secret_is_text_or_in_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    write(&directory.join("secret"), "hush ü\n", 0o640);
    for (secret, expected) in [("\"hush\"", "hush"), ("{ file = \"secret\" }", "hush ü")] {
        let (loaded, reasons) = load(directory, &format!("secret = {secret}"));
        let loaded = loaded.unwrap();
        assert_eq!(reasons, []);
        assert_eq!(*loaded.secret.value(), expected);
        assert!(!format!("{loaded:?}").contains("hush"));
    }
}

#[test]
fn a_secret_that_is_none_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let file = directory.join("secret");
    write(&file, "", 0o600);
    let read = |contents: &[u8]| {
        fs::write(&file, contents).unwrap();
        load(directory, "secret = { file = \"secret\" }").1
    };
    assert_eq!(read(b"\n"), [Reason::NoSecret]);
    assert_eq!(read(b"two\nlines"), [Reason::SecretUnusable]);
    assert_eq!(read(b"\xff"), [Reason::SecretUnusable]);
    write(&file, "hush", 0o644);
    let (loaded, reasons) = load(directory, "secret = { file = \"secret\" }");
    assert!(loaded.is_some());
    assert_eq!(reasons, [Reason::ReadableByOthers]);
    fs::remove_file(&file).unwrap();
    let (loaded, reasons) = load(directory, "secret = { file = \"secret\" }");
    assert!(loaded.is_none());
    assert!(matches!(reasons[..], [Reason::Unreadable { .. }]));
}

#[test]
fn a_new_secret_takes_effect() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("secret");
    write(&file, "one", 0o600);
    let (loaded, _) = load(directory.path(), "secret = { file = \"secret\" }");
    let secret = loaded.unwrap().secret;
    write(&file, "", 0o600);
    assert!(!secret.refresh(&mut Reader::default()));
    assert_eq!(*secret.value(), "one");
    write(&file, "two", 0o600);
    assert!(secret.refresh(&mut Reader::default()));
    assert_eq!(*secret.value(), "two");
}

#[test]
fn keys_are_one_a_line() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let file = directory.join("jat.key");
    let text = format!("# new\n{OTHER}\r\n\n  {KEY} # old\n");
    write(&file, &text, 0o600);
    let (loaded, reasons) = load(directory, "secret = \"a\"");
    let keys = loaded.unwrap().keys.unwrap().current();
    assert_eq!(reasons, []);
    let written: Vec<_> = keys.iter().map(|key| key.to_hex().to_string()).collect();
    assert_eq!(written, [OTHER.to_lowercase(), KEY.to_owned()]);

    write(&file, &text, 0o644);
    assert_eq!(
        load(directory, "secret = \"a\"").1,
        [Reason::ReadableByOthers]
    );
    write(&file, "# none\n", 0o600);
    assert_eq!(load(directory, "secret = \"a\"").1, [Reason::NoTokenKey]);
    write(&file, &format!("{KEY}\n{KEY}0\n"), 0o600);
    assert_eq!(
        load(directory, "secret = \"a\"").1,
        [Reason::TokenKeyLine(2)]
    );
    // Who makes no tokens reads none of it.
    let (loaded, reasons) = load(directory, "secret = \"a\"\njat = { mode = \"compat\" }");
    assert!(loaded.unwrap().keys.is_none() && reasons.is_empty());
}

#[test]
fn a_missing_file_of_keys_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let (loaded, reasons) = load(
        directory.path(),
        "secret = \"a\"\njat = { key_file = \"b.key\" }",
    );
    let keys = loaded.unwrap().keys.unwrap();
    assert_eq!(reasons, []);
    assert_eq!(keys.file().path, directory.path().join("b.key"));
    assert!(keys.current().is_empty());
    assert!(!keys.refresh(&mut Reader::default()));
    write(&keys.file().path, KEY, 0o600);
    assert!(keys.refresh(&mut Reader::default()));
    assert_eq!(keys.current().len(), 1);
    // One that is lost later changes nothing.
    fs::remove_file(&keys.file().path).unwrap();
    assert!(!keys.refresh(&mut Reader::default()));
    assert_eq!(keys.current().len(), 1);
}
