//! ClientHellos that no library would send.

/// A ClientHello (RFC 8446, section 4.1.2) that can be odd.
#[derive(Clone, Debug, Default)]
pub struct Hello {
    extensions: Vec<(u16, Vec<u8>)>,
    padded: usize,
}

const SERVER_NAME: u16 = 0;
const SUPPORTED_GROUPS: u16 = 10;
const SIGNATURE_ALGORITHMS: u16 = 13;
const ALPN: u16 = 16;
const PADDING: u16 = 21;
const SUPPORTED_VERSIONS: u16 = 43;
const KEY_SHARE: u16 = 51;
const ECH: u16 = 0xfe0d;

/// The most that one extension holds.
const EXTENSION: usize = 0xffff;

impl Hello {
    /// One without a server name.
    pub fn new() -> Self {
        let share = [&[0, 29, 0, 32][..], &[9; 32]].concat();
        Self {
            extensions: vec![
                (SUPPORTED_VERSIONS, vec![4, 3, 4, 3, 3]),
                (SUPPORTED_GROUPS, with_length(&[0, 29, 0, 23])),
                (SIGNATURE_ALGORITHMS, with_length(&[4, 3, 8, 4])),
                (KEY_SHARE, with_length(&share)),
            ],
            padded: 0,
        }
    }

    /// With this server name (RFC 6066, section 3), whatever it is.
    pub fn sni(self, name: &str) -> Self {
        let entry = [&[0][..], &with_length(name.as_bytes())].concat();
        self.extension(SERVER_NAME, &with_length(&entry))
    }

    /// With these protocols (RFC 7301, section 3.1).
    pub fn alpn(self, protocols: &[&str]) -> Self {
        let list: Vec<u8> = protocols
            .iter()
            .flat_map(|p| [&[p.len() as u8][..], p.as_bytes()].concat())
            .collect();
        self.extension(ALPN, &with_length(&list))
    }

    /// With an ECH extension of an outer hello that means nothing (RFC 9849, section 6.2).
    pub fn ech_grease(self) -> Self {
        let payload = [
            &[0, 0, 1, 0, 1, 7][..],
            &with_length(&[3; 32]),
            &with_length(&[5; 144]),
        ];
        self.extension(ECH, &payload.concat())
    }

    /// With this extension.
    pub fn extension(mut self, kind: u16, value: &[u8]) -> Self {
        self.extensions.push((kind, value.to_vec()));
        self
    }

    /// With padding (RFC 7685) until the message has this many bytes at least.
    pub fn padded(mut self, bytes: usize) -> Self {
        self.padded = bytes;
        self
    }

    /// The handshake message.
    pub fn message(&self) -> Vec<u8> {
        let mut extensions: Vec<u8> = self
            .extensions
            .iter()
            .flat_map(|(kind, value)| extension(*kind, value))
            .collect();
        let mut body = [&[3, 3][..], &[7; 32], &[32], &[8; 32]].concat();
        body.extend([0, 6, 0x13, 1, 0x13, 2, 0xc0, 0x2b, 1, 0]);
        let so_far = 4 + body.len() + 2 + extensions.len();
        if self.padded > so_far {
            let padding = (self.padded - so_far).saturating_sub(4).min(EXTENSION);
            extensions.extend(extension(PADDING, &vec![0; padding]));
        }
        // What does not fit into a length of 16 bits can only be announced.
        let announced = u16::try_from(extensions.len()).unwrap_or(u16::MAX);
        body.extend(announced.to_be_bytes());
        body.extend(extensions);
        let length = u32::try_from(body.len()).expect("a length").to_be_bytes();
        [&[1][..], &length[1..], &body].concat()
    }

    /// The message in records that are as long as can be.
    pub fn records(&self) -> Vec<u8> {
        in_records(&self.message(), 16_384)
    }
}

/// A handshake message in records of this many bytes (RFC 8446, section 5.1).
pub fn in_records(message: &[u8], size: usize) -> Vec<u8> {
    message
        .chunks(size)
        .flat_map(|piece| [&[22, 3, 1][..], &with_length(piece)].concat())
        .collect()
}

/// The fatal alert that these bytes are, if they are nothing else (RFC 8446, section 6).
pub fn alert(bytes: &[u8]) -> Option<u8> {
    match bytes {
        [21, 3, _, 0, 2, 2, alert] => Some(*alert),
        _ => None,
    }
}

fn extension(kind: u16, value: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &with_length(value)].concat()
}

fn with_length(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("a length of 16 bits");
    [&length.to_be_bytes()[..], bytes].concat()
}
