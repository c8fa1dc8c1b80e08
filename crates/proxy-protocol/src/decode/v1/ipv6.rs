//! An IPv6 address that is there as a whole, the common case.
//!
//! Most bytes of a TCP6 line are the digits of its addresses. Five bytes at a time are enough for
//! any group, so one bounds check does for all of them, the place in the line stays in a register,
//! and neither digits nor reasons to refuse are kept track of: two thirds of the instructions.
//!
//! Nothing is judged here: whatever is not known as right is left to [`Line::careful_ipv6`], which
//! knows the reason to refuse it, or how much is missing.

use std::net::Ipv6Addr;

use super::Line;
use crate::Reject;

impl Line<'_> {
    /// The address at the place reached, and where the field after it begins.
    #[inline(always)]
    pub(super) fn whole_ipv6(&self) -> Option<(Ipv6Addr, usize)> {
        let mut at = self.at;
        let mut head = 0;
        let mut before = 0;
        if self.bytes[at..].starts_with(b"::") {
            at += 1;
        } else {
            loop {
                let (group, len, end) = group(self.bytes, at)?;
                at += len + 1;
                head = head << 16 | u128::from(group);
                before += 1;
                match end {
                    b':' if *self.bytes.get(at)? == b':' => break,
                    b':' => {}
                    b' ' if before == 8 => return Some((head.into(), at)),
                    _ => return None,
                }
            }
        }
        // The second colon of `::`.
        at += 1;
        let mut tail = 0;
        let mut after = 0;
        if *self.bytes.get(at)? == b' ' {
            at += 1;
        } else {
            loop {
                let (group, len, end) = group(self.bytes, at)?;
                if end == b'.' {
                    let mut line = Line { at, ..*self };
                    let octets = line.dotted(Reject::V1Ipv6).ok()?;
                    tail = tail << 32 | u128::from(u32::from_be_bytes(octets));
                    after += 2;
                    at = line.at;
                    break;
                }
                at += len + 1;
                tail = tail << 16 | u128::from(group);
                after += 1;
                match end {
                    b':' => {}
                    b' ' => break,
                    _ => return None,
                }
            }
        }
        if before + after > 7 {
            return None;
        }
        // Without groups before `::` it is zero that is shifted by zero.
        let bits = head.wrapping_shl(128 - 16 * before) | tail;
        Some((bits.into(), at))
    }
}

/// The number that one to four digits at `at` write, how many they are, and the byte after them.
#[inline(always)]
fn group(text: &[u8], at: usize) -> Option<(u32, usize, u8)> {
    let text: &[u8; 5] = text.get(at..)?.first_chunk()?;
    let digit = |at: usize| u32::from(HEXADECIMAL[usize::from(text[at])]);
    let mut group = digit(0);
    if group == NO_DIGIT {
        return None;
    }
    let next = digit(1);
    if next == NO_DIGIT {
        return Some((group, 1, text[1]));
    }
    group = group * 16 + next;
    let next = digit(2);
    if next == NO_DIGIT {
        return Some((group, 2, text[2]));
    }
    group = group * 16 + next;
    let next = digit(3);
    if next == NO_DIGIT {
        return Some((group, 3, text[3]));
    }
    Some((group * 16 + next, 4, text[4]))
}

/// What [`HEXADECIMAL`] has for a byte that is no digit.
pub(super) const NO_DIGIT: u32 = 0xFF;

/// Value of every byte as a hexadecimal digit.
pub(super) static HEXADECIMAL: [u8; 256] = {
    let mut values = [NO_DIGIT as u8; 256];
    let mut digit = 0;
    while digit < 16 {
        values[b"0123456789abcdef"[digit] as usize] = digit as u8;
        values[b"0123456789ABCDEF"[digit] as usize] = digit as u8;
        digit += 1;
    }
    values
};

#[cfg(test)]
mod tests;
