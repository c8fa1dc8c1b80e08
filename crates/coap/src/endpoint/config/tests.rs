use super::*;

#[test]
fn every_timing_is_consistent() {
    for timing in [Timing::STANDARD, Timing::SATELLITE, Timing::HF] {
        assert!(timing.min <= timing.min_request);
        assert!(timing.min_request <= timing.initial);
        assert!(timing.initial <= timing.max);
        // Even the longest first timeout leaves room for three repetitions.
        assert!(timing.max.mul_f64(1.5 * (1.0 + 1.5)) < MAX_TRANSMIT_SPAN * 2);
        assert!(timing.retransmissions >= 4);
    }
}

#[test]
fn a_repetition_is_remembered_for_as_long_as_it_may_come() {
    const MAX_LATENCY: Duration = Duration::from_secs(100);
    assert!(MAX_TRANSMIT_SPAN + MAX_LATENCY <= EXCHANGE_LIFETIME);
}

#[test]
fn refusals_have_an_error_code_and_a_text() {
    for refusal in [
        Refusal::BadBlock,
        Refusal::BadOption(OptionNumber(9)),
        Refusal::BodyTooLarge,
        Refusal::Busy,
        Refusal::Method,
        Refusal::MissingBlocks,
        Refusal::NoRoom,
        Refusal::Proxy,
        Refusal::TooManyOptions,
        Refusal::TooManyResponses,
    ] {
        assert!(matches!(refusal.code().class(), 4 | 5), "{refusal:?}");
        let explanation = (Config::default().explain)(refusal);
        assert_eq!(explanation.payload, refusal.text());
        assert_eq!(explanation.format, None);
    }
}
