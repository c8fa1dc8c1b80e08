//! `vestibule jc` as a person or a script uses it: files, pipes, digits, mistakes.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};

use vestibule_e2e::program;

const EVENT: &str = r#"{"type":"m.room.message","content":{"msgtype":"m.text","body":"Hello World"},"unsigned":{"null_value":null}}"#;
const SORTED: &str = r#"{"type":"m.room.message","content":{"body":"Hello World","msgtype":"m.text"},"unsigned":{"null_value":null}}"#;
const DIGITS: &str = "a3026e6d2e726f6f6d2e6d65737361676503a2181b6b48656c6c6f20576f726c64181c666d2e7465787409a16a6e756c6c5f76616c7565f6";

fn jc(directory: &Path, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = program()
        .current_dir(directory)
        .arg("jc")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("running the program");
    let mut stdin = child.stdin.take().expect("standard input");
    // It may end without reading.
    let _ = stdin.write_all(input);
    drop(stdin);
    child.wait_with_output().expect("its output")
}

fn good(directory: &Path, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let output = jc(directory, arguments, input);
    assert_eq!(output.status.code(), Some(0), "{arguments:?} {output:?}");
    assert_eq!(output.stderr, b"", "{arguments:?}");
    output.stdout
}

#[test]
fn documents_go_from_anywhere_to_anywhere() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    let json = |arguments: &[&str], input: &[u8]| {
        String::from_utf8(good(directory, arguments, input)).expect("text")
    };

    let cbor = good(directory, &[EVENT], b"");
    assert_eq!(cbor.len() * 2, DIGITS.len());
    assert_eq!(
        json(&["--hex", "-"], EVENT.as_bytes()),
        format!("{DIGITS}\n")
    );

    let said = json(&["-out", "event.cbor", "-v", "1", EVENT], b"");
    assert_eq!(
        said,
        format!("Output to 'event.cbor' ({} bytes) {DIGITS}\n", cbor.len())
    );
    assert_eq!(
        fs::read(directory.join("event.cbor")).expect("the file"),
        cbor
    );

    for arguments in [
        &["-c2j", "@event.cbor"][..],
        &["--c2j", "@event.cbor"],
        &["-c2j", DIGITS],
        &["-c2j", "-out", "-", "@event.cbor"],
    ] {
        assert_eq!(json(arguments, b""), format!("{SORTED}\n"));
    }
    assert_eq!(json(&["-c2j", "-"], &cbor), format!("{SORTED}\n"));
    assert_eq!(
        json(&["-c2j", "-"], DIGITS.as_bytes()),
        format!("{SORTED}\n")
    );

    let said = json(&["-c2j", "-out", "event.json", "@event.cbor"], b"");
    assert!(said.starts_with(&format!(
        "Output to 'event.json' ({} bytes) 7b2274",
        SORTED.len()
    )));
    assert_eq!(
        fs::read(directory.join("event.json")).expect("the file"),
        SORTED.as_bytes()
    );
    assert_eq!(good(directory, &["@event.json"], b""), cbor);

    let pretty = json(&["-c2j", "--pretty", "-"], &cbor);
    assert!(
        pretty.contains("\n    \"body\": \"Hello World\",\n"),
        "{pretty}"
    );
    assert_eq!(
        json(&["-c2j", "--keys", "none", "a1182a01"], b""),
        "{\"42\":1}\n"
    );
}

#[test]
fn mistakes_say_what_and_where() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (arguments, input, code, words) in [
        (&["{\"a\":1,}"][..], &b""[..], 1, "at byte 7"),
        (&["-"], b"", 1, "the input ends too early, at byte 0"),
        (&["-c2j", "a16161426869"], b"", 1, "byte_string"),
        (&["-c2j", "a1616142686"], b"", 1, "odd number"),
        (&["-c2j", "-"], b"\x81", 1, "at byte 1"),
        (
            &["-c2j", "-"],
            b"\xa0\n",
            1,
            "something follows the document, at byte 1",
        ),
        (&["@missing"], b"", 1, "cannot read missing"),
        (
            &["-out", "missing/f", "1"],
            b"",
            1,
            "cannot write missing/f",
        ),
        (&[], b"", 2, "Usage"),
        (&["-v", "2", "1"], b"", 2, "2"),
        (&["-pretty", "1"], b"", 2, "--c2j"),
        (&["-c2k", "1"], b"", 2, "-c"),
    ] {
        let output = jc(directory.path(), arguments, input);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?} {said}");
        assert!(said.contains(words), "{arguments:?} {said}");
        assert_eq!(output.stdout, b"", "{arguments:?}");
    }
}

#[test]
fn bombs_are_refused_at_once() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let nested = "[".repeat(10_000);
    for (arguments, input) in [
        (&["-"][..], nested.as_bytes()),
        (&["-c2j", "--raw", "-"], &[0x81; 10_000]),
        (&["-c2j", "9bffffffffffffffff"], b""),
        (&["-c2j", "7affffffff"], b""),
    ] {
        let output = jc(directory.path(), arguments, input);
        assert_eq!(output.status.code(), Some(1), "{arguments:?} {output:?}");
    }
}
