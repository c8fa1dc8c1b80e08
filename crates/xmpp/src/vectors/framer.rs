use rxml::Error;
use rxml::error::ErrorContext;

use super::HEADER;
use super::oracle::{self, Boundaries, Part};
use crate::Malformed;
use crate::framer::{Frame, Framer};

/// More than any input here has.
const UNLIMITED: usize = 1 << 24;

/// A frame that owns what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Header(String),
    Stanza(String),
    StreamEnd,
    TooLarge(Option<String>),
    Malformed(Malformed),
}

/// Cuts `input` into frames, alone and behind the header of a stream, and checks that they are
/// those of rxml, and the same however the bytes come and whatever the limit is.
///
/// # Panics
///
/// If something does not hold.
pub fn check_framer(input: &[u8]) {
    for bytes in [input.to_vec(), [HEADER.as_bytes(), input].concat()] {
        let whole = frames(UNLIMITED, &bytes, &[bytes.len()]);
        check_against_rxml(&bytes, &whole);
        let some = lengths(&bytes);
        let small = [150, 40, 8][some[0] % 3];
        for limit in [UNLIMITED, small] {
            let limited = frames(limit, &bytes, &[bytes.len()]);
            check_limit(limit, &whole, &limited);
            for segments in [&[1][..], &some] {
                let cut = frames(limit, &bytes, segments);
                assert_eq!(cut, limited, "limit {limit}, segments {segments:?}");
            }
        }
    }
}

/// What is seen of `bytes`, in segments of these lengths, again and again.
fn frames(limit: usize, bytes: &[u8], segments: &[usize]) -> Vec<Seen> {
    let (mut framer, mut seen) = (Framer::new(limit), Vec::new());
    let (mut rest, mut lengths) = (bytes, segments.iter().cycle());
    while !rest.is_empty() {
        let length = lengths.next().copied().unwrap_or(1);
        let (segment, later) = rest.split_at(rest.len().min(length));
        rest = later;
        framer.receive(segment);
        loop {
            seen.push(match framer.next_frame() {
                Ok(None) => break,
                Ok(Some(Frame::Header(text))) => Seen::Header(text.to_owned()),
                Ok(Some(Frame::Stanza(text))) => Seen::Stanza(text.to_owned()),
                Ok(Some(Frame::StreamEnd)) => Seen::StreamEnd,
                Ok(Some(Frame::TooLarge(tag))) => Seen::TooLarge(tag.map(str::to_owned)),
                Err(malformed) => {
                    seen.push(Seen::Malformed(malformed));
                    return seen;
                }
            });
        }
    }
    seen
}

