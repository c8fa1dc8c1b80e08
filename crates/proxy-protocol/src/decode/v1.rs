//! Version 1, the line of text (section 2.1).
//!
//! The line is read once, from left to right, and refused at the first byte that cannot stand where
//! it stands. Section 2.1 has the receiver wait for CR LF before it uses the addresses; so does
//! [`decode`], which shows nothing of an incomplete line.

mod ipv6;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};

use self::ipv6::{HEXADECIMAL, NO_DIGIT};
use crate::{Addresses, Command, Decoded, Header, Reject, Transport, V1_MAX_LEN, Version};

/// `PROXY UNKNOWN` with CR LF, the shortest line.
pub(super) const MIN_LEN: usize = 15;

#[inline]
pub(super) fn decode(input: &[u8], max_len: usize) -> Result<Decoded<'_>, Reject> {
    let limit = max_len.min(V1_MAX_LEN);
    let bytes = &input[..input.len().min(limit)];
    let mut line = Line {
        at: 0,
        bytes,
        rest: MIN_LEN.saturating_sub(bytes.len()),
    };
    match line.parse() {
        Ok((addresses, transport)) => Ok(Decoded::Header(Header {
            addresses,
            bytes: &bytes[..line.at],
            command: Command::Proxy,
            tlvs: &[],
            transport,
            version: Version::V1,
        })),
        Err(Stop::Reject(reject)) => Err(reject),
        Err(Stop::Short) if bytes.len() == V1_MAX_LEN => Err(Reject::V1LineTooLong),
        Err(Stop::Short) if bytes.len() == limit => Err(Reject::HeaderTooLong),
        Err(Stop::Short) => Ok(Decoded::NeedMore(line.rest.min(limit - bytes.len()))),
    }
}

/// Why reading stops before the end of the line.
enum Stop {
    Reject(Reject),
    /// The line goes on after the bytes that are there, for at least [`Line::rest`] more.
    Short,
}

impl From<Reject> for Stop {
    fn from(reject: Reject) -> Self {
        Self::Reject(reject)
    }
}

/// The line and how far it has been read.
///
/// What reads a right line is always inlined: with `at` in a register instead of memory a line takes
/// a quarter less time.
struct Line<'a> {
    at: usize,
    bytes: &'a [u8],
    /// The fewest bytes that are missing if `bytes` end in the field being read.
    rest: usize,
}

