//! Datagrams of the client written in Go.

use vestibule_coap::Message;
use vestibule_coap::vectors::unhex;

use super::*;

fn sent(hex: &str) -> Sent {
    let datagram = unhex(hex);
    let message = Message::parse(&datagram).unwrap();
    Sent {
        code: message.header.code,
        options: message.options.into(),
        payload: message.payload.to_vec(),
        message_id: message.header.id,
    }
}

const TOKEN: &str = "syt_YWxpY2U_abcdefghijklmnop_1a2b3c";

#[test]
fn a_message_with_a_token() {
    let mut gateway = Gateway::new();
    let sent = sent(
        r#"41 03 e6af 01 b1 "9" 0d0e "!7mqP7DYBUOmwAweF:localhost" 0d01 "m.room.message"
           0d00 "m1620000000.1" 11 3c dde716 "syt_YWxpY2U_abcdefghijklmnop_1a2b3c"
           ff a2 181c 66 "m.text" 181b 6b "Hello World""#,
    );
    let request = gateway.open(&sent).unwrap();
    assert_eq!(request.method, Method::PUT);
    assert_eq!(
        request.path_and_query(),
        "/_matrix/client/v3/rooms/!7mqP7DYBUOmwAweF:localhost/send/m.room.message/m1620000000.1"
    );
    assert_eq!(token_of(&request), Some(TOKEN));
    assert_eq!(
        request.body,
        br#"{"msgtype":"m.text","body":"Hello World"}"#
    );
    // 57 bytes with what CoAP adds.
    let event_id = format!("${}", "x".repeat(43));
    let answer = format!(r#"{{"event_id":"{event_id}"}}"#);
    let response = gateway.close(&request, 200, &answer);
    assert_eq!(response.payload.len(), 48);
}

#[test]
fn versions_without_a_token() {
    let mut gateway = Gateway::new();
    for hex in ["4101e6b204 b130 112a d0e7", "410161f601b130112a"] {
        let request = gateway.open(&sent(hex)).unwrap();
        assert_eq!(request.kind, Kind::Versions);
        assert_eq!(request.token, None);
        assert_eq!(request.path_and_query(), "/_matrix/client/versions");
    }
}

#[test]
fn a_sync_to_be_observed() {
    let mut gateway = Gateway::new();
    let mut sent = sent(
        "4801 0000 4a93f3fa44aa928b 60 5137 48 73696e63653d7331 0d00 74696d656f75743d3330303030",
    );
    sent = sent.token(TOKEN);
    let request = gateway.open(&sent).unwrap();
    let timeout = Duration::from_secs(30);
    assert_eq!(request.kind, Kind::Sync { timeout });
    assert_eq!(
        request.path_and_query(),
        "/_matrix/client/v3/sync?since=s1&timeout=30000"
    );
    assert_eq!(token_of(&request), Some(TOKEN));
}

/// Where there is no body, the format of one is no matter.
#[test]
fn a_filter_of_more_than_an_option_may_have() {
    let filter = format!("filter={}", "x".repeat(295));
    let mut gateway = Gateway::new();
    let sent = Sent::get(SYNC)
        .token(TOKEN)
        .uint(OptionNumber::CONTENT_FORMAT, 42)
        .option(OptionNumber::URI_QUERY, &filter);
    let request = gateway.open(&sent).unwrap();
    assert_eq!(request.query.to_http(), filter);
}
