//! The registry of option numbers, as far as we know it.

use std::fmt;

/// The number of an option. Odd numbers are critical: who does not know one must not process the message
/// (RFC 7252 section 5.4.1).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct OptionNumber(pub u16);

/// What is known of an option (RFC 7252 table 4 and its successors).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Definition {
    /// The name of the registry.
    pub name: &'static str,
    /// How the value is read.
    pub format: OptionFormat,
    /// The shortest value, in bytes.
    pub min: u16,
    /// The longest value, in bytes.
    pub max: u16,
    /// Whether it may stand more than once.
    pub repeatable: bool,
}

/// How the value of an option is read (RFC 7252 section 3.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OptionFormat {
    /// No bytes.
    Empty,
    /// Bytes.
    Opaque,
    /// UTF-8.
    String,
    /// An unsigned number in network order; leading zeros are allowed and not sent.
    Uint,
}

impl OptionNumber {
    /// RFC 7252.
    pub const IF_MATCH: Self = Self(1);
    /// RFC 7252.
    pub const URI_HOST: Self = Self(3);
    /// RFC 7252.
    pub const ETAG: Self = Self(4);
    /// RFC 7252.
    pub const IF_NONE_MATCH: Self = Self(5);
    /// RFC 7641.
    pub const OBSERVE: Self = Self(6);
    /// RFC 7252.
    pub const URI_PORT: Self = Self(7);
    /// RFC 7252.
    pub const LOCATION_PATH: Self = Self(8);
    /// RFC 7252.
    pub const URI_PATH: Self = Self(11);
    /// RFC 7252.
    pub const CONTENT_FORMAT: Self = Self(12);
    /// RFC 7252, in seconds.
    pub const MAX_AGE: Self = Self(14);
    /// RFC 7252.
    pub const URI_QUERY: Self = Self(15);
    /// RFC 7252.
    pub const ACCEPT: Self = Self(17);
    /// RFC 7252.
    pub const LOCATION_QUERY: Self = Self(20);
    /// RFC 7959.
    pub const BLOCK2: Self = Self(23);
    /// RFC 7959.
    pub const BLOCK1: Self = Self(27);
    /// RFC 7959, in bytes.
    pub const SIZE2: Self = Self(28);
    /// RFC 7252.
    pub const PROXY_URI: Self = Self(35);
    /// RFC 7252.
    pub const PROXY_SCHEME: Self = Self(39);
    /// RFC 7252 and 7959, in bytes.
    pub const SIZE1: Self = Self(60);
    /// RFC 9175.
    pub const ECHO: Self = Self(252);
    /// RFC 7967.
    pub const NO_RESPONSE: Self = Self(258);
    /// RFC 9175.
    pub const REQUEST_TAG: Self = Self(292);

    /// Whether a receiver that does not know the option must refuse the message.
    #[must_use]
    pub const fn is_critical(self) -> bool {
        self.0 & 1 == 1
    }

    /// Whether a proxy that does not know the option must not forward it.
    #[must_use]
    pub const fn is_unsafe_to_forward(self) -> bool {
        self.0 & 2 == 2
    }

    /// Whether a safe option is no part of the cache key (RFC 7252 section 5.4.6).
    #[must_use]
    pub const fn is_no_cache_key(self) -> bool {
        self.0 & 0x1e == 0x1c
    }

    /// What is known of it. `None` for a number we do not know.
    #[must_use]
    pub const fn definition(self) -> Option<Definition> {
        use OptionFormat::{Empty, Opaque, String, Uint};
        let (name, format, min, max, repeatable) = match self {
            Self::IF_MATCH => ("If-Match", Opaque, 0, 8, true),
            Self::URI_HOST => ("Uri-Host", String, 1, 255, false),
            Self::ETAG => ("ETag", Opaque, 1, 8, true),
            Self::IF_NONE_MATCH => ("If-None-Match", Empty, 0, 0, false),
            Self::OBSERVE => ("Observe", Uint, 0, 3, false),
            Self::URI_PORT => ("Uri-Port", Uint, 0, 2, false),
            Self::LOCATION_PATH => ("Location-Path", String, 0, 255, true),
            Self::URI_PATH => ("Uri-Path", String, 0, 255, true),
            Self::CONTENT_FORMAT => ("Content-Format", Uint, 0, 2, false),
            Self::MAX_AGE => ("Max-Age", Uint, 0, 4, false),
            Self::URI_QUERY => ("Uri-Query", String, 0, 255, true),
            Self::ACCEPT => ("Accept", Uint, 0, 2, false),
            Self::LOCATION_QUERY => ("Location-Query", String, 0, 255, true),
            Self::BLOCK2 => ("Block2", Uint, 0, 3, false),
            Self::BLOCK1 => ("Block1", Uint, 0, 3, false),
            Self::SIZE2 => ("Size2", Uint, 0, 4, false),
            Self::PROXY_URI => ("Proxy-Uri", String, 1, 1034, false),
            Self::PROXY_SCHEME => ("Proxy-Scheme", String, 1, 255, false),
            Self::SIZE1 => ("Size1", Uint, 0, 4, false),
            Self::ECHO => ("Echo", Opaque, 1, 40, false),
            Self::NO_RESPONSE => ("No-Response", Uint, 0, 1, false),
            Self::REQUEST_TAG => ("Request-Tag", Opaque, 0, 8, true),
            _ => return None,
        };
        Some(Definition {
            name,
            format,
            min,
            max,
            repeatable,
        })
    }
}

impl fmt::Display for OptionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.definition() {
            Some(definition) => f.write_str(definition.name),
            None => write!(f, "option {}", self.0),
        }
    }
}
