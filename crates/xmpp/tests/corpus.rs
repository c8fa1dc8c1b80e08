//! The corpus of the fuzz targets, without a fuzzer.

use std::fs;
use std::path::Path;

use vestibule_xmpp::vectors::{check_component, check_framer, check_stanza, check_token};

#[test]
fn xmpp_component() {
    run("xmpp_component", check_component);
}

#[test]
fn xmpp_framer() {
    run("xmpp_framer", check_framer);
}

#[test]
fn xmpp_stanza() {
    run("xmpp_stanza", check_stanza);
}

#[test]
fn xmpp_token() {
    run("xmpp_token", check_token);
}

fn run(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target);
    let mut count = 0;
    for entry in fs::read_dir(&folder).expect("the corpus is in the repository") {
        let file = entry.expect("a readable folder").path();
        check(&fs::read(file).expect("a readable file"));
        count += 1;
    }
    assert!(count >= 5, "{count} files in {}", folder.display());
}
