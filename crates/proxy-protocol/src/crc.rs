//! CRC32C of a version 2 header (section 2.2.3).
//!
//! Section 2.2.3 refers to RFC 4960, Appendix B, whose sample code swaps the bytes of the result for
//! SCTP. HAProxy and the load balancers of AWS do not: they send the number as CRC32C is commonly
//! given (0xE3069283 for `123456789`) in network order, and so does this crate.

/// CRC32C of `header` with the four bytes at `field` taken as zero.
///
/// `field + 4` must not be beyond the header.
pub(crate) fn checksum(header: &[u8], field: usize) -> u32 {
    let crc = crc32c::crc32c(&header[..field]);
    let crc = crc32c::crc32c_append(crc, &[0; 4]);
    crc32c::crc32c_append(crc, &header[field + 4..])
}
