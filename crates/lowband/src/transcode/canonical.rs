//! Canonical CBOR as in RFC 7049 section 3.9, where maps that were written are put in order.

use super::{members::Member, output::Output};

/// Orders the members at the end of `out`: shorter names first, those of equal length by their
/// bytes. `buffer` is for the time of this call, and kept for the next.
pub(super) fn sort(members: &mut [Member], out: &mut Output<'_>, buffer: &mut Vec<u8>) {
    let is_before = |a: &Member, b: &Member| {
        let (a, b) = (a.name(out.bytes()), b.name(out.bytes()));
        (a.len(), a).cmp(&(b.len(), b))
    };
    if members.is_sorted_by(|a, b| is_before(a, b).is_le()) {
        return;
    }
    let first = members.first().map_or(0, Member::start);
    buffer.clear();
    // The members are in the order of the output, so that each ends where the next begins.
    let mut spans = Vec::with_capacity(members.len());
    for (index, member) in members.iter().enumerate() {
        let end = members.get(index + 1).map_or(out.len(), Member::start);
        spans.push((*member, end));
    }
    spans.sort_unstable_by(|(a, _), (b, _)| is_before(a, b));
    for (member, end) in spans {
        buffer.extend_from_slice(&out.bytes()[member.start()..end]);
    }
    out.bytes_mut()[first..].copy_from_slice(buffer);
}
