//! The kinds of diagnostics, by name.

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What a diagnostic is about. [`Code::name`] is for programs and does not change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* $variant,)*
        }

        impl Code {
            /// Every code, in the order of their names.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name in snake_case.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

codes! {
    /// Two listening addresses cannot be had at the same time.
    AddressOverlap = "address_overlap",
    /// The admin listener can be reached from other machines.
    AdminNotLoopback = "admin_not_loopback",
    /// Clients are told a port at which nothing waits for DTLS.
    AdvertisedPortDiffers = "advertised_port_differs",
    /// An explicit proxy without any destination that is allowed, or a component without requesters.
    AllowsNothing = "allows_nothing",
    /// A certificate is out of date, or soon will be.
    CertificateExpired = "certificate_expired",
    /// The limit for one client, requester or association is above the limit for all.
    ClientLimitUnreachable = "client_limit_unreachable",
    /// A homeserver elsewhere is told the addresses of clients.
    ClientsRevealed = "clients_revealed",
    /// A listener never knows the destination that its service needs.
    DestinationNeverKnown = "destination_never_known",
    /// A key or table stands twice.
    DuplicateKey = "duplicate_key",
    /// Two listeners or gateways have the same name, or two components the same domain.
    DuplicateName = "duplicate_name",
    /// A service has the same upstream twice.
    DuplicateUpstream = "duplicate_upstream",
    /// A list has the same entry twice.
    DuplicateValue = "duplicate_value",
    /// A list must not be empty.
    EmptyList = "empty_list",
    /// A listener has neither routes nor a service.
    EmptyListener = "empty_listener",
    /// The file is larger than any configuration.
    FileTooLarge = "file_too_large",
    /// A group is set without a user.
    GroupWithoutUser = "group_without_user",
    /// A health check may take longer than the time between checks.
    HealthOverlap = "health_overlap",
    /// Health checks of a target that only a connection names.
    HealthWithoutTarget = "health_without_target",
    /// A network has bits set behind its prefix.
    HostBitsSet = "host_bits_set",
    /// A route by host, where HTTP/2 is spoken.
    Http2WithoutHost = "http2_without_host",
    /// Not an address and port.
    InvalidAddress = "invalid_address",
    /// Not the name of a protocol.
    InvalidAlpn = "invalid_alpn",
    /// Not a duration.
    InvalidDuration = "invalid_duration",
    /// Not an XMPP address, or not one of the kind that is wanted.
    InvalidJid = "invalid_jid",
    /// Not a name.
    InvalidName = "invalid_name",
    /// Not a network.
    InvalidNetwork = "invalid_network",
    /// Not a usable path.
    InvalidPath = "invalid_path",
    /// Not a rate.
    InvalidRate = "invalid_rate",
    /// Not a size.
    InvalidSize = "invalid_size",
    /// Not a TLV.
    InvalidTlv = "invalid_tlv",
    /// Not the URL of a proxy or server, or not what may stand in one.
    InvalidUrl = "invalid_url",
    /// A limit that another one makes useless.
    LimitUnreachable = "limit_unreachable",
    /// A mapped port is not listened on.
    MappedPortNotListened = "mapped_port_not_listened",
    /// A port is mapped to a service that does not exist.
    MappedServiceMissing = "mapped_service_missing",
    /// A key stands in the wrong table.
    MisplacedKey = "misplaced_key",
    /// A key that must be there is absent.
    MissingKey = "missing_key",
    /// Targets that a connection names stand beside others.
    MixedUpstreams = "mixed_upstreams",
    /// A listener never knows the name that its service needs.
    NameNeverKnown = "name_never_known",
    /// A key is for destinations that clients name, but they name none.
    NeedsSniUpstream = "needs_sni_upstream",
    /// A key is for listeners that terminate TLS.
    NeedsTerminate = "needs_terminate",
    /// TLS is to be terminated without any certificate.
    NoCertificate = "no_certificate",
    /// There is nothing to do: neither listeners, components nor gateways.
    NoListeners = "no_listeners",
    /// A request of a component is never asked of a second resource.
    NoSecondAttempt = "no_second_attempt",
    /// Known, but not in this version.
    NotSupportedYet = "not_supported_yet",
    /// The file, or a variable of the environment that it names, is not UTF-8.
    NotUtf8 = "not_utf8",
    /// An explicit proxy that everyone may use who can reach it.
    OpenProxy = "open_proxy",
    /// What is for administrators can be asked for by everyone.
    OpensAdmin = "opens_admin",
    /// A number, duration or size beyond its limits.
    OutOfRange = "out_of_range",
    /// CoAP without DTLS can be reached from other machines.
    PlainNotLoopback = "plain_not_loopback",
    /// A port of the shorthand has no mapping.
    PortWithoutMapping = "port_without_mapping",
    /// A service leads back to the listener that it serves, a component to a component, or a gateway to
    /// itself.
    ProxyLoop = "proxy_loop",
    /// A route that nothing can match.
    RouteNeverMatches = "route_never_matches",
    /// The shorthand is there, but without ports.
    ShorthandWithoutPorts = "shorthand_without_ports",
    /// Not TOML.
    Syntax = "syntax",
    /// A version of TLS is allowed that could never be agreed on.
    TlsVersionUnusable = "tls_version_unusable",
    /// TLVs are asked for, but only version 2 has them.
    TlvNeedsV2 = "tlv_needs_v2",
    /// Access tokens and messages are sent through the network without TLS.
    TokensInClear = "tokens_in_clear",
    /// Anyone may claim any client address.
    TrustsEveryone = "trusts_everyone",
    /// A key that no table or not this one has.
    UnknownKey = "unknown_key",
    /// A service that does not exist.
    UnknownService = "unknown_service",
    /// A word that is not one of the possible ones.
    UnknownValue = "unknown_value",
    /// A route behind others that take all it could match.
    UnreachableRoute = "unreachable_route",
    /// The file cannot be read.
    UnreadableFile = "unreadable_file",
    /// A variable of the environment that is not set.
    UnsetVariable = "unset_variable",
    /// A file that the configuration names cannot be read, or is not what it should be.
    UnusableFile = "unusable_file",
    /// A certificate that no listener shows.
    UnusedCertificate = "unused_certificate",
    /// A service that nothing leads to.
    UnusedService = "unused_service",
    /// The certificate of an upstream is not verified.
    UnverifiedUpstream = "unverified_upstream",
    /// TLS for a proxy that is spoken to without.
    ViaWithoutTls = "via_without_tls",
    /// A target that cannot be reached in the way that is asked for.
    WayImpossible = "way_impossible",
    /// A key that does nothing beside another one.
    WithoutEffect = "without_effect",
    /// A key that services of this kind do not have.
    WrongKind = "wrong_kind",
    /// A value of another type than the key has.
    WrongType = "wrong_type",
}
