use super::library_knows_post_quantum;

#[test]
fn a_library_is_judged_by_its_version() {
    let knows =
        |library: &str| library_knows_post_quantum(&format!("x\nTLS: {library}\n"), "TLS: ");
    assert!(!knows("OpenSSL 3.0.19 27 Jan 2026"));
    assert!(!knows("OpenSSL 1.1.1w  11 Sep 2023)"));
    assert!(knows("OpenSSL 3.5.0 8 Apr 2025"));
    assert!(knows("OpenSSL 4.0.1 1 Jun 2026"));
    assert!(knows("AWS-LC 1.48.0"));
    assert!(!knows("LibreSSL 4.0.0"));
    assert!(!knows(""));
    assert!(!library_knows_post_quantum("built without", "TLS: "));
}
