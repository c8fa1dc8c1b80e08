use std::collections::HashSet;

use crate::Reject;

#[test]
fn all_is_in_order_of_index_and_name() {
    for (position, reject) in Reject::ALL.iter().enumerate() {
        assert_eq!(reject.index(), position);
    }
    assert!(Reject::ALL.is_sorted_by_key(|reject| format!("{reject:?}")));
}

#[test]
fn names_are_unique_and_in_snake_case() {
    let names: HashSet<_> = Reject::ALL.iter().map(|reject| reject.name()).collect();
    assert_eq!(names.len(), Reject::ALL.len());
    for reject in Reject::ALL {
        let pascal: String = reject
            .name()
            .split('_')
            .map(|word| word[..1].to_uppercase() + &word[1..])
            .collect();
        assert_eq!(pascal, format!("{reject:?}"));
    }
}
