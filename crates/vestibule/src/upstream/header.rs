//! The PROXY header that a target receives.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use vestibule_config::{ProxyVersion, SendProxy, SendTlv};
use vestibule_proxy_protocol::{
    Decoded, EncodeError, Header, SslInfo, V2_MAX_LEN, V2Builder, decode, encode_v1, kind,
};

/// What a header can say of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Introduction<'a> {
    /// Who the client is, when it has an IP address.
    pub(crate) client: Option<SocketAddr>,
    /// What it asked for, when that is an IP address.
    pub(crate) destination: Option<SocketAddr>,
    /// The addresses of our socket towards the target, used in place of an address that is missing.
    pub(crate) own: (Option<SocketAddr>, Option<SocketAddr>),
    /// The raw header that the client's proxy sent, whose TLVs may be passed on.
    pub(crate) incoming: Option<&'a [u8]>,
    /// Names the connection when `incoming` does not.
    pub(crate) unique_id: &'a str,
    /// What we know of the client's TLS ourselves; it goes before what `incoming` says.
    pub(crate) tls: KnownTls<'a>,
}

/// What we know of the client's TLS.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct KnownTls<'a> {
    /// The protocol that was agreed on.
    pub(crate) alpn: Option<&'a [u8]>,
    /// The server name.
    pub(crate) authority: Option<&'a str>,
    /// The rest, where the client's TLS ended here.
    pub(crate) ssl: Option<SslInfo<'a>>,
}

/// Writes the header that `send` asks for to `out`.
///
/// Servers are only ever sent TCP over IPv4 or IPv6 with both addresses of one family, because
/// LOCAL, UNKNOWN, UNSPEC and UNIX break several of them.
///
/// # Errors
///
/// When the TLVs do not fit a header.
pub(crate) fn outgoing_header(
    send: &SendProxy,
    introduction: &Introduction<'_>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let Introduction {
        client,
        destination,
        own,
        ..
    } = *introduction;
    let (source, destination) =
        one_family(client.or(own.0).unwrap_or(LOOPBACK), destination.or(own.1));
    match send.version {
        ProxyVersion::V1 => encode_v1(source, destination, out),
        ProxyVersion::V2 => write_v2(send, source, destination, introduction, out),
    }
}

/// Stands for our socket when it is a unix socket.
const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A pair of one family. The source decides; a destination of the other family keeps its port only.
fn one_family(source: SocketAddr, destination: Option<SocketAddr>) -> (SocketAddr, SocketAddr) {
    let canonical = |a: SocketAddr| SocketAddr::new(a.ip().to_canonical(), a.port());
    let source = canonical(source);
    let destination = destination.map_or_else(|| SocketAddr::new(source.ip(), 0), canonical);
    if source.is_ipv4() == destination.is_ipv4() {
        return (source, destination);
    }
    let unspecified = match source {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    (source, SocketAddr::new(unspecified, destination.port()))
}

fn write_v2(
    send: &SendProxy,
    source: SocketAddr,
    destination: SocketAddr,
    introduction: &Introduction<'_>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let Introduction { unique_id, tls, .. } = introduction;
    let incoming = introduction
        .incoming
        .and_then(|bytes| match decode(bytes, V2_MAX_LEN) {
            Ok(Decoded::Header(header)) => Some(header),
            // It was a whole, valid header when it was kept.
            Ok(Decoded::NeedMore(_)) | Err(_) => None,
        });
    let known = |kind: u8| incoming.as_ref().and_then(|header| header.tlv(kind));
    let mut writer = V2Builder::new(source, destination).start(out);
    for tlv in &send.tlvs {
        let (kind, own) = match tlv {
            SendTlv::Alpn => (kind::ALPN, tls.alpn),
            SendTlv::Authority => (kind::AUTHORITY, tls.authority.map(str::as_bytes)),
            SendTlv::Ssl => match &tls.ssl {
                Some(ssl) => {
                    writer.ssl(ssl);
                    continue;
                }
                None => (kind::SSL, None),
            },
            SendTlv::UniqueId => {
                writer.unique_id(known(kind::UNIQUE_ID).unwrap_or(unique_id.as_bytes()));
                continue;
            }
            SendTlv::Crc32c => continue,
        };
        // What a proxy says of the TLS that it ended is nothing where TLS ended here.
        let passed_on = || known(kind).filter(|_| tls.ssl.is_none());
        if let Some(value) = own.or_else(passed_on) {
            writer.tlv(kind, value);
        }
    }
    for raw in incoming.iter().flat_map(Header::raw_tlvs) {
        if send.pass_tlvs.contains(&raw.kind) && !chosen(&send.tlvs, raw.kind) {
            writer.tlv(raw.kind, raw.value);
        }
    }
    if send.tlvs.contains(&SendTlv::Crc32c) {
        writer.crc32c();
    }
    writer.finish()
}

/// Whether a TLV of this type is written anyway, or must not be passed on: a CRC32C is of the
/// header that it came in, and NOOP is padding.
fn chosen(tlvs: &[SendTlv], kind: u8) -> bool {
    match kind {
        kind::ALPN => tlvs.contains(&SendTlv::Alpn),
        kind::AUTHORITY => tlvs.contains(&SendTlv::Authority),
        kind::SSL => tlvs.contains(&SendTlv::Ssl),
        kind::UNIQUE_ID => tlvs.contains(&SendTlv::UniqueId),
        kind::CRC32C | kind::NOOP => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
