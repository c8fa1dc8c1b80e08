//! The smallest float that is equal to another (RFC 8949 section 4.1), and floats of 16 bits.

/// A float in the fewest bytes that hold it exactly.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shortest {
    Half(u16),
    Single(f32),
    Double(f64),
}

impl Shortest {
    /// For any float that is finite.
    pub(super) fn of(value: f64) -> Self {
        let single = value as f32;
        if f64::from(single) != value {
            return Self::Double(value);
        }
        half_of(single).map_or(Self::Single(single), Self::Half)
    }
}

/// The bits of a float of 16 bits that is equal to `value`, which is finite.
fn half_of(value: f32) -> Option<u16> {
    // A half is a multiple of 2^-24 in any case; scaled by 2^24 it is an integer.
    let scaled = f64::from(value.abs()) * f64::from(1 << 24);
    if scaled.fract() != 0.0 || value.abs() > 65_504.0 {
        return None;
    }
    let scaled = scaled as u64;
    let bits = match scaled.checked_ilog2() {
        // Zero, and what is smaller than the smallest normal half, 2^-14.
        None | Some(..10) => scaled as u16,
        Some(exponent) => {
            let shift = exponent - 10;
            if scaled & ((1 << shift) - 1) != 0 {
                return None;
            }
            // The leading one is not written; it adds to the exponent instead.
            (((shift as u64) << 10) + (scaled >> shift)) as u16
        }
    };
    let sign = u16::from(value.is_sign_negative()) << 15;
    Some(sign | bits)
}

/// The integer that is equal to `value`, if there is one and it is smaller than 2^63 either way.
pub(super) fn integer_of(value: f64) -> Option<i64> {
    (value.abs() < TOO_LARGE && value as i64 as f64 == value).then_some(value as i64)
}

/// 2^63, the first float that is beyond the integers of 64 bits with a sign.
pub(super) const TOO_LARGE: f64 = -(i64::MIN as f64);

/// The value of a float of 16 bits.
pub(super) fn from_half(bits: u16) -> f64 {
    let mantissa = f64::from(bits & 0x3ff);
    let value = match bits >> 10 & 0x1f {
        0 => mantissa * 2f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        exponent => (mantissa + 1024.0) * 2f64.powi(i32::from(exponent) - 25),
    };
    if bits >> 15 == 0 { value } else { -value }
}
