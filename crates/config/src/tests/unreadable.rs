//! Files that cannot be read.

use std::fs;

use super::summary;
use crate::{LARGEST_FILE, load};

#[test]
fn each_reason_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vestibule.toml");
    let loaded = load(&path);
    assert_eq!(summary(&loaded.report), ["unreadable_file 1:1"]);
    let rendered = loaded.report.render(false);
    assert!(rendered.contains("No such file or directory"), "{rendered}");
    assert!(rendered.contains("vestibule.toml"), "{rendered}");
    assert!(loaded.config.is_none());

    let loaded = load(folder.path());
    assert_eq!(summary(&loaded.report), ["unreadable_file 1:1"]);
    assert!(loaded.report.render(false).contains("not of its directory"));

    fs::write(&path, b"[log]\nlevel = \"\xc3\xa9 \xff\"\n").unwrap();
    assert_eq!(summary(&load(&path).report), ["not_utf8 2:12"]);

    let file = fs::File::create(&path).unwrap();
    file.set_len(LARGEST_FILE + 1).unwrap();
    assert_eq!(summary(&load(&path).report), ["file_too_large 1:1"]);
}

#[test]
fn a_good_file_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vestibule.toml");
    let text = "proxy_port_mappings = { 15222 = \"c2s\" }\n[service.c2s]\nupstreams = \"a:1\"\n";
    fs::write(&path, text).unwrap();
    let loaded = load(&path);
    assert_eq!(summary(&loaded.report), Vec::<String>::new());
    assert_eq!(loaded.config.unwrap().listeners[0].name, "proxy-15222");
}
