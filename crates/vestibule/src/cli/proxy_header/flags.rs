//! A header described by flags.

use super::{
    description::{Command, Description, TlvDescription, Version},
    mistake::Mistake,
};

/// TLVs stand in the header in the order of this list.
#[derive(Clone, Debug, Default, clap::Args)]
#[group(id = "header", multiple = true, conflicts_with = "file")]
pub(super) struct Flags {
    /// Version of the header; without it v2
    #[arg(long, value_enum)]
    version: Option<Version>,
    /// Where the connection came from: 192.0.2.1:4000, [2001:db8::1]:4000 or unix:/path
    #[arg(long, value_name = "ADDRESS", requires = "destination")]
    source: Option<String>,
    /// What it was made to
    #[arg(long, value_name = "ADDRESS", requires = "source")]
    destination: Option<String>,
    /// The sender speaks for itself, as health checks do (v2)
    #[arg(long, conflicts_with_all = ["source", "destination"])]
    local: bool,
    /// The client is not known: UNKNOWN in v1, UNSPEC in v2
    #[arg(long, conflicts_with_all = ["source", "destination", "local"])]
    unknown: bool,
    /// A datagram connection (v2)
    #[arg(long)]
    dgram: bool,
    /// Protocol chosen by ALPN, such as h2 (v2)
    #[arg(long, value_name = "PROTOCOL")]
    alpn: Option<String>,
    /// Host name that the client asked for (v2)
    #[arg(long, value_name = "HOST")]
    authority: Option<String>,
    /// Network namespace (v2)
    #[arg(long, value_name = "NAME")]
    netns: Option<String>,
    /// Name of the connection, at most 128 bytes (v2)
    #[arg(long, value_name = "VALUE")]
    unique_id: Option<String>,
    /// Any TLV, such as 0xE0=text or 0xE0=hex:0102; can be repeated (v2)
    #[arg(long, value_name = "KIND=VALUE")]
    tlv: Vec<String>,
    /// A checksum over the header (v2)
    #[arg(long)]
    crc32c: bool,
}

impl TryFrom<Flags> for Description {
    type Error = Mistake;

    fn try_from(flags: Flags) -> Result<Self, Mistake> {
        if flags.source.is_none() && !flags.local && !flags.unknown {
            return Err(Mistake::NoAddresses);
        }
        let known = [
            ("alpn", flags.alpn),
            ("authority", flags.authority),
            ("netns", flags.netns),
            ("unique_id", flags.unique_id),
        ];
        let mut tlvs: Vec<_> = known
            .into_iter()
            .filter_map(|(kind, value)| Some(TlvDescription::new(kind, value?)))
            .collect();
        for text in &flags.tlv {
            let (kind, value) = text
                .split_once('=')
                .ok_or_else(|| Mistake::TlvWithoutValue(text.clone()))?;
            tlvs.push(TlvDescription::new(kind, value));
        }
        if flags.crc32c {
            tlvs.push(TlvDescription::new("crc32c", ""));
        }
        Ok(Self {
            version: flags.version.unwrap_or_default(),
            command: match flags.local {
                true => Command::Local,
                false => Command::Proxy,
            },
            transport: flags.dgram.then(|| "dgram".to_owned()),
            source: flags.source,
            destination: flags.destination,
            tlvs,
            ..Self::default()
        })
    }
}
