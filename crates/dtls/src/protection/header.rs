//! The header of a protected record (RFC 9147 section 4).

/// Where the parts of a record are. Its first byte is `001CSLEE`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header<'a> {
    /// The record, and nothing behind it.
    pub(super) record: &'a [u8],
    id: usize,
    /// How many bytes of its number are there.
    pub(super) number: usize,
    /// Where what is sealed begins.
    pub(super) body: usize,
}

impl<'a> Header<'a> {
    /// The record at the front of `bytes`, to a receiver whose Connection IDs are `id` bytes long. `None`: there is none
    /// that is whole.
    pub(crate) fn parse(bytes: &'a [u8], id: usize) -> Option<Self> {
        let first = *bytes.first()?;
        if first >> 5 != 1 || (first & 0x10 != 0 && id == 0) {
            return None;
        }
        let id = if first & 0x10 == 0 { 0 } else { id };
        let number = if first & 8 == 0 { 1 } else { 2 };
        let mut body = 1 + id + number;
        let end = if first & 4 == 0 {
            bytes.len()
        } else {
            let length: [u8; 2] = bytes.get(body..body + 2)?.try_into().ok()?;
            body += 2;
            body + usize::from(u16::from_be_bytes(length))
        };
        let record = bytes.get(..end)?;
        (body <= record.len()).then_some(Self {
            record,
            id,
            number,
            body,
        })
    }

    /// Its Connection ID, if it has one.
    pub(crate) fn id(&self) -> Option<&'a [u8]> {
        let id = self.record.get(1..=self.id)?;
        (!id.is_empty()).then_some(id)
    }

    /// Whether it may be of this epoch.
    pub(crate) fn may_be_of(&self, epoch: u64) -> bool {
        self.record
            .first()
            .is_some_and(|first| u64::from(first & 3) == epoch & 3)
    }

    /// How many bytes there are in all.
    pub(crate) fn len(&self) -> usize {
        self.record.len()
    }
}
