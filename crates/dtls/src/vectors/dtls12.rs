//! Protected records of DTLS 1.2 by the letter of RFC 5246, 6347, 7905 and 9146, without the stack.

use aws_lc_rs::{
    aead::{
        AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey,
    },
    hmac::{self, HMAC_SHA256, HMAC_SHA384},
};

/// The pseudorandom function (RFC 5246 section 5).
#[must_use]
pub fn prf(
    algorithm: hmac::Algorithm,
    secret: &[u8],
    label: &[u8],
    seed: &[u8],
    length: usize,
) -> Vec<u8> {
    let key = hmac::Key::new(algorithm, secret);
    let seed = [label, seed].concat();
    let mut out = Vec::new();
    let mut a = hmac::sign(&key, &seed);
    while out.len() < length {
        out.extend(hmac::sign(&key, &[a.as_ref(), &seed].concat()).as_ref());
        a = hmac::sign(&key, a.as_ref());
    }
    out.truncate(length);
    out
}

/// The keys of one association, those of the client first.
///
/// # Panics
/// If the suite is none that the stack has.
#[must_use]
pub fn keys(
    suite: u16,
    master: &[u8],
    client_random: &[u8],
    server_random: &[u8],
) -> [Direction; 2] {
    let (aead, hash, explicit): (&'static Algorithm, _, _) = match suite {
        0xc02b | 0xc02f => (&AES_128_GCM, HMAC_SHA256, true),
        0xc02c | 0xc030 => (&AES_256_GCM, HMAC_SHA384, true),
        0xcca8 | 0xcca9 => (&CHACHA20_POLY1305, HMAC_SHA256, false),
        other => panic!("suite {other:04x}"),
    };
    let (key, iv) = (aead.key_len(), if explicit { 4 } else { 12 });
    let seed = [server_random, client_random].concat();
    let block = prf(hash, master, b"key expansion", &seed, 2 * (key + iv));
    let direction = |key_at: usize, iv_at: usize| {
        let unbound = UnboundKey::new(aead, &block[key_at..key_at + key]).expect("a key");
        Direction {
            key: LessSafeKey::new(unbound),
            iv: block[iv_at..iv_at + iv].to_vec(),
        }
    };
    [direction(0, 2 * key), direction(key, 2 * key + iv)]
}

/// What protects the records one way.
pub struct Direction {
    key: LessSafeKey,
    /// Four bytes of it before an explicit nonce (RFC 5288 section 3), or twelve (RFC 7905 section 2).
    iv: Vec<u8>,
}

/// The header of a record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Header {
    /// The content type, or 25.
    pub kind: u8,
    /// The version.
    pub version: [u8; 2],
    /// The epoch.
    pub epoch: u16,
    /// The sequence number, of 48 bits.
    pub sequence: u64,
    /// The Connection ID.
    pub id: Vec<u8>,
}

impl Header {
    /// Of a record with a Connection ID (RFC 9146 section 4), in the epoch after the handshake.
    #[must_use]
    pub fn with_id(id: &[u8], sequence: u64) -> Self {
        Self {
            kind: 25,
            version: [0xfe, 0xfd],
            epoch: 1,
            sequence,
            id: id.to_vec(),
        }
    }

    /// Of a record without (RFC 6347 section 4.1).
    #[must_use]
    pub fn plain(kind: u8, sequence: u64) -> Self {
        Self {
            kind,
            ..Self::with_id(&[], sequence)
        }
    }

    /// `id` is the length of the Connection IDs.
    fn parse(record: &[u8], id: usize) -> (Self, &[u8]) {
        let id = if record[0] == 25 { id } else { 0 };
        let number = |range: std::ops::Range<usize>| {
            record[range]
                .iter()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
        };
        let header = Self {
            kind: record[0],
            version: [record[1], record[2]],
            epoch: u16::try_from(number(3..5)).expect("two bytes"),
            sequence: number(5..11),
            id: record[11..11 + id].to_vec(),
        };
        let body = &record[13 + id..];
        assert_eq!(number(11 + id..13 + id), body.len() as u64);
        (header, body)
    }

