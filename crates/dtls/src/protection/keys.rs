//! The keys of one epoch, for one direction.

use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce, UnboundKey, quic::HeaderProtectionKey};
use zeroize::Zeroizing;

use super::{Header, Secret};

/// Bytes that authenticate a record, in all suites. The mask of its number comes of as many.
const TAG: usize = 16;

/// Record numbers end here (RFC 9147 section 4.2.1).
const END: u64 = 1 << 48;

/// What protects the records of one epoch in one direction.
pub(crate) struct Keys {
    key: LessSafeKey,
    iv: Zeroizing<[u8; 12]>,
    numbers: HeaderProtectionKey,
}

/// What was in a record.
pub(crate) struct Opened {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Its content type. `None`: it has none, against RFC 8446 section 5.4.
    pub(crate) kind: Option<u8>,
}

impl Opened {
    /// What it says.
    pub(crate) fn content(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }
}

impl Keys {
    /// The keys that come of the secret of an epoch (RFC 8446 section 7.3, RFC 9147 section 4.2.3). `None`: AWS-LC fails.
    pub(crate) fn new(secret: &Secret) -> Option<Self> {
        let (aead, numbers) = (secret.suite().aead(), secret.suite().numbers());
        let mut bytes = Zeroizing::new([0; 32]);
        let key = bytes.get_mut(..aead.key_len())?;
        secret.expand(b"key", b"", key)?;
        let key = LessSafeKey::new(UnboundKey::new(aead, key).ok()?);
        let mask = bytes.get_mut(..numbers.key_len())?;
        secret.expand(b"sn", b"", mask)?;
        let numbers = HeaderProtectionKey::new(numbers, mask).ok()?;
        let mut iv = Zeroizing::new([0; 12]);
        secret.expand(b"iv", b"", &mut iv[..])?;
        Some(Self { key, iv, numbers })
    }

    /// The number of a record, if it is one of this epoch: the nearest to `next` (RFC 9147 section 4.2.2).
    pub(crate) fn number(&self, header: &Header<'_>, next: u64) -> Option<u64> {
        let mask = self.mask(header.record.get(header.body..)?)?;
        let at = 1 + header.id().map_or(0, <[u8]>::len);
        let masked = header.record.get(at..at + header.number)?;
        let low = masked.iter().zip(mask).fold(0, |number, (byte, mask)| {
            number << 8 | u64::from(byte ^ mask)
        });
        let size = 1_u64 << (8 * header.number);
        let near = (next & !(size - 1)) | low;
        let number = if near + size / 2 <= next {
            near + size
        } else if near > next + size / 2 && near >= size {
            near - size
        } else {
            near
        };
        (number < END).then_some(number)
    }

    /// Opens the record with this number. `None`: it does not authenticate.
    pub(crate) fn open(&self, header: &Header<'_>, number: u64) -> Option<Opened> {
        let mut buffer = header.record.to_vec();
        let (head, body) = buffer.split_at_mut_checked(header.body)?;
        let at = 1 + header.id().map_or(0, <[u8]>::len);
        let bytes = number.to_be_bytes();
        let low = bytes.get(bytes.len() - header.number..)?;
        head.get_mut(at..at + header.number)?.copy_from_slice(low);
        let plain = self
            .key
            .open_in_place(self.nonce(number), Aad::from(&*head), body)
            .ok()?;
        let type_at = plain.iter().rposition(|&byte| byte != 0);
        Some(Opened {
            kind: type_at.and_then(|at| plain.get(at).copied()),
            start: header.body,
            end: header.body + type_at.unwrap_or(0),
            buffer,
        })
    }

    /// A record of this epoch with this number, to a receiver with this Connection ID. `None`: it would be too long.
    pub(crate) fn seal(
        &self,
        (epoch, number): (u64, u64),
        id: &[u8],
        kind: u8,
        content: &[u8],
    ) -> Option<Vec<u8>> {
        let length = u16::try_from(content.len() + 1 + TAG).ok()?;
        let [.., high, low] = number.to_be_bytes();
        let [.., epoch] = epoch.to_be_bytes();
        let with_id = if id.is_empty() { 0 } else { 0x10 };
        let mut record = Vec::with_capacity(5 + id.len() + usize::from(length));
        record.push(0b0010_1100 | with_id | epoch & 3);
        record.extend_from_slice(id);
        record.extend([high, low]);
        record.extend(length.to_be_bytes());
        let start = record.len();
        record.extend_from_slice(content);
        record.push(kind);
        let (head, body) = record.split_at_mut_checked(start)?;
        let sealed =
            self.key
                .seal_in_place_separate_tag(self.nonce(number), Aad::from(&*head), body);
        record.extend_from_slice(sealed.ok()?.as_ref());
        let mask = self.mask(record.get(start..)?)?;
        let number = record.get_mut(1 + id.len()..)?;
        for (byte, mask) in number.iter_mut().zip(mask) {
            *byte ^= mask;
        }
        Some(record)
    }

    fn mask(&self, sealed: &[u8]) -> Option<[u8; 2]> {
        let [first, second, ..] = self.numbers.new_mask(sealed.get(..TAG)?).ok()?;
        Some([first, second])
    }

    fn nonce(&self, number: u64) -> Nonce {
        let mut nonce = *self.iv;
        for (byte, other) in nonce.iter_mut().skip(4).zip(number.to_be_bytes()) {
            *byte ^= other;
        }
        Nonce::assume_unique_for_key(nonce)
    }
}
