//! The PROXY header that a target receives.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use vestibule_config::{ProxyVersion, SendProxy, SendTlv};
use vestibule_proxy_protocol::{
    Decoded, EncodeError, Header, V2_MAX_LEN, V2Builder, decode, encode_v1, kind,
};

/// Writes the header that `send` asks for to `out`.
///
/// `client` and `destination` are what the target shall see, when they have IP addresses; `own`
/// are the addresses of our socket towards the target, used in place of an address that is missing.
/// Servers are only ever sent TCP over IPv4 or IPv6 with both addresses of one family, because
/// LOCAL, UNKNOWN, UNSPEC and UNIX break several of them. `incoming` is the raw header that the
/// client's proxy sent, whose TLVs may be passed on, and `unique_id` names the connection when that
/// header does not.
///
/// # Errors
///
/// When the TLVs do not fit a header.
pub(crate) fn outgoing_header(
    send: &SendProxy,
    client: Option<SocketAddr>,
    destination: Option<SocketAddr>,
    own: (Option<SocketAddr>, Option<SocketAddr>),
    incoming: Option<&[u8]>,
    unique_id: &str,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let (source, destination) =
        one_family(client.or(own.0).unwrap_or(LOOPBACK), destination.or(own.1));
    match send.version {
        ProxyVersion::V1 => encode_v1(source, destination, out),
        ProxyVersion::V2 => write_v2(send, source, destination, incoming, unique_id, out),
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
    incoming: Option<&[u8]>,
    unique_id: &str,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let incoming = incoming.and_then(|bytes| match decode(bytes, V2_MAX_LEN) {
        Ok(Decoded::Header(header)) => Some(header),
        // It was a whole, valid header when it was kept.
        Ok(Decoded::NeedMore(_)) | Err(_) => None,
    });
    let known = |kind: u8| incoming.as_ref().and_then(|header| header.tlv(kind));
    let mut writer = V2Builder::new(source, destination).start(out);
    for tlv in &send.tlvs {
        let kind = match tlv {
            SendTlv::Alpn => kind::ALPN,
            SendTlv::Authority => kind::AUTHORITY,
            SendTlv::Ssl => kind::SSL,
            SendTlv::UniqueId => {
                writer.unique_id(known(kind::UNIQUE_ID).unwrap_or(unique_id.as_bytes()));
                continue;
            }
            SendTlv::Crc32c => continue,
        };
        if let Some(value) = known(kind) {
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
