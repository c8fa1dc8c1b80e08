//! From datagrams to messages.

use super::{Header, Message, ParseError, ParseErrorKind, Type};
use crate::{Code, Options, Token};

pub(super) fn parse(datagram: &[u8]) -> Result<Message<'_>, ParseError> {
    let [first, code, high, low, rest @ ..] = datagram else {
        return Err(ParseError::headless(ParseErrorKind::TooShort));
    };
    if first >> 6 != 1 {
        return Err(ParseError::headless(ParseErrorKind::Version(first >> 6)));
    }
    let kind = match first >> 4 & 3 {
        0 => Type::Confirmable,
        1 => Type::NonConfirmable,
        2 => Type::Acknowledgement,
        _ => Type::Reset,
    };
    let mut header = Header {
        kind,
        code: Code(*code),
        id: u16::from_be_bytes([*high, *low]),
        token: Token::EMPTY,
    };
    if header.code == Code::EMPTY && kind != Type::Acknowledgement {
        return if datagram.len() == 4 && first & 15 == 0 {
            Ok(bare(header, false))
        } else {
            Err(ParseError::new(ParseErrorKind::NotEmpty, header))
        };
    }
    match content(&mut header, first & 15, rest) {
        Ok((options, payload)) => Ok(Message {
            header,
            options,
            payload,
            bent: header.code == Code::EMPTY && !rest.is_empty(),
        }),
        // The acknowledgement itself is clear, whatever follows it.
        Err(_) if header.code == Code::EMPTY => {
            header.token = Token::EMPTY;
            Ok(bare(header, true))
        }
        Err(kind) => Err(ParseError::new(kind, header)),
    }
}

fn bare(header: Header, bent: bool) -> Message<'static> {
    Message {
        header,
        options: Options::default(),
        payload: &[],
        bent,
    }
}

/// Token, options and payload.
fn content<'a>(
    header: &mut Header,
    token_length: u8,
    rest: &'a [u8],
) -> Result<(Options<'a>, &'a [u8]), ParseErrorKind> {
    if token_length > 8 {
        return Err(ParseErrorKind::TokenLength(token_length));
    }
    let (token, rest) = rest
        .split_at_checked(usize::from(token_length))
        .ok_or(ParseErrorKind::Truncated)?;
    header.token = Token::try_from(token).map_err(|_| ParseErrorKind::TokenLength(token_length))?;
    match Options::split(rest)? {
        (_, Some([])) => Err(ParseErrorKind::NoPayload),
        (options, payload) => Ok((options, payload.unwrap_or_default())),
    }
}
