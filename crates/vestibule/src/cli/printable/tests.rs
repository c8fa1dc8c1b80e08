use std::ffi::OsStr;

use super::*;

#[test]
fn what_acts_on_a_terminal_is_escaped() {
    assert_eq!(printable("plain, \"é\" and 水"), "plain, \"é\" and 水");
    assert_eq!(
        printable("a\u{1b}[31m\nb\u{9b}\u{202e}c"),
        "a\\u{1b}[31m\\nb\\u{9b}\\u{202e}c"
    );
}

#[test]
fn names_of_files_need_not_be_text() {
    let name = Path::new(OsStr::from_bytes(b"a\n\xff/\xc3\xa9\xc3"));
    assert_eq!(path(name), "a\\n\\xff/é\\xc3");
}

#[test]
fn an_excerpt_is_short() {
    assert_eq!(excerpt(&"é".repeat(40)), "é".repeat(40));
    assert_eq!(excerpt(&"é".repeat(41)), format!("{}...", "é".repeat(40)));
    assert_eq!(excerpt("\0"), "\\u{0}");
}
