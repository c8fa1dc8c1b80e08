//! Numbers.

use std::io::Write;

use super::Decoder;
use crate::transcode::{
    error::Reason,
    float::{TOO_LARGE, integer_of},
};

impl Decoder<'_, '_, '_> {
    #[inline]
    pub(super) fn unsigned(&mut self, value: u64) -> Result<(), Reason> {
        self.integer(value)
    }

    /// Writes -1 minus `value`.
    #[inline]
    pub(super) fn negative(&mut self, value: u64) -> Result<(), Reason> {
        match i64::try_from(value) {
            Ok(value) => self.integer(-1 - value),
            Err(_) => self.integer(-1 - i128::from(value)),
        }
    }

    #[inline]
    pub(super) fn integer(&mut self, value: impl itoa::Integer) -> Result<(), Reason> {
        let mut buffer = itoa::Buffer::new();
        self.out.extend(buffer.format(value).as_bytes())?;
        self.out.push(b',')
    }

    /// Writes a float that begins at `start`.
    pub(super) fn float(&mut self, start: usize, value: f64) -> Result<(), Reason> {
        if !value.is_finite() {
            return self.fail(start, Reason::NotFinite);
        }
        if let Some(value) = integer_of(value) {
            return self.integer(value);
        }
        // Shortest digits are at most 17, with a sign, a point, four zeros or an exponent of five
        // characters.
        let mut buffer = [0; 32];
        let mut rest = &mut buffer[..];
        // Written out, large ones would be digits that look exact and are not.
        let written = match value.abs() {
            1e-5..TOO_LARGE => write!(rest, "{value},"),
            _ => write!(rest, "{value:e},"),
        };
        let free = rest.len();
        match written {
            Ok(()) => self.out.extend(&buffer[..buffer.len() - free]),
            Err(_) => self.fail(start, Reason::Output),
        }
    }
}
