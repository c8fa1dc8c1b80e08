use crate::tls::{Hello, HelloReader, MAX_MESSAGE_LEN, Malformed, Progress, Sni, is_grease};
use crate::vectors::records;

/// Reads `input` as the beginning of a TLS connection and checks all that must hold for any bytes:
/// the answer does not depend on segments nor on records, it stays the same, and what the hello
/// shows is consistent.
///
/// # Panics
///
/// If something does not hold.
pub fn check_hello(input: &[u8]) {
    let mut reader = HelloReader::new();
    let whole = reader.advance(input);
    for segment in [1, 2, 3, 7, 61, 1448] {
        assert_eq!(
            in_segments(input, segment),
            whole,
            "in segments of {segment}"
        );
    }
    check_prefixes(input, whole);
    assert_eq!(reader.advance(input), whole, "asked again");
    if whole != Ok(Progress::Complete) {
        return;
    }

    let len = reader.message_len();
    assert!((4..=MAX_MESSAGE_LEN).contains(&len));
    let mut scratch = vec![0; len];
    let answer = reader.hello(input, &mut scratch);
    if let Ok(hello) = &answer {
        check_consistency(hello);
    }
    let message = payloads(input, len);
    let mut scratch_again = vec![0; len];
    for cut in [
        &[1][..],
        &[2, 1, 5],
        &[16_384],
        &[len.div_ceil(2).min(16_384)],
    ] {
        let wire = records(&message, cut);
        let mut reader = HelloReader::new();
        assert_eq!(reader.advance(&wire), Ok(Progress::Complete));
        assert_eq!(reader.message_len(), len);
        let again = reader.hello(&wire, &mut scratch_again);
        assert_eq!(again, answer, "in records of {cut:?}");
    }
}

fn in_segments(input: &[u8], segment: usize) -> Result<Progress, Malformed> {
    let mut reader = HelloReader::new();
    let mut answer = reader.advance(&[]);
    for end in (0..input.len())
        .step_by(segment)
        .skip(1)
        .chain([input.len()])
    {
        answer = reader.advance(&input[..end]);
        if answer != Ok(Progress::NeedMore) {
            break;
        }
    }
    answer
}

fn check_prefixes(input: &[u8], whole: Result<Progress, Malformed>) {
    // All ends near the beginning, a sample of the others.
    let ends = (0..=input.len()).filter(|end| *end < 100 || end.is_multiple_of(97));
    for end in ends {
        let answer = HelloReader::new().advance(&input[..end]);
        assert!(
            answer == Ok(Progress::NeedMore) || answer == whole,
            "{answer:?} after {end} bytes, then {whole:?}"
        );
    }
}

fn check_consistency(hello: &Hello<'_>) {
    if let Sni::Name(name) = hello.sni() {
        assert!((1..=253).contains(&name.len()));
        assert!(!name.ends_with('.') && !name.bytes().any(|byte| byte.is_ascii_uppercase()));
    }
    assert!(hello.alpn().all(|name| !name.is_empty()));
    assert!(hello.cipher_suites().len() > 0);
    assert!(hello.versions().len() > 0);
    assert!(
        hello
            .max_version()
            .is_none_or(|version| !is_grease(version))
    );
    let types: Vec<u16> = hello.extension_types().collect();
    assert_eq!(types.contains(&0), hello.sni() != Sni::Absent);
    assert_eq!(types.contains(&10), hello.groups().len() > 0);
    assert_eq!(types.contains(&13), hello.signature_schemes().len() > 0);
    assert_eq!(types.contains(&16), hello.alpn().next().is_some());
    assert_eq!(types.contains(&41), hello.has_psk());
    assert_eq!(types.contains(&42), hello.has_early_data());
    assert_eq!(types.contains(&0xFE0D), hello.has_ech());

    let ja4 = hello.ja4();
    let parts: Vec<_> = ja4.as_str().split('_').map(str::len).collect();
    assert_eq!(parts, [10, 12, 12]);
}

/// The first `len` bytes of the payloads of records.
fn payloads(wire: &[u8], len: usize) -> Vec<u8> {
    let (mut rest, mut payloads) = (wire, Vec::new());
    while payloads.len() < len {
        let record = usize::from(rest[3]) << 8 | usize::from(rest[4]);
        payloads.extend_from_slice(&rest[5..][..record.min(rest.len() - 5)]);
        rest = rest.get(5 + record..).unwrap_or_default();
    }
    payloads.truncate(len);
    payloads
}
