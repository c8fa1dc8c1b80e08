//! Clients with the Go library of 2021, as they were captured, over real DTLS: what they send byte
//! by byte, and what they must be answered. Their DTLS is 1.2, of a stack that is not ours.

mod answers;
mod blocks;
mod observation;
mod requests;

use vestibule_e2e::lowband::{LowbandGateway, Script, StubHomeserver};

/// The access token of the captured datagrams.
const TOKEN: &str = "syt_YWxpY2U_abcdefghijklmnop_1a2b3c";

/// Its option behind one of number 12, as hexadecimal digits.
const TOKEN_BEHIND_FORMAT: &str = r#"dde716 "syt_YWxpY2U_abcdefghijklmnop_1a2b3c""#;

/// A gateway before this homeserver, and a client of it.
fn gateway(homeserver: &StubHomeserver) -> (LowbandGateway, Script) {
    let gateway = LowbandGateway::before(homeserver.address());
    let script = gateway.script();
    (gateway, script)
}

/// Bytes as hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