/// Lengths of segments that depend on the bytes.
fn lengths(bytes: &[u8]) -> Vec<usize> {
    let mut state = bytes.len() as u64 ^ 0x9e37_79b9_7f4a_7c15;
    let lengths = bytes.iter().take(16).map(|byte| {
        state = (state ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        1 + (state >> 32) as usize % 24
    });
    lengths.chain([5]).collect()
}

/// With a limit, the same frames are seen, but for those that are too large.
fn check_limit(limit: usize, whole: &[Seen], limited: &[Seen]) {
    for (index, (whole, limited)) in whole.iter().zip(limited).enumerate() {
        match (whole, limited) {
            (Seen::Stanza(stanza), Seen::TooLarge(tag)) => {
                assert!(stanza.len() > limit, "frame {index}");
                let end = tag_end(stanza);
                let expected = (end <= limit).then(|| stanza[..end].to_owned());
                assert_eq!(*tag, expected, "frame {index}");
            }
            // What is thrown away is not looked at.
            (Seen::Malformed(Malformed::Character | Malformed::Utf8), Seen::TooLarge(_)) => return,
            (Seen::Stanza(stanza), Seen::Stanza(_)) if stanza.len() > limit => {
                panic!("frame {index} is too large")
            }
            (whole, limited) => assert_eq!(whole, limited, "frame {index}"),
        }
    }
    let longer = limited.get(whole.len());
    // One that is too large and has not ended is told of when it ends, like every other.
    assert_eq!(longer, None);
}

/// Where the start tag of a stanza ends.
fn tag_end(stanza: &str) -> usize {
    let mut quote = None;
    for (at, byte) in stanza.bytes().enumerate() {
        match quote {
            None if byte == b'>' => return at + 1,
            None if byte == b'"' || byte == b'\'' => quote = Some(byte),
            Some(open) if open == byte => quote = None,
            _ => {}
        }
    }
    stanza.len()
}

/// What rxml accepts is cut at the same places. What of it is refused, and what is accepted though
/// rxml refuses it, must have its reason here.
fn check_against_rxml(bytes: &[u8], seen: &[Seen]) {
    let Boundaries { parts, error } = oracle::boundaries(bytes);
    let mut from = 0;
    for (index, &(part, to)) in parts.iter().enumerate() {
        let text = &bytes[from..to];
        match (seen.get(index), part) {
            (Some(Seen::Header(header)), Part::Header) => {
                // Behind the declaration. A tag has no second `<` (XML 1.0 section 3.1).
                let begin = text.iter().rposition(|byte| *byte == b'<');
                assert_eq!(Some(header.as_bytes()), begin.map(|begin| &text[begin..]));
            }
            (Some(Seen::Stanza(stanza)), Part::Stanza) => {
                assert_eq!(stanza.as_bytes(), trim_start(text));
            }
            (Some(Seen::StreamEnd), Part::StreamEnd) => {
                assert_eq!(trim_start(text).first(), Some(&b'<'));
            }
            (Some(Seen::Malformed(malformed)), part) => {
                let is_known = is_refused_for_a_reason(*malformed, part, text);
                assert!(is_known, "refused: {malformed}, {part:?} {to}");
                return;
            }
            (seen, part) => panic!("{seen:?} instead of {part:?} {to}"),
        }
        from = to;
    }
    let more = &seen[parts.len()..];
    let Some((error, at)) = error else {
        // rxml waits for more, and so do we, unless we know already that it cannot be right.
        assert!(
            matches!(more, [] | [Seen::Malformed(_)]),
            "{more:?} has not ended"
        );
        return;
    };
    if must_be_refused(&error) {
        assert!(
            matches!(more, [] | [Seen::Malformed(_)]),
            "{more:?} has {error} before {at}"
        );
    }
}

/// Whether we may refuse what rxml accepts.
fn is_refused_for_a_reason(malformed: Malformed, part: Part, text: &[u8]) -> bool {
    let text = trim_start(text);
    match malformed {
        // RFC 6120 section 11.7: between the stanzas is nothing but white space, and that is meant
        // as it is sent. For rxml, an element of the stream is one like every other.
        Malformed::Text => text.starts_with(b"<![CDATA[") || text.first() != Some(&b'<'),
        // RFC 6120 section 4.2: a stream begins with a start tag, not with an element that is empty.
        // Our limit for it is RFC 6120 section 4.9.3.14's.
        Malformed::Tag => match part {
            Part::Header => text.ends_with(b"/>") || text.len() > 16_384,
            _ => false,
        },
        _ => false,
    }
}

/// Whether we have to refuse what rxml refuses.
///
/// All else is left to the server, which has parsed what it sends and has written it anew; whoever
/// reads a tag or a text here ([`Stanza`](crate::stanza::Stanza)) looks for it there:
///
/// - end tags with the names of start tags (XML 1.0 section 3), known prefixes and names with one
///   colon at most (Namespaces in XML section 7), names of letters (XML 1.0 section 2.3)
/// - attributes that are complete, single and apart (XML 1.0 section 3.1)
/// - references to what there is (RFC 6120 section 11.1), and `]]>` only where a section of
///   character data ends (XML 1.0 section 2.4)
/// - version, encoding and independence in the XML declaration (RFC 6120 sections 11.5 and 11.6)
///
/// White space before the header is allowed (XML 1.0 section 2.8), which rxml does not know.
fn must_be_refused(error: &Error) -> bool {
    match error {
        // XML 1.0 section 2.2. rxml also says so of any character behind a carriage return in a
        // value.
        Error::InvalidChar(_, character, false) => {
            matches!(character, 0..0x09 | 0x0b | 0x0c | 0x0e..0x20 | 0xfffe | 0xffff)
        }
        // RFC 6120 section 11.6.
        Error::InvalidUtf8Byte(_) => true,
        // RFC 6120 section 11.1.
        Error::RestrictedXml(what) => matches!(*what, "comments" | "processing instructions"),
        Error::InvalidSyntax(what) => what.starts_with("malformed cdata"),
        // What follows the end of the stream (RFC 6120 section 4.4).
        Error::UnexpectedToken(Some(ErrorContext::DocumentEnd), ..) => true,
        _ => false,
    }
}

fn trim_start(text: &[u8]) -> &[u8] {
    let begin = text.iter().position(|byte| !b" \t\r\n".contains(byte));
    &text[begin.unwrap_or(text.len())..]
}
