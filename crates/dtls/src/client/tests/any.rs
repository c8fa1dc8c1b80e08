//! Any script.

use proptest::prelude::*;

use crate::client::vectors::check_client;

/// A step: most let datagrams pass, so that scripts come far.
fn step() -> impl Strategy<Value = Vec<u8>> {
    let passing = (1..8u8).prop_map(|count| vec![0, count]);
    let any = prop::collection::vec(any::<u8>(), 1..12);
    prop_oneof![2 => passing, 3 => any]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn holds(kind in 0..8u8, steps in prop::collection::vec(step(), 0..40)) {
        let mut input = vec![kind];
        input.extend(steps.concat());
        check_client(&input);
    }
}
