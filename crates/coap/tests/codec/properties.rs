use proptest::collection::vec;
use proptest::prelude::*;
use vestibule_coap::vectors::{check_message, check_options};
use vestibule_coap::{Message, OptionList};

use crate::generator;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_sent_is_received(sent in generator::sent()) {
        let datagram = sent.datagram();
        let message = Message::parse(&datagram).unwrap();
        prop_assert_eq!(message.header, sent.header);
        prop_assert_eq!(OptionList::from(message.options), sent.options);
        prop_assert_eq!(message.payload, sent.payload);
        prop_assert!(!message.bent);
    }

    #[test]
    fn any_input_keeps_the_invariants(input in generator::input()) {
        check_message(&input);
    }

    #[test]
    fn any_list_is_like_pairs(plan in vec(prop_oneof![0..8_u8, any::<u8>()], 0..200)) {
        check_options(&plan);
    }
}

/// The generator finds messages and each reason by itself, so that the properties are not checked on noise.
#[test]
fn the_generator_reaches_messages_and_every_reason() {
    use std::collections::HashMap;
    use std::mem::discriminant;

    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let strategy = generator::input();
    let (mut messages, mut bent) = (0, 0);
    let mut reasons = HashMap::new();
    for _ in 0..20_000 {
        let input = strategy.new_tree(&mut runner).unwrap().current();
        match Message::parse(&input) {
            Ok(message) => {
                messages += 1;
                bent += usize::from(message.bent);
            }
            Err(error) => *reasons.entry(discriminant(&error.kind)).or_insert(0) += 1,
        }
    }
    assert!(messages > 4_000, "{messages} messages");
    assert!(bent > 100, "{bent} bent ones");
    assert_eq!(reasons.len(), 8, "{reasons:?}");
    assert!(reasons.values().all(|&count| count > 50), "{reasons:?}");
}
