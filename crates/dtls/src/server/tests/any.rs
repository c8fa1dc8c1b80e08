use proptest::prelude::*;

use crate::server::vectors::check_server;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn any_script_holds(input in prop::collection::vec(any::<u8>(), 0..600)) {
        check_server(&input);
    }
}
