//! Hellos that come in pieces.
//!
//! They must be put together before there is a cookie, so a stranger decides what is kept: a fixed number of places of
//! fixed size, for a short time.

use std::{
    net::SocketAddr,
    ops::Range,
    time::{Duration, Instant},
};

use crate::wire;

/// The hellos that are being put together.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// Oldest first.
    hellos: Vec<Hello>,
}

#[derive(Debug)]
struct Hello {
    from: SocketAddr,
    /// The record header and the message header of its first piece.
    head: [u8; HEAD],
    body: Vec<u8>,
    /// What is there, in order and apart.
    have: Vec<Range<usize>>,
    /// Its random, if the first piece is there.
    random: Option<[u8; 32]>,
    since: Instant,
}

/// The bytes before the body of a piece: record header (RFC 6347 section 4.1) and message header (4.2.2).
const HEAD: usize = 25;

impl Pieces {
    /// The most hellos.
    const MAX_HELLOS: usize = 256;
    /// The most of them from one address and port.
    const MAX_FROM_ONE: usize = 2;
    /// The most bytes of one. With a post-quantum share and a ticket it has about 1,600.
    const MAX_LENGTH: usize = 4096;
    /// The most holes in one, so that order costs little.
    const MAX_RANGES: usize = 16;
    /// How long one may take.
    const LIFETIME: Duration = Duration::from_secs(5);

    /// Takes a piece, of which `piece` was read. Returns the whole hello as one record, when this was the last.
    pub(super) fn add(
        &mut self,
        now: Instant,
        from: SocketAddr,
        record: &[u8],
        piece: &wire::Hello,
    ) -> Option<Vec<u8>> {
        let head: &[u8; HEAD] = record.first_chunk()?;
        let wire::Hello {
            length,
            offset,
            random,
            ..
        } = *piece;
        let [.., high, middle, low] = head.map(usize::from);
        let piece = record.get(HEAD..HEAD + (high << 16 | middle << 8 | low))?;
        let range = offset..offset + piece.len();
        if length > Self::MAX_LENGTH || range.end > length || range.is_empty() {
            return None;
        }
        let at = self.place(now, from, head, length);
        let hello = &mut self.hellos[at];
        if random.is_some() && hello.random != random {
            // With another random it is another attempt, and what is there is not of it.
            if hello.random.is_some() {
                hello.have.clear();
            }
            hello.random = random;
        }
        hello.body[range.clone()].copy_from_slice(piece);
        hello.note(range);
        if hello.have.first() == Some(&(0..length)) {
            return Some(self.hellos.remove(at).into_record());
        }
        if hello.have.len() > Self::MAX_RANGES {
            self.hellos.remove(at);
        }
        None
    }

    /// Where the hello of this piece is put together.
    fn place(&mut self, now: Instant, from: SocketAddr, head: &[u8; HEAD], length: usize) -> usize {
        self.hellos
            .retain(|it| now.saturating_duration_since(it.since) < Self::LIFETIME);
        let same = |it: &Hello| {
            it.from == from && it.head[17..19] == head[17..19] && it.body.len() == length
        };
        if let Some(at) = self.hellos.iter().position(same) {
            return at;
        }
        let mut theirs = self
            .hellos
            .iter()
            .enumerate()
            .filter(|(_, it)| it.from == from);
        let (oldest, count) = (theirs.next().map(|(at, _)| at), 1 + theirs.count());
        match oldest {
            Some(at) if count >= Self::MAX_FROM_ONE => drop(self.hellos.remove(at)),
            _ if self.hellos.len() >= Self::MAX_HELLOS => drop(self.hellos.remove(0)),
            _ => {}
        }
        self.hellos.push(Hello {
            from,
            head: *head,
            body: vec![0; length],
            have: Vec::new(),
            random: None,
            since: now,
        });
        self.hellos.len() - 1
    }
}

impl Hello {
    /// Notes that `range` is there.
    fn note(&mut self, mut range: Range<usize>) {
        self.have.retain(|it| {
            let apart = it.end < range.start || range.end < it.start;
            if !apart {
                range = range.start.min(it.start)..range.end.max(it.end);
            }
            apart
        });
        let at = self.have.partition_point(|it| it.start < range.start);
        self.have.insert(at, range);
    }

    /// The hello in one piece. It is in no transcript that way, only its message is.
    fn into_record(self) -> Vec<u8> {
        let mut record = self.head.to_vec();
        // At most `MAX_LENGTH` and a header.
        let length = (HEAD - 13 + self.body.len()) as u16;
        record[11..13].copy_from_slice(&length.to_be_bytes());
        record[19..22].fill(0);
        record.copy_within(14..17, 22);
        record.extend_from_slice(&self.body);
        record
    }
}
