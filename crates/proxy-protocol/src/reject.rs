//! Why a header is refused.

use std::{error, fmt};

macro_rules! rejects {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $message:literal;)*) => {
        /// The rule that a received header breaks; its connection must be closed.
        ///
        /// `Display` says what is wrong and what would be right. The reason is that of the first
        /// offending byte, so it does not depend on how the header was cut into segments.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reject {
            $($(#[$doc])* $variant,)*
        }

        impl Reject {
            /// Every reason, in alphabetical order.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Name for metrics and logs, in snake case; it never changes.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            fn message(self) -> &'static str {
                match self {
                    $(Self::$variant => $message,)*
                }
            }
        }
    };
}

rejects! {
    /// The header is longer than the receiver allows (`max_len` of [`decode`](crate::decode)).
    HeaderTooLong = "header_too_long",
        "the PROXY header is longer than this receiver allows; send fewer or shorter TLVs";
    /// The first bytes are those of neither version (section 2.2, "Identifying the version").
    NoSignature = "no_signature",
        "the connection does not begin with a PROXY header; `PROXY ` or the version 2 signature \
         must come first";
    /// TCP4 with an IPv6 address, or TCP6 with an IPv4 one (2.1: "the same family").
    V1AddressFamily = "v1_address_family",
        "an address is not of the announced family; TCP4 takes IPv4 and TCP6 takes IPv6 addresses";
    /// A CR that no LF follows (2.1: "must not tolerate a single CR").
    V1BareCr = "v1_bare_cr",
        "a CR stands alone; the line must end with CR LF";
    /// A LF without its CR (2.1: "must not tolerate a single … LF").
    V1BareLf = "v1_bare_lf",
        "a LF stands alone; the line must end with CR LF";
    /// A space, and so a further field, after the destination port (2.1).
    V1ExtraField = "v1_extra_field",
        "more text follows the destination port; CR LF must come next";
    /// Not four decimal numbers from 0 to 255 between dots (2.1).
    V1Ipv4 = "v1_ipv4",
        "an address after TCP4 is not an IPv4 address; four numbers from 0 to 255 with dots \
         between them are expected";
    /// Not 128 bits of hexadecimal groups with at most one `::` (2.1).
    V1Ipv6 = "v1_ipv6",
        "an address after TCP6 is not an IPv6 address; eight groups of at most four hexadecimal \
         digits, or fewer with one `::`, are expected";
    /// A number of an address or a port has a zero in front (2.1: "Heading zeroes").
    V1LeadingZero = "v1_leading_zero",
        "a number has a zero in front; decimal numbers are written without one";
    /// CR before all of the fields are complete (2.1).
    V1LineIncomplete = "v1_line_incomplete",
        "the line ends too early; protocol, two addresses and two ports are expected";
    /// No CR LF within 107 bytes (2.1).
    V1LineTooLong = "v1_line_too_long",
        "there is no CR LF in the first 107 bytes; no version 1 line is longer";
    /// A port above 65535 (2.1).
    V1PortRange = "v1_port_range",
        "a port is above 65535; ports go from 0 to 65535";
    /// A port with anything but decimal digits (2.1).
    V1PortSyntax = "v1_port_syntax",
        "a port is not a decimal number; digits without sign are expected";
    /// Neither TCP4, TCP6 nor UNKNOWN (2.1).
    V1Protocol = "v1_protocol",
        "the protocol is not known; TCP4, TCP6 or UNKNOWN is expected, in capitals";
    /// Something other than exactly one space between two fields (2.1).
    V1Space = "v1_space",
        "two fields are not separated by exactly one space";
    /// The length field leaves no room for the addresses of the family (2.2).
    V2AddressLength = "v2_address_length",
        "the header is too short for its addresses; 12 bytes are needed for INET, 36 for INET6, \
         216 for UNIX";
    /// AUTHORITY is not UTF-8 (2.2.2).
    V2AuthorityEncoding = "v2_authority_encoding",
        "the AUTHORITY TLV is not UTF-8 text";
    /// A command other than LOCAL and PROXY (2.2).
    V2Command = "v2_command",
        "the command is not known; 0 (LOCAL) or 1 (PROXY) is expected";
    /// CRC32C is not four bytes long (2.2.3).
    V2Crc32cLength = "v2_crc32c_length",
        "the CRC32C TLV is not four bytes long";
    /// The CRC32C of the header is another one (2.2.3).
    V2Crc32cMismatch = "v2_crc32c_mismatch",
        "the CRC32C TLV does not match the header; it was damaged, or the sender computed the \
         checksum over other bytes";
    /// A second CRC32C TLV: with two of them no field to zero is certain (2.2.3).
    V2Crc32cRepeated = "v2_crc32c_repeated",
        "the CRC32C TLV stands twice; one is expected at most";
    /// An address family other than UNSPEC, INET, INET6 and UNIX (2.2).
    V2Family = "v2_family",
        "the address family is not known; 0 (UNSPEC), 1 (INET), 2 (INET6) or 3 (UNIX) is expected";
    /// NETNS is not US-ASCII (2.2.7).
    V2NetnsEncoding = "v2_netns_encoding",
        "the NETNS TLV is not US-ASCII text";
    /// SSL is shorter than its fixed fields (2.2.6).
    V2SslLength = "v2_ssl_length",
        "the SSL TLV is too short; one byte of flags and four bytes of result are expected first";
    /// A TLV inside of SSL goes beyond it (2.2.6).
    V2SslTlvOverrun = "v2_ssl_tlv_overrun",
        "a TLV inside the SSL TLV goes beyond its end";
    /// A TLV goes beyond the header (2.2).
    V2TlvOverrun = "v2_tlv_overrun",
        "a TLV goes beyond the end of the header";
    /// A transport other than UNSPEC, STREAM and DGRAM (2.2).
    V2Transport = "v2_transport",
        "the transport is not known; 0 (UNSPEC), 1 (STREAM) or 2 (DGRAM) is expected";
    /// UNIQUE_ID is longer than 128 bytes (2.2.5).
    V2UniqueIdLength = "v2_unique_id_length",
        "the UNIQUE_ID TLV is longer than 128 bytes";
    /// A version other than 2 after the version 2 signature (2.2).
    V2Version = "v2_version",
        "the version after the version 2 signature is not 2";
}

impl Reject {
    /// Position of the reason in [`Reject::ALL`], for arrays of counters.
    #[inline]
    pub fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl error::Error for Reject {}

#[cfg(test)]
mod tests;
