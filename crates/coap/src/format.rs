//! Content formats.

/// The number of a media type (RFC 7252 section 12.3), the value of the options Content-Format and Accept.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ContentFormat(pub u16);

impl ContentFormat {
    /// `text/plain; charset=utf-8`.
    pub const TEXT: Self = Self(0);
    /// `application/link-format`.
    pub const LINK_FORMAT: Self = Self(40);
    /// `application/xml`.
    pub const XML: Self = Self(41);
    /// `application/octet-stream`.
    pub const OCTET_STREAM: Self = Self(42);
    /// `application/exi`.
    pub const EXI: Self = Self(47);
    /// `application/json`.
    pub const JSON: Self = Self(50);
    /// `application/cbor`.
    pub const CBOR: Self = Self(60);
}
