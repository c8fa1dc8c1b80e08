//! The members of objects while they are being written, so that of those with the same name one
//! stays.
//!
//! Nothing is looked up while members arrive. An object notes a few bits of each name; only when a
//! bit was there before, its members are sorted at its end, and those that lose are cut out of what
//! was written. So the work for `n` members is never more than `n log n`, whatever their names.

use super::{canonical, output::Output};

/// How the names of an object are to be ordered.
pub(super) enum Order {
    /// As they came.
    AsWritten,
    /// Shorter ones first, as RFC 7049 section 3.9 wants it in CBOR; with a buffer for sorting.
    Canonical(Vec<u8>),
}

/// What is known about a name when it has been written.
#[derive(Clone, Copy)]
pub(super) enum Name {
    /// It is in the table, at this number, which is 127 at most.
    Listed(u8),
    /// It is not in the table, and this is its hash.
    Other(u32),
}

/// How a name was given; of the same name the greater form wins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    Integer,
    Text,
}

/// A member in the output: its name, its value, and what JSON has between and after them.
#[derive(Clone, Copy)]
pub(super) struct Member {
    start: u32,
    value: u32,
    mark: u32,
    form: Form,
    lost: bool,
}

impl Member {
    /// Its name as it was written.
    pub(super) fn name<'a>(&self, written: &'a [u8]) -> &'a [u8] {
        &written[self.start as usize..self.value as usize]
    }

    /// Where it begins in the output.
    pub(super) fn start(&self) -> usize {
        self.start as usize
    }
}

/// The bits of the names of one object.
#[derive(Clone, Copy)]
pub(super) struct Names {
    /// Index of the first member of the object.
    first: usize,
    listed: u128,
    others: u64,
    maybe_repeated: bool,
}

/// The members of all objects that are open, those of inner objects last.
pub(super) struct Members {
    list: Vec<Member>,
    order: Order,
}

impl Members {
    pub(super) fn new(order: Order) -> Self {
        Self {
            list: Vec::new(),
            order,
        }
    }

    /// An object begins.
    #[inline]
    pub(super) fn open(&self) -> Names {
        Names {
            first: self.list.len(),
            listed: 0,
            others: 0,
            maybe_repeated: false,
        }
    }

    /// The name of a member was written, from `start` to the end of `out`.
    #[inline]
    pub(super) fn add(
        &mut self,
        names: &mut Names,
        name: Name,
        form: Form,
        start: usize,
        out: &Output<'_>,
    ) {
        let mark = match name {
            Name::Listed(number) => {
                let bit = 1 << (number & 127);
                names.maybe_repeated |= names.listed & bit != 0;
                names.listed |= bit;
                u32::from(number)
            }
            Name::Other(hash) => {
                let bit = 1 << (hash & 63);
                names.maybe_repeated |= names.others & bit != 0;
                names.others |= bit;
                hash
            }
        };
        // The output never has more bytes than 32 bits can say.
        self.list.push(Member {
            start: start as u32,
            value: out.len() as u32,
            mark,
            form,
            lost: false,
        });
    }

    /// An object ends, and so does `out`. Returns how many of its members are left.
    #[inline]
    pub(super) fn close(&mut self, names: &Names, out: &mut Output<'_>) -> usize {
        if names.maybe_repeated {
            let members = &mut self.list[names.first..];
            if may_be_equal(members) && lose(members, out.bytes()) {
                let kept = cut(members, out);
                self.list.truncate(names.first + kept);
            }
        }
        let count = self.list.len() - names.first;
        if let Order::Canonical(buffer) = &mut self.order {
            canonical::sort(&mut self.list[names.first..], out, buffer);
        }
        self.list.truncate(names.first);
        count
    }
}

/// Whether any two members may have the same name. It says so of many members without looking.
fn may_be_equal(members: &[Member]) -> bool {
    const FEW: usize = 16;
    members.len() > FEW
        || members.iter().enumerate().any(|(index, member)| {
            members[..index]
                .iter()
                .any(|earlier| earlier.mark == member.mark)
        })
}

/// Marks the members that lose against another of the same name, and says whether there are any.
fn lose(members: &mut [Member], written: &[u8]) -> bool {
    members.sort_unstable_by(|a, b| {
        (a.mark.cmp(&b.mark))
            .then_with(|| a.name(written).cmp(b.name(written)))
            .then_with(|| a.form.cmp(&b.form))
            .then_with(|| a.start.cmp(&b.start))
    });
    let mut any = false;
    for index in 1..members.len() {
        let (member, next) = (members[index - 1], members[index]);
        if member.mark == next.mark && member.name(written) == next.name(written) {
            members[index - 1].lost = true;
            any = true;
        }
    }
    members.sort_unstable_by_key(|member| member.start);
    any
}

/// Takes the members that have lost out of what was written, and puts those that are left first.
/// Returns how many these are.
fn cut(members: &mut [Member], out: &mut Output<'_>) -> usize {
    let mut end = members.first().map_or(0, Member::start);
    let mut kept = 0;
    for index in 0..members.len() {
        let mut member = members[index];
        if member.lost {
            continue;
        }
        let start = member.start();
        let next = members.get(index + 1).map_or(out.len(), Member::start);
        out.bytes_mut().copy_within(start..next, end);
        // No position has more than 32 bits.
        let moved = (start - end) as u32;
        member.start -= moved;
        member.value -= moved;
        members[kept] = member;
        kept += 1;
        end += next - start;
    }
    out.truncate(end);
    kept
}
