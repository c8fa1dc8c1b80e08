use clap::Parser;
use vestibule_lowband::vectors::MSC_VECTORS;

use super::*;
use crate::cli::{dashes::with_two_dashes, hex::to_hex};

#[derive(Debug, Parser)]
struct Program {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Jc(Arguments),
}

fn two_dashes(arguments: &str) -> String {
    let split = arguments.split(' ').map(Into::into);
    let result: Vec<_> = with_two_dashes(split, &[FLAGS])
        .into_iter()
        .map(|argument| argument.into_string().unwrap())
        .collect();
    result.join(" ")
}

fn parse(arguments: &[&str]) -> Result<Arguments, clap::Error> {
    let all = ["vestibule", "jc"].iter().chain(arguments).map(Into::into);
    let Command::Jc(arguments) = Program::try_parse_from(with_two_dashes(all, &[FLAGS]))?.command;
    Ok(arguments)
}

fn convert(arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, String> {
    let arguments = parse(arguments).unwrap();
    let output = converted(input, &arguments).map_err(|mistake| mistake.to_string())?;
    let mut written = Vec::new();
    match arguments.c2j {
        true => write_json(&output, &arguments, &mut written).unwrap(),
        false => written = output,
    }
    Ok(written)
}

#[test]
fn one_dash_becomes_two() {
    for (given, expected) in [
        (
            "vestibule jc -c2j -v 1 -out f -",
            "vestibule jc --c2j --v 1 --out f -",
        ),
        (
            "vestibule jc --c2j --out f -",
            "vestibule jc --c2j --out f -",
        ),
        (
            "vestibule jc -c2j=false -out=f @x",
            "vestibule jc --c2j=false --out=f @x",
        ),
        (
            "vestibule jc -keys none -pretty -hex -raw -help",
            "vestibule jc --keys none --pretty --hex --raw --help",
        ),
        // Values are not flags, and neither are documents, nor what follows two dashes alone.
        (
            "vestibule jc -out -c2j -c2j",
            "vestibule jc --out -c2j --c2j",
        ),
        ("vestibule jc --out -c2j", "vestibule jc --out -c2j"),
        ("vestibule jc -5", "vestibule jc -5"),
        ("vestibule jc -h -x ---c2j", "vestibule jc -h -x ---c2j"),
        ("vestibule jc -c2j -- -c2j", "vestibule jc --c2j -- -c2j"),
        ("vestibule jc -out", "vestibule jc --out"),
        // Other commands are none of its business.
        ("vestibule run -out", "vestibule run -out"),
        ("vestibule", "vestibule"),
    ] {
        assert_eq!(two_dashes(given), expected);
    }
}

#[test]
fn arguments_are_those_of_the_other_tool() {
    let arguments = parse(&["-c2j", "-v", "1", "-out", "f", "@g"]).unwrap();
    assert!(arguments.c2j);
    assert_eq!(arguments.keys(), vestibule_lowband::keys::Keys::V1);
    assert_eq!(arguments.file(), Some(Path::new("f")));
    assert_eq!(arguments.input, "@g");
    let arguments = parse(&["{}"]).unwrap();
    assert!(!arguments.c2j && arguments.file().is_none());
    let arguments = parse(&["-c2j=false", "--out=-", "--", "-"]).unwrap();
    assert!(!arguments.c2j && arguments.file().is_none());
    assert_eq!(arguments.input, "-");
    assert_eq!(parse(&["-5"]).unwrap().input, "-5");
    assert_eq!(
        parse(&["--keys", "none", "-"]).unwrap().keys(),
        vestibule_lowband::keys::Keys::None
    );
    for wrong in [
        &[][..],
        &["{}", "{}"],
        &["-v", "2", "{}"],
        &["-x", "{}"],
        &["--keys", "v2", "{}"],
        &["-v", "1", "--keys", "none", "{}"],
        &["--pretty", "{}"],
        &["--hex", "--raw", "{}"],
    ] {
        assert_eq!(parse(wrong).unwrap_err().exit_code(), 2, "{wrong:?}");
    }
}

#[test]
fn documents_become_what_the_other_tool_makes_of_them() {
    for (json, cbor) in MSC_VECTORS {
        let item = convert(&["-"], json.as_bytes()).unwrap();
        assert_eq!(to_hex(&item), cbor);
        assert_eq!(convert(&["-c2j", "@f"], &item).unwrap(), json.as_bytes());
        assert_eq!(
            convert(&["-c2j", "@f"], cbor.as_bytes()).unwrap(),
            json.as_bytes()
        );
        assert_eq!(
            convert(&["-c2j", cbor], cbor.as_bytes()).unwrap(),
            json.as_bytes()
        );
    }
    assert_eq!(
        convert(&["--keys=none", "-"], b"{\"type\":1}").unwrap(),
        b"\xa1\x64type\x01"
    );
    assert_eq!(
        convert(&["-c2j", "--keys=none", "-"], b"\xa1\x02\x01").unwrap(),
        b"{\"2\":1}"
    );
}

#[test]
fn digits_are_told_from_bytes() {
    // Two digits in a file are one byte, unless it is said that they are bytes.
    assert_eq!(convert(&["-c2j", "@f"], b"18 64\n").unwrap(), b"100");
    assert_eq!(convert(&["-c2j", "--raw", "@f"], b"85").unwrap(), b"-54");
    assert_eq!(
        convert(&["-c2j", "@f"], b"\x82\x31\x32").unwrap(),
        b"[-18,-19]"
    );
    assert_eq!(
        convert(&["-c2j", "hello"], b"hello").unwrap_err(),
        "'h' is not a hexadecimal digit, at byte 0 of the digits"
    );
    assert!(convert(&["-c2j", "--hex", "@f"], b"\x80").is_err());
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    assert_eq!(
        convert(&["-"], b"{\"a\":1,}").unwrap_err(),
        "syntax: this cannot stand here, at byte 7"
    );
    assert_eq!(
        convert(&["-c2j", "-"], b"a16161426869").unwrap_err(),
        "byte_string: there is a byte string, which JSON does not have, at byte 3"
    );
}

#[test]
fn a_terminal_gets_digits_and_a_pipe_gets_bytes() {
    let written = |output: &[u8], arguments: &[&str], terminal| {
        let mut written = Vec::new();
        write_for_people(output, &parse(arguments).unwrap(), terminal, &mut written).unwrap();
        written
    };
    let shown = |arguments: &[&str], terminal| written(b"\xa0", arguments, terminal);
    assert_eq!(shown(&["-"], true), b"a0\n");
    assert_eq!(shown(&["-"], false), b"\xa0");
    assert_eq!(shown(&["--hex", "-"], false), b"a0\n");
    assert_eq!(shown(&["--raw", "-"], true), b"\xa0");
    let json = |terminal| written(b"{}", &["-c2j", "-"], terminal);
    assert_eq!(json(true), b"{}\n");
    assert_eq!(json(false), b"{}\n");
}

#[test]
fn pretty_has_a_line_for_everything() {
    let json = r#"{"a":[1,{"b":[],"c":{}}],"d{,:\"}":"x, y: [z]"}"#;
    let expected = "{\n  \"a\": [\n    1,\n    {\n      \"b\": [],\n      \"c\": {}\n    }\n  ],\n  \
                    \"d{,:\\\"}\": \"x, y: [z]\"\n}";
    let mut written = Vec::new();
    pretty::write(json.as_bytes(), &mut written).unwrap();
    assert_eq!(String::from_utf8(written).unwrap(), expected);
    let len = expected.len() as u64;
    assert_eq!(pretty::len(json.as_bytes(), len), Some(len));
    assert_eq!(pretty::len(json.as_bytes(), len - 1), None);
    let again: serde_json::Value = serde_json::from_str(expected).unwrap();
    assert_eq!(
        again,
        serde_json::from_str::<serde_json::Value>(json).unwrap()
    );
    let item = convert(&["-"], json.as_bytes()).unwrap();
    let output = convert(&["-c2j", "-pretty", "-raw", "-"], &item).unwrap();
    assert_eq!(output.iter().filter(|byte| **byte == b'\n').count(), 9);
}

#[test]
fn a_short_item_does_not_become_pages_of_white_space() {
    // 127 arrays, and in them one of so many elements that their lines pass the limit.
    let elements = 5_000_000_u32;
    let mut item = vec![0x81; 127];
    item.push(0x9a);
    item.extend(elements.to_be_bytes());
    item.resize(item.len() + elements as usize, 0);
    let arguments = parse(&["-c2j", "-pretty", "-raw", "-"]).unwrap();
    assert_eq!(
        converted(&item, &arguments).unwrap_err().to_string(),
        "output: with --pretty the result is longer than 1073741824 bytes"
    );
    let arguments = parse(&["-c2j", "-raw", "-"]).unwrap();
    assert!(converted(&item, &arguments).is_ok());
}

#[test]
fn what_was_probably_meant_is_said() {
    let json = "this looks like JSON";
    let cbor = "this looks like CBOR";
    let mark = "byte order mark";
    for (arguments, input, hint) in [
        (&["a1616101"][..], &b"a1616101"[..], cbor),
        (&["@f"], b"0xa1 0x61\n", cbor),
        (&["@f"], b"\xa1\x61a\x01", cbor),
        (&["@f"], b"\xd9\xd9\xf7\x01", cbor),
        (&["-c2j", "{}"], b" {\"a\":1}", json),
        (&["-c2j", "@f"], b"{\"a\":1}", json),
        (&["-c2j", "@f"], b"[1,2]", json),
        (&["-c2j", "@f"], b"\"text\"", json),
        (&["@f"], b"\xef\xbb\xbf{}", mark),
        (&["-c2j", "@f"], b"\xef\xbb\xbfa0", mark),
    ] {
        let error = convert(arguments, input).unwrap_err();
        assert!(error.contains(hint), "{arguments:?}: {error}");
    }
    for (arguments, input) in [
        (&["@f"][..], &b"{\"a\":1,}"[..]),
        (&["-c2j", "@f"], b"\xa1\x61a"),
        (&["hello"], b"hello"),
    ] {
        let error = convert(arguments, input).unwrap_err();
        assert!(!error.contains("looks like"), "{arguments:?}: {error}");
    }
}

#[test]
fn the_usage_is_that_of_the_documentation() {
    for wrong in [&["-x", "{}"][..], &[], &["-help"]] {
        let said = parse(wrong).unwrap_err().to_string();
        assert!(
            said.contains("vestibule jc [-out FILE|-] [-v 1 | --keys v1|none]"),
            "{said}"
        );
    }
    let said = parse(&["-v", "2", "{}"]).unwrap_err().to_string();
    assert!(said.contains("'-v <VERSION>'"), "{said}");
    assert_eq!(
        parse(&["-out", "-x", "{}"]).unwrap().file(),
        Some(Path::new("-x"))
    );
}
