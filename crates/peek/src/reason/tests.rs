use crate::{http, tls};

/// Checks one enum of reasons: `ALL` in order of index and of name, names the variants' own.
macro_rules! check {
    ($reasons:expr) => {
        for (position, reason) in $reasons.iter().enumerate() {
            assert_eq!(reason.index(), position);
            let pascal: String = reason
                .name()
                .split('_')
                .map(|word| word[..1].to_uppercase() + &word[1..])
                .collect();
            assert_eq!(pascal, format!("{reason:?}"));
        }
        assert!($reasons.is_sorted_by_key(|reason| reason.name()));
    };
}

#[test]
fn reasons_are_in_alphabetical_order_and_named_as_their_variants() {
    check!(tls::Malformed::ALL);
    check!(http::Malformed::ALL);
    check!(http::connect::Malformed::ALL);
    check!(http::response::Malformed::ALL);
}
