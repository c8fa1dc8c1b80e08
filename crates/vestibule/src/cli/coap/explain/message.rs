//! CoAP messages in words.

#[cfg(test)]
mod tests;

use vestibule_coap::{
    BlockValue, Code, ContentFormat, Message, OptionFormat, OptionNumber, Options, Type,
    uint_from_bytes,
};
use vestibule_lowband::mapping::ACCESS_TOKEN;

use super::digits;
use crate::cli::{coap::format, printable::printable};

/// What stands in a query before a token.
const TOKEN_QUERY: &[u8] = b"access_token=";

/// Type, code, id and token.
pub(in crate::cli::coap) fn headline(message: &Message<'_>) -> String {
    let header = message.header;
    let kind = match header.kind {
        Type::Confirmable => "CON",
        Type::NonConfirmable => "NON",
        Type::Acknowledgement => "ACK",
        Type::Reset => "RST",
    };
    let what = match (header.kind, header.code) {
        (Type::Confirmable, Code::EMPTY) => " ping".to_owned(),
        (_, Code::EMPTY) => String::new(),
        (_, code) if code.is_request() => format!(
            " {}",
            code.name().map_or_else(|| code.to_string(), str::to_owned)
        ),
        (_, code) => format!(" {}", named(code)),
    };
    let token: String = header
        .token
        .as_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    match token.is_empty() {
        true => format!("{kind}{what}, id 0x{:04x}", header.id),
        false => format!("{kind}{what}, id 0x{:04x}, token {token}", header.id),
    }
}

/// A code with its name.
pub(in crate::cli::coap) fn named(code: Code) -> String {
    match code.name() {
        Some(name) => format!("{code} {name}"),
        None => code.to_string(),
    }
}

/// A line for the options of each number, and one for the payload. Access tokens are not shown.
pub(in crate::cli::coap) fn options(message: &Message<'_>) -> Vec<String> {
    let is_request = message.header.code.is_request();
    let mut lines: Vec<(OptionNumber, String)> = Vec::new();
    for (number, bytes) in message.options {
        let value = value(number, bytes, is_request);
        match lines.last_mut() {
            Some((last, line)) if *last == number => *line += &format!(", {value}"),
            _ => lines.push((number, format!("{}: {value}", name(number)))),
        }
    }
    let mut lines: Vec<String> = lines.into_iter().map(|(_, line)| line).collect();
    if !message.payload.is_empty() {
        lines.push(payload(message.payload.len(), message.options));
    }
    lines
}

fn payload(length: usize, options: Options<'_>) -> String {
    let format = options.uint(OptionNumber::CONTENT_FORMAT);
    let format = format.and_then(|number| u16::try_from(number).ok());
    match format.and_then(|number| format::name(ContentFormat(number))) {
        Some(name) => format!("{length} bytes of {name}"),
        None => format!("{length} bytes of payload"),
    }
}

fn name(number: OptionNumber) -> String {
    match number {
        ACCESS_TOKEN => format!("{number} (access token)"),
        _ => number.to_string(),
    }
}

/// The value of an option in words.
pub(in crate::cli::coap) fn value(number: OptionNumber, bytes: &[u8], in_request: bool) -> String {
    let uint = uint_from_bytes(bytes);
    match (number, uint) {
        (ACCESS_TOKEN, _) if bytes.is_empty() => "none".to_owned(),
        (ACCESS_TOKEN, _) => format!("{} bytes, not shown", bytes.len()),
        (OptionNumber::CONTENT_FORMAT | OptionNumber::ACCEPT, Some(format)) => {
            let name = u16::try_from(format).ok();
            match name.and_then(|number| format::name(ContentFormat(number))) {
                Some(name) => format!("{format} ({name})"),
                None => format.to_string(),
            }
        }
        (OptionNumber::OBSERVE, Some(0)) if in_request => "0 (register)".to_owned(),
        (OptionNumber::OBSERVE, Some(1)) if in_request => "1 (deregister)".to_owned(),
        (OptionNumber::BLOCK1 | OptionNumber::BLOCK2, _) => {
            block(bytes, (number == OptionNumber::BLOCK1) == in_request)
        }
        (OptionNumber::URI_QUERY, _) if bytes.starts_with(TOKEN_QUERY) => {
            let length = bytes.len() - TOKEN_QUERY.len();
            format!("\"access_token=...\" ({length} bytes, not shown)")
        }
        _ => match (number.definition().map(|it| it.format), uint) {
            (Some(OptionFormat::Uint), Some(uint)) => uint.to_string(),
            (Some(OptionFormat::String), _) => text(bytes),
            (Some(OptionFormat::Empty), _) if bytes.is_empty() => "yes".to_owned(),
            _ if bytes.is_empty() => "empty".to_owned(),
            _ => digits(bytes),
        },
    }
}

/// A block; `carried` if the message carries it, and does not ask for it or acknowledge it.
fn block(bytes: &[u8], carried: bool) -> String {
    let Ok(BlockValue { number, more, size }) = BlockValue::parse(bytes) else {
        return digits(bytes);
    };
    let size = size.bytes();
    match (carried, more) {
        (true, true) => format!("number {number} of {size} bytes, more follow"),
        (true, false) => format!("number {number} of {size} bytes, the last"),
        (false, _) => format!("number {number} of {size} bytes"),
    }
}

fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => format!("\"{}\"", printable(text)),
        Err(_) => digits(bytes),
    }
}
