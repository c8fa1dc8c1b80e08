//! What holds for any bytes and for any header that can be written.

mod common;

use proptest::collection::vec;
use proptest::prelude::*;
use vestibule_proxy_protocol::vectors::{check_decode, check_encode, malformed, wire_cases};
use vestibule_proxy_protocol::{Decoded, Reject, V2_MAX_LEN, decode};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn any_input_keeps_the_invariants(input in common::input()) {
        check_decode(&input);
    }

    #[test]
    fn any_plan_is_written_and_read_back(plan in vec(any::<u8>(), 0..200)) {
        check_encode(&plan);
    }

    #[test]
    fn what_follows_a_header_does_not_matter(input in common::input(), rest in vec(any::<u8>(), 0..40)) {
        if let Ok(Decoded::Header(header)) = decode(&input, V2_MAX_LEN) {
            let longer = [header.as_bytes(), &rest].concat();
            prop_assert_eq!(decode(&longer, V2_MAX_LEN), Ok(Decoded::Header(header)));
        }
    }
}

/// Reading as a connection does, one needed byte count after the other, comes to the same answer.
#[test]
fn asking_for_what_is_needed_ends() {
    let tables = malformed().into_iter().map(|case| case.bytes);
    for bytes in tables.chain(wire_cases().into_iter().map(|case| case.segments.concat())) {
        let whole = decode(&bytes, V2_MAX_LEN);
        let mut end = 0;
        let answer = loop {
            match decode(&bytes[..end], V2_MAX_LEN) {
                Ok(Decoded::NeedMore(needed)) if end + needed <= bytes.len() => end += needed,
                answer => break answer,
            }
        };
        match (answer, whole) {
            // More is needed than there is, or the reason stands in what is left.
            (Ok(Decoded::NeedMore(_)), Ok(Decoded::NeedMore(_)) | Err(_)) => {}
            (answer, whole) => assert_eq!(answer, whole),
        }
    }
}

/// The reasons that the generator finds by itself, so that the properties are not checked on noise.
#[test]
fn the_generator_reaches_headers_and_most_reasons() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let mut rejects = vec![0; Reject::ALL.len()];
    let (mut headers, mut incomplete) = (0, 0);
    let strategy = common::input();
    for _ in 0..20_000 {
        let input = strategy.new_tree(&mut runner).unwrap().current();
        match decode(&input, V2_MAX_LEN) {
            Ok(Decoded::Header(_)) => headers += 1,
            Ok(Decoded::NeedMore(_)) => incomplete += 1,
            Err(reject) => rejects[reject.index()] += 1,
        }
    }
    assert!(headers > 4_000, "{headers} headers");
    assert!(incomplete > 200, "{incomplete} incomplete ones");
    for reject in Reject::ALL {
        let unreachable = *reject == Reject::HeaderTooLong;
        assert!(unreachable || rejects[reject.index()] > 0, "{reject:?}");
    }
}
