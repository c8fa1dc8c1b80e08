use std::time::Duration;

use super::{Closed, Stall};
use crate::session::{Fault, Version};

#[test]
fn ends_have_words() {
    for (closed, text) in [
        (Closed::ByUs, "closed by this side"),
        (Closed::ByPeer, "closed by the server"),
        (
            Closed::Fault(Fault::Alert(20)),
            "the peer sent the fatal alert 20",
        ),
        (
            Closed::Downgraded,
            "the server can do DTLS 1.3, but the way there lets 1.2 pass only: somebody may be in between",
        ),
    ] {
        assert_eq!(closed.to_string(), text);
    }
}

#[test]
fn alerts_have_names() {
    let text = |alert| {
        let stall = Stall {
            version: Version::Dtls13,
            after: Duration::from_millis(2500),
            answered: true,
            alert: Some(alert),
        };
        stall.to_string()
    };
    let start = "the server answers, but the handshake of DTLS 1.3 was not over within 2.5 s: ";
    for alert in 0..=255 {
        let text = text(alert);
        assert!(text.starts_with(start), "{text}");
        assert!(text.contains(&alert.to_string()), "{text}");
    }
    assert!(text(70).ends_with("the alert protocol_version (70)"));
    assert!(text(200).ends_with("the alert 200"));
}
