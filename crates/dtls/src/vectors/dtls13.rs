//! Protected records of DTLS 1.3 by the letter of RFC 8446 and 9147, without the stack.

use aws_lc_rs::{
    aead::{
        AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce,
        UnboundKey,
        quic::{AES_128, AES_256, CHACHA20, HeaderProtectionKey},
    },
    hmac::{self, HMAC_SHA256, HMAC_SHA384},
};

/// What protects the records one way, in one epoch.
pub struct Direction {
    key: LessSafeKey,
    iv: Vec<u8>,
    /// Makes the mask of record numbers (RFC 9147 section 4.2.3), which are those of QUIC (RFC 9001 section 5.4).
    numbers: HeaderProtectionKey,
}

/// What the header of a record says, with the number in the open.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Header {
    /// `001CSLEE`.
    pub first: u8,
    /// The Connection ID, if there is one.
    pub id: Vec<u8>,
    /// As much of it as is there: one or two bytes.
    pub number: Vec<u8>,
    /// The length of what follows, if it is there.
    pub length: Option<u16>,
}

impl Header {
    /// A header in the lower bits of this epoch, with what is asked for.
    #[must_use]
    pub fn new(
        epoch: u8,
        id: Option<&[u8]>,
        sequence: u64,
        long: bool,
        length: Option<u16>,
    ) -> Self {
        let bits = u8::from(id.is_some()) << 4 | u8::from(long) << 3;
        let number = sequence.to_be_bytes();
        Self {
            first: 0b0010_0000 | epoch & 3 | bits | u8::from(length.is_some()) << 2,
            id: id.unwrap_or_default().to_vec(),
            number: number[if long { 6 } else { 7 }..].to_vec(),
            length,
        }
    }

    fn parse(record: &[u8], id: usize) -> (Self, &[u8]) {
        let first = record[0];
        let mut rest = &record[1..];
        let mut take = |length: usize| {
            let (taken, after) = rest.split_at(length);
            rest = after;
            taken.to_vec()
        };
        let id = take(if first & 0x10 != 0 { id } else { 0 });
        let number = take(if first & 8 != 0 { 2 } else { 1 });
        let length = take(if first & 4 != 0 { 2 } else { 0 });
        let length = length.try_into().ok().map(u16::from_be_bytes);
        assert!(length.is_none_or(|length| usize::from(length) == rest.len()));
        let header = Self {
            first,
            id,
            number,
            length,
        };
        (header, rest)
    }

    /// It as it is on the wire, but for the number, and so as additional data.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = vec![self.first];
        bytes.extend(&self.id);
        bytes.extend(&self.number);
        if let Some(length) = self.length {
            bytes.extend(length.to_be_bytes());
        }
        bytes
    }
}

impl Direction {
    /// From the secret of an epoch, as it is logged.
    ///
    /// # Panics
    /// If the suite is none that the stack has.
    #[must_use]
    pub fn new(suite: u16, secret: &[u8]) -> Self {
        let (aead, hash): (&'static Algorithm, _) = match suite {
            0x1301 => (&AES_128_GCM, HMAC_SHA256),
            0x1302 => (&AES_256_GCM, HMAC_SHA384),
            0x1303 => (&CHACHA20_POLY1305, HMAC_SHA256),
            other => panic!("suite {other:04x}"),
        };
        let numbers = match suite {
            0x1301 => &AES_128,
            0x1302 => &AES_256,
            _ => &CHACHA20,
        };
        let key = expand_label(hash, secret, b"key", aead.key_len());
        let sn = expand_label(hash, secret, b"sn", aead.key_len());
        Self {
            key: LessSafeKey::new(UnboundKey::new(aead, &key).expect("a key")),
            iv: expand_label(hash, secret, b"iv", 12),
            numbers: HeaderProtectionKey::new(numbers, &sn).expect("a key"),
        }
    }

    /// What a record with this number holds, with the header of it; `id` is the length of the Connection IDs. `None`: it
    /// does not authenticate.
    ///
    /// # Panics
    /// If it is no record.
    #[must_use]
    pub fn open(&self, record: &[u8], id: usize, sequence: u64) -> Option<(Header, Vec<u8>)> {
        let (mut header, sealed) = Header::parse(record, id);
        self.mask(&mut header, sealed);
        let mut buffer = sealed.to_vec();
        let (nonce, data) = (self.nonce(sequence), header.write());
        let plain = self.key.open_in_place(nonce, Aad::from(data), &mut buffer);
        let plain = plain.ok()?.to_vec();
        Some((header, plain))
    }

    /// A record with this inner plaintext.
    ///
    /// # Panics
    /// If no record can be so long.
    #[must_use]
    pub fn seal(&self, header: &Header, sequence: u64, inner: &[u8]) -> Vec<u8> {
        self.seal_with(header, sequence, inner, header.write())
    }

    /// The same with any additional data.
    ///
    /// # Panics
    /// If no record can be so long.
    #[must_use]
    pub fn seal_with(
        &self,
        header: &Header,
        sequence: u64,
        inner: &[u8],
        data: Vec<u8>,
    ) -> Vec<u8> {
        let mut sealed = inner.to_vec();
        let nonce = self.nonce(sequence);
        let key = &self.key;
        key.seal_in_place_append_tag(nonce, Aad::from(data), &mut sealed)
            .expect("sealed");
        let mut header = header.clone();
        self.mask(&mut header, &sealed);
        let mut record = header.write();
        record.extend(sealed);
        record
    }

    /// Hides the number, or shows it.
    fn mask(&self, header: &mut Header, sealed: &[u8]) {
        let mask = self.numbers.new_mask(&sealed[..16]).expect("a mask");
        for (byte, mask) in header.number.iter_mut().zip(mask) {
            *byte ^= mask;
        }
    }

    fn nonce(&self, sequence: u64) -> Nonce {
        let mut nonce = [0; 12];
        nonce.copy_from_slice(&self.iv);
        for (byte, other) in nonce[4..].iter_mut().zip(sequence.to_be_bytes()) {
            *byte ^= other;
        }
        Nonce::assume_unique_for_key(nonce)
    }
}

/// HKDF-Expand-Label (RFC 8446 section 7.1) with the prefix of RFC 9147 section 5.9, for no more bytes than a hash has.
fn expand_label(algorithm: hmac::Algorithm, secret: &[u8], label: &[u8], length: usize) -> Vec<u8> {
    let mut info = u16::try_from(length).expect("short").to_be_bytes().to_vec();
    info.push(u8::try_from(6 + label.len()).expect("short"));
    info.extend(b"dtls13");
    info.extend(label);
    info.extend([0, 1]);
    let key = hmac::Key::new(algorithm, secret);
    hmac::sign(&key, &info).as_ref()[..length].to_vec()
}