    /// Both, as they are on the wire.
    #[must_use]
    pub fn epoch_and_sequence(&self) -> Vec<u8> {
        let mut bytes = self.epoch.to_be_bytes().to_vec();
        bytes.extend(&self.sequence.to_be_bytes()[2..]);
        bytes
    }

    /// The additional data for a plaintext, or an inner plaintext, of this length: RFC 9146 section 5.3, and RFC 5246
    /// section 6.2.3.3 for records without Connection ID.
    ///
    /// # Panics
    /// If no record can be so long.
    #[must_use]
    pub fn additional_data(&self, length: usize) -> Vec<u8> {
        let length = u16::try_from(length).expect("a record").to_be_bytes();
        let mut data = Vec::new();
        if self.kind == 25 {
            data.extend([0xff; 8]);
            data.push(25);
            data.push(u8::try_from(self.id.len()).expect("short"));
            data.push(25);
            data.extend(self.version);
            data.extend(self.epoch_and_sequence());
            data.extend(&self.id);
        } else {
            data.extend(self.epoch_and_sequence());
            data.push(self.kind);
            data.extend(self.version);
        }
        data.extend(length);
        data
    }

    fn write(&self, body: &[u8]) -> Vec<u8> {
        let mut record = vec![self.kind];
        record.extend(self.version);
        record.extend(self.epoch_and_sequence());
        record.extend(&self.id);
        record.extend(u16::try_from(body.len()).expect("a record").to_be_bytes());
        record.extend(body);
        record
    }
}

impl Direction {
    fn is_explicit(&self) -> bool {
        self.iv.len() == 4
    }

    fn nonce(&self, header: &Header, explicit: &[u8]) -> Nonce {
        let mut nonce = [0; 12];
        nonce[..self.iv.len()].copy_from_slice(&self.iv);
        let rest = match self.is_explicit() {
            true => explicit.to_vec(),
            false => header.epoch_and_sequence(),
        };
        for (byte, other) in nonce[4..].iter_mut().zip(rest) {
            *byte ^= other;
        }
        Nonce::assume_unique_for_key(nonce)
    }

    /// What a record holds, with the header of it; `id` is the length of the Connection IDs. `None`: it does not
    /// authenticate.
    ///
    /// # Panics
    /// If it is no record.
    #[must_use]
    pub fn open(&self, record: &[u8], id: usize) -> Option<(Header, Vec<u8>)> {
        let (header, body) = Header::parse(record, id);
        let (explicit, sealed) = body.split_at(if self.is_explicit() { 8 } else { 0 });
        let data = header.additional_data(sealed.len() - 16);
        let mut buffer = sealed.to_vec();
        let nonce = self.nonce(&header, explicit);
        let plain = self.key.open_in_place(nonce, Aad::from(data), &mut buffer);
        let plain = plain.ok()?.to_vec();
        Some((header, plain))
    }

    /// A record with this (inner) plaintext.
    ///
    /// # Panics
    /// If no record can be so long.
    #[must_use]
    pub fn seal(&self, header: &Header, plain: &[u8]) -> Vec<u8> {
        self.seal_with(header, plain, header.additional_data(plain.len()))
    }

    /// The same with any additional data.
    ///
    /// # Panics
    /// If no record can be so long.
    #[must_use]
    pub fn seal_with(&self, header: &Header, plain: &[u8], data: Vec<u8>) -> Vec<u8> {
        // Whatever differs from record to record will do (RFC 5288 section 3).
        let explicit = (header.sequence ^ 0x5555).to_be_bytes();
        let nonce = self.nonce(header, &explicit);
        let mut sealed = plain.to_vec();
        let key = &self.key;
        key.seal_in_place_append_tag(nonce, Aad::from(data), &mut sealed)
            .expect("sealed");
        let mut body = Vec::new();
        if self.is_explicit() {
            body.extend(explicit);
        }
        body.extend(sealed);
        header.write(&body)
    }
}

#[cfg(test)]
mod tests;
