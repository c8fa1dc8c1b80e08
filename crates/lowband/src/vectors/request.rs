use std::time::{Duration, Instant};

use http::StatusCode;
use vestibule_coap::{Message, OptionList};

use crate::mapping::server::{self, CborKeys, Opened, Request, Session, Settings, Upstream};
use crate::transcode::{Limits, cbor_to_json};

/// Any datagram as a request to the gateway, twice in the same association, and any answer of a
/// homeserver to it: whatever comes of it has a body that clients can read.
///
/// # Panics
///
/// When it does not hold.
pub fn check_request(input: &[u8]) {
    let Ok(message) = Message::parse(input) else {
        return;
    };
    let options = OptionList::from(message.options);
    let received = Instant::now();
    let request = Request {
        code: message.header.code,
        options: &options,
        payload: message.payload,
        message_id: message.header.id,
        received,
    };
    for cbor_keys in [CborKeys::Always, CborKeys::Negotiated] {
        let settings = Settings {
            cbor_keys,
            base_url: Some("https://lb.example.org".to_owned()),
            ..Settings::default()
        };
        let mut session = Session::new();
        for waited in [Duration::ZERO, server::HOLD] {
            let opened = server::open(&mut session, &settings, &request, received + waited);
            check_opened(&mut session, &settings, &request, opened);
        }
    }
}

fn check_opened(
    session: &mut Session,
    settings: &Settings,
    request: &Request<'_>,
    opened: Result<Opened, server::Refusal>,
) {
    let http = match opened {
        Ok(Opened::Forward(http)) => http,
        Ok(Opened::Hold { until }) => {
            assert_eq!(until, request.received + server::HOLD);
            return;
        }
        Err(refusal) => {
            let response = server::refuse(session, settings, request, refusal);
            return check_body(&response.payload);
        }
    };
    let target = http.path_and_query();
    assert!(target.bytes().all(|byte| byte.is_ascii_graphic()));
    if let Some(token) = &http.token {
        assert!(token.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
    }
    for status in [200, 401, 404, 429, 502] {
        let upstream = Upstream {
            status: StatusCode::from_u16(status).expect("a status"),
            retry_after: str::from_utf8(request.payload).ok(),
            body: request.payload,
        };
        let response = server::close(session, settings, &http, &upstream);
        assert!(response.code.is_response());
        check_body(&response.payload);
    }
}

/// Either it is CBOR that can be read, or JSON.
fn check_body(payload: &[u8]) {
    let mut json = Vec::new();
    let keys = crate::keys::Keys::V1;
    // What was JSON within the limits may be beyond them when it comes back.
    let limits = Limits {
        output: 64 << 20,
        ..Limits::RESPONSE
    };
    let is_cbor = cbor_to_json(payload, keys, &limits, &mut json).is_ok();
    let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(payload).is_ok();
    assert!(is_cbor || is_json, "{payload:02x?}");
}