impl Line<'_> {
    #[inline(always)]
    fn parse(&mut self) -> Result<(Addresses<'static>, Transport), Stop> {
        self.word(b"PROXY", Reject::NoSignature)?;
        self.word(b" ", Reject::V1Space)?;
        if self.field_start()? == b'U' {
            self.unknown()?;
            return Ok((Addresses::Unspecified, Transport::Unspecified));
        }
        self.word(b"TCP", Reject::V1Protocol)?;
        let addresses = match self.peek()? {
            b'4' => {
                self.at += 1;
                self.word(b" ", Reject::V1Protocol)?;
                self.rest = " 0.0.0.0 0 0\r\n".len();
                let source = self.ipv4()?;
                self.rest = " 0 0\r\n".len();
                let destination = self.ipv4()?;
                let (source_port, destination_port) = self.ports()?;
                Addresses::Inet {
                    source: SocketAddrV4::new(source, source_port),
                    destination: SocketAddrV4::new(destination, destination_port),
                }
            }
            b'6' => {
                self.at += 1;
                self.word(b" ", Reject::V1Protocol)?;
                self.rest = " :: 0 0\r\n".len();
                let source = self.ipv6()?;
                self.rest = " 0 0\r\n".len();
                let destination = self.ipv6()?;
                let (source_port, destination_port) = self.ports()?;
                Addresses::Inet6 {
                    source: SocketAddrV6::new(source, source_port, 0, 0),
                    destination: SocketAddrV6::new(destination, destination_port, 0, 0),
                }
            }
            byte => return Err(unexpected(byte, Reject::V1Protocol).into()),
        };
        Ok((addresses, Transport::Stream))
    }

    /// UNKNOWN and all that is ignored up to CR LF.
    ///
    /// Any byte is ignored but a CR or a LF alone: what holds one is no line, and its sender most
    /// likely means to end it there.
    fn unknown(&mut self) -> Result<(), Stop> {
        self.word(b"UNKNOWN", Reject::V1Protocol)?;
        self.rest = "\r\n".len();
        match self.peek()? {
            b' ' => {
                let ignored = &self.bytes[self.at..];
                match ignored
                    .iter()
                    .position(|byte| matches!(byte, b'\r' | b'\n'))
                {
                    Some(len) => self.at += len,
                    None => return Err(Stop::Short),
                }
            }
            b'\r' => {}
            byte => return Err(unexpected(byte, Reject::V1Protocol).into()),
        }
        self.end_of_line()
    }

    /// Reads `word`, or refuses the line for the reason `otherwise`.
    #[inline(always)]
    fn word(&mut self, word: &[u8], otherwise: Reject) -> Result<(), Stop> {
        let rest = &self.bytes[self.at..];
        if rest.starts_with(word) {
            self.at += word.len();
            return Ok(());
        }
        match rest.iter().zip(word).find(|(got, want)| got != want) {
            // Without a signature it is no line, and so has no line end either.
            Some(_) if otherwise == Reject::NoSignature => Err(otherwise.into()),
            Some((&byte, _)) => Err(unexpected(byte, otherwise).into()),
            None => Err(Stop::Short),
        }
    }

    /// An IPv4 address and the space after it.
    #[inline(always)]
    fn ipv4(&mut self) -> Result<Ipv4Addr, Stop> {
        let start = self.at;
        self.field_start()?;
        match self.dotted(Reject::V1Ipv4) {
            Ok(octets) => Ok(octets.into()),
            Err(Stop::Reject(reject)) => Err(self.ipv6_or(start, reject)),
            Err(short) => Err(short),
        }
    }

    /// Four numbers with dots between them and the space after them.
    #[inline(always)]
    fn dotted(&mut self, otherwise: Reject) -> Result<[u8; 4], Stop> {
        let mut octets = [0; 4];
        for (octet, end) in octets.iter_mut().zip(*b"... ") {
            let (number, byte) = self.number(u8::MAX.into(), otherwise, otherwise)?;
            if byte != end {
                return Err(unexpected(byte, otherwise).into());
            }
            self.at += 1;
            // `number` is at most 255.
            *octet = number as u8;
        }
        Ok(octets)
    }

    /// The reason to refuse what is not an IPv4 address: an IPv6 address has at most four
    /// hexadecimal digits before its first colon.
    #[cold]
    fn ipv6_or(&self, start: usize, reject: Reject) -> Stop {
        let field = &self.bytes[start..];
        match field
            .iter()
            .take(5)
            .position(|byte| !byte.is_ascii_hexdigit())
        {
            Some(digits) if field[digits] == b':' => Reject::V1AddressFamily.into(),
            None if field.len() < 5 => Stop::Short,
            _ => reject.into(),
        }
    }

    /// An IPv6 address and the space after it.
    ///
    /// Section 2.1 has hexadecimal groups only. A dotted tail (`::ffff:192.0.2.1`) is taken too:
    /// HAProxy and nginx write mapped addresses so, and it can be read in one way only.
    #[inline(always)]
    fn ipv6(&mut self) -> Result<Ipv6Addr, Stop> {
        let (address, at) = match self.whole_ipv6() {
            Some(read) => read,
            // A copy, so that `at` of this one can stay in a register.
            None => Line { ..*self }.careful_ipv6()?,
        };
        self.at = at;
        Ok(address)
    }

    /// The same byte by byte, and where the field after it begins.
    #[cold]
    fn careful_ipv6(mut self) -> Result<(Ipv6Addr, usize), Stop> {
        let mut bits: u128 = 0;
        let mut count = 0;
        // Where `::` stands, and how many groups there may be with it.
        let mut gap = None;
        let mut most = 8;
        if self.field_start()? == b':' {
            self.at += 1;
            let byte = self.peek()?;
            if byte != b':' {
                return Err(unexpected(byte, Reject::V1Ipv6).into());
            }
            self.at += 1;
            if self.peek()? == b' ' {
                self.at += 1;
                return Ok((Ipv6Addr::UNSPECIFIED, self.at));
            }
            gap = Some(0);
            most = 7;
        }
        loop {
            let start = self.at;
            let (group, end) = self.group()?;
            if end == b'.' {
                if count == 0 && gap.is_none() {
                    return Err(Reject::V1AddressFamily.into());
                }
                if count + 2 > most {
                    return Err(Reject::V1Ipv6.into());
                }
                self.at = start;
                bits = bits << 32 | u128::from(u32::from_be_bytes(self.dotted(Reject::V1Ipv6)?));
                count += 2;
                // The space has been read.
                self.at -= 1;
                break;
            }
            bits = bits << 16 | u128::from(group);
            count += 1;
            match end {
                b' ' => break,
                b':' if count < most => {
                    self.at += 1;
                    if gap.is_none() && self.peek()? == b':' {
                        self.at += 1;
                        gap = Some(count);
                        most = 7;
                        match self.peek()? {
                            b' ' => break,
                            byte if count == most => {
                                return Err(unexpected(byte, Reject::V1Ipv6).into());
                            }
                            _ => {}
                        }
                    }
                }
                byte => return Err(unexpected(byte, Reject::V1Ipv6).into()),
            }
        }
        self.at += 1;
        match gap {
            None if count < 8 => Err(Reject::V1Ipv6.into()),
            None | Some(0) => Ok((bits.into(), self.at)),
            // The groups before `::` go up to the front; those after it, at most six, stay.
            Some(gap) => {
                let tail_bits = 16 * (count - gap);
                let tail = bits & ((1 << tail_bits) - 1);
                let bits = bits >> tail_bits << (128 - 16 * gap) | tail;
                Ok((bits.into(), self.at))
            }
        }
    }

    /// One to four hexadecimal digits and the byte after them, which is not read.
    #[inline(always)]
    fn group(&mut self) -> Result<(u32, u8), Stop> {
        let mut group = 0;
        for digits in 0.. {
            let byte = self.peek()?;
            let digit = u32::from(HEXADECIMAL[usize::from(byte)]);
            if digit == NO_DIGIT {
                return match digits {
                    0 => Err(unexpected(byte, Reject::V1Ipv6).into()),
                    _ => Ok((group, byte)),
                };
            }
            if digits == 4 {
                break;
            }
            group = group << 4 | digit;
            self.at += 1;
        }
        Err(Reject::V1Ipv6.into())
    }

    /// Both ports and the end of the line.
    #[inline(always)]
    fn ports(&mut self) -> Result<(u16, u16), Stop> {
        self.rest = " 0\r\n".len();
        self.field_start()?;
        let (source, byte) =
            self.number(u16::MAX.into(), Reject::V1PortSyntax, Reject::V1PortRange)?;
        if byte != b' ' {
            return Err(unexpected(byte, Reject::V1PortSyntax).into());
        }
        self.at += 1;
        self.rest = "\r\n".len();
        self.field_start()?;
        let (destination, byte) =
            self.number(u16::MAX.into(), Reject::V1PortSyntax, Reject::V1PortRange)?;
        match byte {
            b'\r' | b'\n' => self.end_of_line()?,
            b' ' => return Err(Reject::V1ExtraField.into()),
            _ => return Err(Reject::V1PortSyntax.into()),
        }
        // Both are at most 65535.
        Ok((source as u16, destination as u16))
    }

    /// A decimal number up to `max` and the byte after it, which is not read.
    #[inline(always)]
    fn number(&mut self, max: u32, syntax: Reject, range: Reject) -> Result<(u32, u8), Stop> {
        let byte = self.peek()?;
        let mut number = u32::from(byte.wrapping_sub(b'0'));
        if number > 9 {
            return Err(unexpected(byte, syntax).into());
        }
        self.at += 1;
        let leading_zero = number == 0;
        loop {
            let byte = self.peek()?;
            let digit = u32::from(byte.wrapping_sub(b'0'));
            if digit > 9 {
                return Ok((number, byte));
            }
            if leading_zero {
                return Err(Reject::V1LeadingZero.into());
            }
            self.at += 1;
            number = number * 10 + digit;
            if number > max {
                return Err(range.into());
            }
        }
    }

    fn end_of_line(&mut self) -> Result<(), Stop> {
        if self.peek()? != b'\r' {
            return Err(Reject::V1BareLf.into());
        }
        self.at += 1;
        self.rest = "\n".len();
        if self.peek()? != b'\n' {
            return Err(Reject::V1BareCr.into());
        }
        self.at += 1;
        Ok(())
    }

    /// The first byte of a field, which is not read.
    #[inline(always)]
    fn field_start(&self) -> Result<u8, Stop> {
        match self.peek()? {
            b' ' => Err(Reject::V1Space.into()),
            byte => Ok(byte),
        }
    }

    #[inline(always)]
    fn peek(&self) -> Result<u8, Stop> {
        match self.bytes.get(self.at) {
            Some(&byte) => Ok(byte),
            None => Err(Stop::Short),
        }
    }
}

/// The reason to refuse a byte before the end of the line: a line end has its own.
#[cold]
fn unexpected(byte: u8, otherwise: Reject) -> Reject {
    match byte {
        b'\n' => Reject::V1BareLf,
        b'\r' => Reject::V1LineIncomplete,
        _ => otherwise,
    }
}
