use super::executed_units;

#[test]
fn the_count_is_read_from_the_final_statistics() {
    assert_eq!(
        executed_units("stat::number_of_executed_units: 1234567"),
        Some(1_234_567)
    );
    assert_eq!(executed_units("stat::average_exec_per_sec:     1000"), None);
    assert_eq!(
        executed_units("#2097152 pulse cov: 12 ft: 13 corp: 5"),
        None
    );
}
