use super::*;

#[test]
fn what_is_taken_comes_back() {
    let budget = Budget::new(100);
    let mut one = budget.reservation();
    let mut two = budget.clone().reservation();
    assert!(one.grow(60));
    assert!(!two.grow(41));
    assert!(two.grow(40));
    assert_eq!(budget.used(), 100);
    assert!(!one.grow(usize::MAX));
    drop(one);
    assert_eq!(budget.used(), 40);
    assert!(two.grow(60));
    drop(two);
    assert_eq!(budget.used(), 0);
}

#[test]
fn who_comes_after_counts_on() {
    let first = Budget::new(100);
    first.note(Counted::NoRoom);
    let mut taken = first.reservation();
    assert!(taken.grow(100));
    let second = first.succeeding(10);
    second.note(Counted::NoRoom);
    assert_eq!(second.counted(Counted::NoRoom), 2);
    assert_eq!((first.used(), second.used()), (100, 0));
    assert_eq!(second.reservation().available(), 10);
}
