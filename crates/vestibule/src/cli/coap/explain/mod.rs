//! What passes over the wire, in words: for `-v`, and for saying what was heard last.

mod handshake;
mod hello;
mod message;
mod names;

pub(super) use self::{
    handshake::{datagram, is_fatal_alert},
    message::{headline, named, options, value},
    names::suite,
};

/// Bytes of a value that are shown.
const SHOWN: usize = 40;

/// Bytes as hexadecimal digits, the first ones if they are many.
fn digits(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(SHOWN)];
    let digits: String = shown.iter().map(|byte| format!("{byte:02x}")).collect();
    match bytes.len() > SHOWN {
        true => format!("0x{digits}... ({} bytes)", bytes.len()),
        false => format!("0x{digits}"),
    }
}
