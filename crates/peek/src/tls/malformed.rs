//! Why a ClientHello is refused.

use crate::reason::reasons;

reasons! {
    /// The rule that a ClientHello breaks; its connection should get the alert decode_error.
    ///
    /// `Display` says what is wrong. The reason does not depend on how the bytes were cut into
    /// segments.
    Malformed;

    /// The list of protocols is empty, has an empty name, or does not fit (RFC 7301 section 3.1).
    Alpn = "alpn",
        "the list of application protocols is empty, has an empty name or a wrong length";
    /// No cipher suite, or half of one (RFC 8446 section 4.1.2).
    CipherSuites = "cipher_suites",
        "the list of cipher suites is empty or has an odd length";
    /// No compression method (RFC 8446 section 4.1.2).
    CompressionMethods = "compression_methods",
        "the list of compression methods is empty";
    /// An extension goes beyond the extensions, or they do not end with the message (RFC 8446
    /// section 4.2).
    ExtensionOverrun = "extension_overrun",
        "an extension goes beyond the end of the extensions";
    /// Two extensions of one type (RFC 8446 section 4.2).
    ExtensionRepeated = "extension_repeated",
        "an extension stands twice";
    /// No group, or half of one (RFC 8446 section 4.2.7).
    Groups = "groups",
        "the list of groups is empty or has a wrong length";
    /// The first handshake message is another one (RFC 8446 section 4).
    HandshakeType = "handshake_type",
        "the first handshake message is not a ClientHello";
    /// pre_shared_key is not the last extension (RFC 8446 section 4.2.11).
    PskNotLast = "psk_not_last",
        "an extension follows pre_shared_key, which must be the last one";
    /// A record of another type between those of the message (RFC 8446 section 5.1).
    RecordInterleaved = "record_interleaved",
        "a record of another type stands within the ClientHello";
    /// A record without payload or with more than 16,384 bytes (RFC 8446 section 5.1).
    RecordLength = "record_length",
        "a record is empty or longer than 16,384 bytes";
    /// A record after the first says a version other than 3.x.
    RecordVersion = "record_version",
        "a record within the ClientHello says a version that is not 3.x";
    /// The session id is longer than 32 bytes (RFC 8446 section 4.1.2).
    SessionId = "session_id",
        "the session id is longer than 32 bytes";
    /// No signature scheme, or half of one (RFC 8446 section 4.2.3).
    SignatureSchemes = "signature_schemes",
        "the list of signature schemes is empty or has a wrong length";
    /// The list of server names is empty or does not fit (RFC 6066 section 3).
    SniList = "sni_list",
        "the list of server names is empty or has a wrong length";
    /// The server name is neither a host name nor an address; see
    /// [`HostName`](crate::HostName).
    SniName = "sni_name",
        "the server name is not a host name";
    /// A server name of a type other than host_name; no other is defined (RFC 6066 section 3).
    SniNameType = "sni_name_type",
        "a server name is of a type that is not host_name";
    /// More than one server name (RFC 6066 section 3).
    SniRepeated = "sni_repeated",
        "there is more than one server name";
    /// No version, or half of one (RFC 8446 section 4.2.1).
    SupportedVersions = "supported_versions",
        "the list of versions is empty or has a wrong length";
    /// The body is longer than [`MAX_BODY_LEN`](super::MAX_BODY_LEN).
    TooLarge = "too_large",
        "the ClientHello is longer than 65,536 bytes";
    /// Bytes after the last field (RFC 8446 section 4.1.2).
    TrailingBytes = "trailing_bytes",
        "bytes follow the last field of the ClientHello";
    /// The message ends within a field (RFC 8446 section 4.1.2).
    Truncated = "truncated",
        "the ClientHello ends within a field";
}
