//! `vestibule jc` as a person or a script uses it: files, pipes, digits, mistakes.

use std::fs::{self, File};
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
        (&["-c2j", "a16g"], b"", 1, "at byte 3 of the digits"),
        (&["-c2j", "{\"a\":1}"], b"", 1, "looks like JSON"),
        (&["a1616101"], b"", 1, "looks like CBOR"),
        (&["-"], b"\xef\xbb\xbf{}", 1, "byte order mark"),
        (&["@"], b"", 1, "no name of a file"),
        (&["@\x1b[31m\n"], b"", 1, "cannot read \\u{1b}[31m\\n: "),
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
        (&["-v", "2", "1"], b"", 2, "'-v <VERSION>'"),
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
fn messages_are_short_however_long_the_input_is() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let long = "a".repeat(50_001);
    for (arguments, code) in [
        (&["-c2j", &long][..], 1),
        (&[&long], 1),
        (&["-v", &long, "1"], 2),
        (&["--keys", &long, "1"], 2),
        (&["1", &long], 2),
        (&[&format!("--{long}"), "1"], 2),
    ] {
        let output = jc(directory.path(), arguments, b"");
        assert_eq!(output.status.code(), Some(code));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.is_empty() && said.len() < 600, "{said}");
    }
    // A file of digits may be as long as it likes.
    let output = jc(
        directory.path(),
        &["-c2j", "-"],
        "a".repeat(2_000_001).as_bytes(),
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("(2000001)") && said.len() < 200, "{said}");
}

/// Runs the program, not only `jc`, with one of its outputs where nothing can be written.
fn full(directory: &Path, arguments: &[&str], broken: Broken) -> Output {
    let device = || {
        let file = File::options().write(true).open("/dev/full");
        Stdio::from(file.expect("a device that is always full"))
    };
    let (stdout, stderr) = match broken {
        Broken::Stdout => (device(), Stdio::piped()),
        Broken::Stderr => (Stdio::piped(), device()),
    };
    program()
        .current_dir(directory)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .output()
        .expect("running the program")
}

#[derive(Clone, Copy)]
enum Broken {
    Stdout,
    Stderr,
}

#[test]
fn a_full_disk_is_said() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    fs::write(directory.join("header"), "PROXY UNKNOWN\r\n").expect("a file");
    for arguments in [
        &["jc", "{}"][..],
        &["jc", "-c2j", "-pretty", "81a0"],
        &["jc", "-out", "file", "{}"],
        &["jc", "--help"],
        &["--version"],
        &["completions", "bash"],
        &["proxy-header", "decode", "header"],
        &["proxy-header", "encode", "--local"],
    ] {
        let output = full(directory, arguments, Broken::Stdout);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?} {said}");
        assert!(
            said.starts_with("vestibule: cannot write standard output: No space left"),
            "{arguments:?} {said}"
        );
    }
}

#[test]
fn mistakes_that_nobody_can_be_told_have_their_code() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (arguments, code) in [
        (&["jc", "{"][..], 1),
        (&["jc", "@missing"], 1),
        (&["jc", "-x"], 2),
        (&["proxy-header", "decode", "missing"], 1),
        (&["proxy-header", "encode", "--dgram"], 2),
        (&["check", "missing.toml"], 1),
        (&["run", "missing.toml"], 1),
        (&["show", "services", "--control", "missing"], 1),
    ] {
        let output = full(directory.path(), arguments, Broken::Stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn a_file_keeps_what_it_has_until_there_is_something_better() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let directory = directory.path();
    let file = directory.join("document");
    fs::write(&file, EVENT).expect("a file");
    let output = jc(directory, &["-c2j", "-out", "document", "@document"], b"");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(fs::read(&file).expect("the file"), EVENT.as_bytes());

    // In and out may be the same.
    good(directory, &["-out", "document", "@document"], b"");
    good(
        directory,
        &["-c2j", "-pretty", "-out", "document", "@document"],
        b"",
    );
    let pretty = fs::read_to_string(&file).expect("the file");
    assert!(pretty.starts_with("{\n  \"type\""), "{pretty}");
    assert_eq!(fs::read_dir(directory).expect("a directory").count(), 1);

    let said = jc(directory, &["-hex", "-out", "/dev/stdout", "1"], b"").stdout;
    assert_eq!(
        String::from_utf8_lossy(&said),
        "01\nOutput to '/dev/stdout' (1 bytes) 01\n"
    );
}

#[test]
fn integral_numbers_are_integers() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let hex = |json: &str| {
        String::from_utf8(good(directory.path(), &["--hex", "--", json], b"")).expect("digits")
    };
    assert_eq!(hex("[1.0,1e2,0.0,-0.0,-1e0]"), "85011864000020\n");
    assert_eq!(hex("1.5"), "f93e00\n");
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
