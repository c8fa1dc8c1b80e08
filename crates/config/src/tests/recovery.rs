//! One syntax error does not hide the rest, and invents nothing.

use super::summary;
use crate::parse;

/// A broken file, and every diagnostic.
const CASES: &[(&str, &[&str])] = &[
    // The list ends where the next table begins.
    (
        "[[listener]]\nname = \"a\"\nbind = [\"127.0.0.1:1\",\nservice = \"b\"\n[service.b]\nupstreams = [\"a:1\"\nretries = 200\n[log]\nlevel = \"all\"",
        &[
            "syntax 3:8",
            "syntax 6:13",
            "out_of_range 7:11",
            "unknown_value 9:9",
        ],
    ),
    // A key without a value.
    (
        "[log]\nlevel\nformat = \"yaml\"\n[limits]\nconnections : 3\npeek_timeout = 1",
        &[
            "syntax 2:1",
            "unknown_value 3:10",
            "syntax 5:1",
            "wrong_type 6:16",
        ],
    ),
    // A header that is not closed still begins its table.
    (
        "[limits\nconnections = 0\n[[listener]\nname = 3\nbind = \"a\"",
        &[
            "syntax 1:1",
            "out_of_range 2:15",
            "syntax 3:1",
            "wrong_type 4:8",
            "invalid_address 5:8",
        ],
    ),
    // A service behind a header that cannot be read may be the one that is meant.
    (
        "[[listener]]\nname = \"a\"\nbind = \"unix:a\"\nservice = \"b\"\n[service b]\nupstreams = \"a:1\"",
        &["syntax 5:1"],
    ),
    // A string that is not closed ends with its line.
    (
        "[log]\nformat = \"json\naccess = '''x\nlevel = \"all\"",
        &["syntax 2:15", "syntax 3:10", "unknown_value 4:9"],
    ),
    // An inline table over several lines.
    (
        "[service.a]\nhealth = { interval = \"5s\",\n  rise = 0,\nretries = 1\n[log]\nlevel = \"all\"",
        &[
            "syntax 2:10",
            "out_of_range 3:10",
            "misplaced_key 4:1",
            "unknown_value 6:9",
        ],
    ),
    // Tables and keys that stand twice.
    (
        "[log]\nlevel = \"info\"\n[tcp]\nuser_timeout = 1\n[log]\nformat = \"yaml\"",
        &["wrong_type 4:16", "duplicate_key 5:2", "unknown_value 6:10"],
    ),
    // What is absent may be in the line that cannot be read.
    (
        "[service.a]\nupstreams = 127.0.0.1:1\nretries = 200",
        &["syntax 2:13", "out_of_range 3:11"],
    ),
    (
        "[log]\nlevel = \"a\\q\"\n= 3\nformat = ",
        &["syntax 2:12", "syntax 3:1", "syntax 4:10"],
    ),
    ("\u{feff}[log]\nlevel = \"all\"", &["unknown_value 2:9"]),
    (
        "[log]\r\nlevel = \"all\"\r\n[tcp\r\n",
        &["unknown_value 2:9", "syntax 3:1"],
    ),
];

#[test]
fn the_rest_of_a_broken_file_is_checked() {
    let mut wrong = String::new();
    for (text, expected) in CASES {
        let loaded = parse("test.toml", text);
        if summary(&loaded.report) != *expected {
            let rendered = loaded.report.render(false);
            wrong += &format!("in\n{text}\nexpected {expected:?}, found\n{rendered}\n");
        }
        assert!(loaded.config.is_none());
    }
    assert!(wrong.is_empty(), "{wrong}");
}
