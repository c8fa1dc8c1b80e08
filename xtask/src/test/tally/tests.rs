use super::Tally;

#[test]
fn summaries_are_added_up() {
    let mut tally = Tally::default();
    tally.see("running 3 tests");
    tally.see("test one ... ok");
    tally.see(
        "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in \
         0.01s",
    );
    tally.see("test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out");
    assert_eq!(
        tally,
        Tally {
            failed: 2,
            ignored: 1,
            passed: 7
        }
    );
    assert_eq!(tally.to_string(), "7 passed, 2 failed, 1 ignored");
}
