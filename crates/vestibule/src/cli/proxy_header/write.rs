//! From a description to the bytes of a header.

use std::net::SocketAddr;

use vestibule_proxy_protocol::{
    Decoded, EncodeError, Reject, Transport, V2_MAX_LEN, V2Builder, decode, encode_v1,
    encode_v1_unknown, kind,
};

use super::{
    description::{Command, Description, TlvDescription, Version},
    mistake::Mistake,
    names::{CLIENT_FLAGS, FAMILIES, SSL_TLVS, TLVS, TRANSPORTS},
    text::from_text,
};

/// The two ends of a connection.
enum Ends {
    Ip(SocketAddr, SocketAddr),
    None,
    Unix(Vec<u8>, Vec<u8>),
}

impl Description {
    /// The header, and its payload when there is one. What is only shown (lengths, checksums) is
    /// not looked at, so that a description can be edited.
    ///
    /// # Errors
    ///
    /// What no header can say, or what every receiver refuses.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, Mistake> {
        let ends = self.ends()?;
        self.check_family(&ends)?;
        let mut bytes = match self.version {
            Version::V1 => self.v1(&ends)?,
            Version::V2 if self.is_bare(&ends) => self.v2_without_parts()?,
            Version::V2 => self.v2(&ends)?,
        };
        match decode(&bytes, V2_MAX_LEN) {
            Ok(Decoded::Header(header)) if header.len() == bytes.len() => {}
            Err(reject) => return Err(Mistake::Refused(reject)),
            // Only the text behind UNKNOWN can end a header early.
            Ok(_) => return Err(Mistake::Refused(Reject::V1ExtraField)),
        }
        if let Some(payload) = &self.payload {
            bytes.extend_from_slice(&from_text(payload)?);
        }
        Ok(bytes)
    }

    fn ends(&self) -> Result<Ends, Mistake> {
        let (Some(source), Some(destination)) = (&self.source, &self.destination) else {
            return match (&self.source, &self.destination) {
                (None, None) => Ok(Ends::None),
                _ => Err(Mistake::AddressAlone),
            };
        };
        match (
            source.strip_prefix("unix:"),
            destination.strip_prefix("unix:"),
        ) {
            (Some(source), Some(destination)) => {
                Ok(Ends::Unix(from_text(source)?, from_text(destination)?))
            }
            _ => Ok(Ends::Ip(
                address("source", source)?,
                address("destination", destination)?,
            )),
        }
    }

    fn check_family(&self, ends: &Ends) -> Result<(), Mistake> {
        let number = match ends {
            Ends::Ip(SocketAddr::V4(_), _) => 1,
            Ends::Ip(SocketAddr::V6(_), _) => 2,
            Ends::None if self.is_bare(ends) => return Ok(()),
            Ends::None => 0,
            Ends::Unix(..) => 3,
        };
        match &self.family {
            Some(told) if FAMILIES.number(told)? != number => Err(Mistake::Family {
                told: told.clone(),
                addresses: FAMILIES.name(number),
            }),
            _ => Ok(()),
        }
    }

    fn is_bare(&self, ends: &Ends) -> bool {
        matches!(ends, Ends::None) && self.tlvs.is_empty()
    }

    fn v1(&self, ends: &Ends) -> Result<Vec<u8>, Mistake> {
        if self.command == Command::Local {
            return Err(Mistake::Version1("LOCAL"));
        }
        if !self.tlvs.is_empty() {
            return Err(Mistake::Version1("TLVs"));
        }
        if self.transport.as_deref() == Some("dgram") {
            return Err(Mistake::Version1("datagrams"));
        }
        let mut line = Vec::new();
        match ends {
            Ends::Ip(..) if self.ignored.is_some() => return Err(Mistake::IgnoredAndMore),
            Ends::Ip(source, destination) => encode_v1(*source, *destination, &mut line)?,
            Ends::None => {
                encode_v1_unknown(&mut line);
                let ignored = self.ignored.as_deref().unwrap_or_default();
                let end = line.len() - 2;
                line.splice(end..end, from_text(ignored)?);
            }
            Ends::Unix(..) => return Err(Mistake::Version1("UNIX addresses")),
        }
        Ok(line)
    }

    fn v2(&self, ends: &Ends) -> Result<Vec<u8>, Mistake> {
        if self.ignored.is_some() {
            return Err(Mistake::IgnoredAndMore);
        }
        let builder = match (self.command, ends) {
            (Command::Local, Ends::None) => V2Builder::local(),
            (Command::Local, _) => return Err(Mistake::LocalWithAddresses),
            (Command::Proxy, Ends::Ip(source, destination)) => {
                V2Builder::new(*source, *destination)
            }
            (Command::Proxy, Ends::None) => V2Builder::unspecified(),
            (Command::Proxy, Ends::Unix(source, destination)) => {
                V2Builder::unix(source, destination)
            }
        };
        let builder = match &self.transport {
            None => builder,
            Some(name) => builder.transport(match TRANSPORTS.number(name)? {
                0 => Transport::Unspecified,
                1 => Transport::Stream,
                2 => Transport::Datagram,
                _ => return Err(Mistake::Refused(Reject::V2Transport)),
            }),
        };
        let mut header = Vec::new();
        let mut writer = builder.start(&mut header);
        let mut crc32c = false;
        for tlv in &self.tlvs {
            match TLVS.number(&tlv.kind)? {
                kind::CRC32C if crc32c => return Err(Mistake::Refused(Reject::V2Crc32cRepeated)),
                kind::CRC32C => {
                    crc32c = true;
                    writer.crc32c();
                }
                kind::SSL if tlv.value.is_none() => {
                    writer.tlv(kind::SSL, &ssl(tlv)?);
                }
                kind => {
                    writer.tlv(kind, &value(tlv)?);
                }
            }
        }
        writer.finish()?;
        Ok(header)
    }

    /// The fixed part and what receivers skip, whatever that is.
    fn v2_without_parts(&self) -> Result<Vec<u8>, Mistake> {
        let half = |name: &Option<String>, names: &super::names::Names| {
            name.as_deref().map_or(Ok(0), |name| names.number(name))
        };
        let family = half(&self.family, &FAMILIES)?;
        let transport = half(&self.transport, &TRANSPORTS)?;
        let builder = match self.command {
            Command::Local => V2Builder::local(),
            Command::Proxy => V2Builder::unspecified(),
        };
        let ignored = from_text(self.ignored.as_deref().unwrap_or_default())?;
        let len =
            u16::try_from(ignored.len()).map_err(|_| Mistake::from(EncodeError::HeaderTooLong))?;
        let mut header = Vec::new();
        builder.write_to(&mut header)?;
        if family > 0x0F {
            return Err(Mistake::Refused(Reject::V2Family));
        }
        if transport > 0x0F {
            return Err(Mistake::Refused(Reject::V2Transport));
        }
        header[13] = family << 4 | transport;
        header[14..16].copy_from_slice(&len.to_be_bytes());
        header.extend_from_slice(&ignored);
        Ok(header)
    }
}

