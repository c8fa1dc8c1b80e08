//! Records without protection that we change or make.

/// Bytes of the header of a record without Connection ID (RFC 6347 section 4.1).
pub(super) const HEADER: usize = 13;

/// Adds one to the sequence number of a record of epoch 0; leaves others alone.
///
/// A session that begins with the second hello numbers its records from 0, but number 0 was on the answer that carried
/// the cookie, and a peer takes the same number twice for a repetition (RFC 6347 section 4.2.1).
pub fn bump_epoch0(record: &mut [u8]) {
    if record.len() < HEADER || !matches!(record[0], 20..=24 | 26) || record[3..5] != [0, 0] {
        return;
    }
    for byte in record[5..11].iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            break;
        }
    }
}

/// A record of epoch 0 with a fatal alert (RFC 8446 section 6). Only the lower 48 bits of `sequence` fit.
#[must_use]
pub fn fatal_alert(description: u8, sequence: u64) -> [u8; 15] {
    let mut record = [21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, description];
    record[5..11].copy_from_slice(&sequence.to_be_bytes()[2..]);
    record
}

#[cfg(test)]
mod tests;
