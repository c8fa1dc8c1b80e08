use super::*;

#[test]
fn refusals_are_what_matrix_has_for_them() {
    for (refusal, status, errcode) in [
        (Refusal::Denied(Denied::Admin), 403, "M_FORBIDDEN"),
        (Refusal::Denied(Denied::Media), 404, "M_UNRECOGNIZED"),
        (Refusal::Denied(Denied::Outside), 404, "M_UNRECOGNIZED"),
        (Refusal::Path(PathError::Dots), 400, "M_INVALID_PARAM"),
    ] {
        assert_eq!(refusal.status(), status);
        assert_eq!(refusal.errcode().name(), errcode);
        assert!(refusal.sentence().ends_with(".\n"));
    }
}