fn address(key: &'static str, text: &str) -> Result<SocketAddr, Mistake> {
    text.parse().map_err(|_| Mistake::Address {
        key,
        text: text.to_owned(),
    })
}

/// The value of a TLV that has nothing else.
fn value(tlv: &TlvDescription) -> Result<Vec<u8>, Mistake> {
    let other = [
        ("client", tlv.client.is_some()),
        ("verify", tlv.verify.is_some()),
        ("tlvs", tlv.tlvs.is_some()),
    ];
    if let Some((key, _)) = other.iter().find(|(_, there)| *there) {
        let tlv = tlv.kind.clone();
        return Err(Mistake::TlvKey { tlv, key });
    }
    match &tlv.value {
        Some(value) => Ok(from_text(value)?),
        None => Err(Mistake::TlvValueMissing(tlv.kind.clone())),
    }
}

/// The value of an SSL TLV that is given by its parts.
fn ssl(tlv: &TlvDescription) -> Result<Vec<u8>, Mistake> {
    let mut client = 0;
    for flag in tlv.client.iter().flatten() {
        client |= CLIENT_FLAGS.number(flag)?;
    }
    let mut bytes = vec![client];
    bytes.extend_from_slice(&tlv.verify.unwrap_or(0).to_be_bytes());
    for sub in tlv.tlvs.iter().flatten() {
        let value = value(sub)?;
        let len = u16::try_from(value.len()).map_err(|_| Mistake::TlvTooLong(sub.kind.clone()))?;
        bytes.push(SSL_TLVS.number(&sub.kind)?);
        bytes.extend_from_slice(&len.to_be_bytes());
        bytes.extend_from_slice(&value);
    }
    Ok(bytes)
}
