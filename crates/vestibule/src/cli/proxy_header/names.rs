//! Names of what a header holds as numbers. What has no name is written as `0x` and two digits.

use vestibule_proxy_protocol::kind;

use super::mistake::Mistake;

/// A set of numbers with names.
#[derive(Debug)]
pub(super) struct Names {
    /// What they are, for messages.
    what: &'static str,
    names: &'static [(u8, &'static str)],
}

/// Address families: the high half of the byte after the command (section 2.2).
pub(super) const FAMILIES: Names = Names {
    what: "address family",
    names: &[(0, "unspec"), (1, "inet"), (2, "inet6"), (3, "unix")],
};

/// Transports: the low half of that byte.
pub(super) const TRANSPORTS: Names = Names {
    what: "transport",
    names: &[(0, "unspec"), (1, "stream"), (2, "dgram")],
};

/// TLVs. The names are those of `proxy_tlv` in the configuration.
pub(super) const TLVS: Names = Names {
    what: "TLV type",
    names: &[
        (kind::ALPN, "alpn"),
        (kind::AUTHORITY, "authority"),
        (kind::CRC32C, "crc32c"),
        (kind::NETNS, "netns"),
        (kind::NOOP, "noop"),
        (kind::SSL, "ssl"),
        (kind::UNIQUE_ID, "unique_id"),
    ],
};

/// TLVs inside of the SSL TLV.
pub(super) const SSL_TLVS: Names = Names {
    what: "TLV type inside of `ssl`",
    names: &[
        (kind::SSL_CIPHER, "cipher"),
        (kind::SSL_CLIENT_CERT, "client_cert"),
        (kind::SSL_CN, "cn"),
        (kind::SSL_GROUP, "group"),
        (kind::SSL_KEY_ALG, "key_alg"),
        (kind::SSL_SIG_ALG, "sig_alg"),
        (kind::SSL_SIG_SCHEME, "sig_scheme"),
        (kind::SSL_VERSION, "version"),
    ],
};

/// Bits of the SSL TLV's first byte (section 2.2.6).
pub(super) const CLIENT_FLAGS: Names = Names {
    what: "flag of the client",
    names: &[(0x01, "ssl"), (0x02, "cert_conn"), (0x04, "cert_sess")],
};

impl Names {
    /// The name of `number`, or the number itself.
    pub(super) fn name(&self, number: u8) -> String {
        self.names
            .iter()
            .find(|(known, _)| *known == number)
            .map_or_else(|| format!("0x{number:02X}"), |(_, name)| (*name).to_owned())
    }

    /// The number of a name, or of a number in decimal or after `0x`.
    ///
    /// # Errors
    ///
    /// [`Mistake::UnknownName`].
    pub(super) fn number(&self, name: &str) -> Result<u8, Mistake> {
        if let Some((number, _)) = self.names.iter().find(|(_, known)| *known == name) {
            return Ok(*number);
        }
        let number = match name.strip_prefix("0x").or_else(|| name.strip_prefix("0X")) {
            Some(digits) if !digits.starts_with('+') => u8::from_str_radix(digits, 16).ok(),
            None if !name.starts_with('+') => name.parse().ok(),
            _ => None,
        };
        number.ok_or_else(|| Mistake::UnknownName {
            what: self.what,
            name: name.to_owned(),
            known: self.names.iter().map(|(_, known)| *known).collect(),
        })
    }
}
