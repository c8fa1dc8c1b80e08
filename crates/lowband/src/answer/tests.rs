use proptest::prelude::*;

use super::*;

/// Most bytes of a body.
const MOST: usize = 20;

/// A body of up to [`MOST`] bytes.
#[derive(Debug, Default)]
struct Kept(Vec<u8>);

#[derive(Debug)]
struct TooLarge;

impl Body for Kept {
    type Error = TooLarge;

    fn expect(&mut self, length: u64) -> Result<(), TooLarge> {
        (length <= MOST as u64).then_some(()).ok_or(TooLarge)
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), TooLarge> {
        self.0.extend_from_slice(bytes);
        (self.0.len() <= MOST).then_some(()).ok_or(TooLarge)
    }
}

/// What comes of an answer that comes in these pieces, and then FIN when `ends`.
fn read(pieces: &[&[u8]], ends: bool) -> Result<(u16, Vec<u8>, bool), String> {
    let mut reader = Reader::new(Kept::default());
    let text = |error: Error<TooLarge>| match error {
        Error::Malformed(malformed) => format!("{malformed:?}"),
        Error::Body(too_large) => format!("{too_large:?}"),
        Error::Cut => "Cut".to_owned(),
    };
    for piece in pieces {
        reader.receive(piece).map_err(text)?;
    }
    if ends && !reader.is_complete() {
        reader.end().map_err(text)?;
    }
    let whole = reader.finish().map_err(text)?;
    Ok((whole.status.as_u16(), whole.body.0, whole.keeps))
}

/// The same however it is cut.
fn check(text: &str, ends: bool, expected: Result<(u16, &str, bool), &str>) {
    let expected = expected
        .map(|(status, body, keeps)| (status, body.as_bytes().to_vec(), keeps))
        .map_err(str::to_owned);
    let bytes = text.as_bytes();
    assert_eq!(read(&[bytes], ends), expected, "{text:?}");
    let single: Vec<_> = bytes.chunks(1).collect();
    assert_eq!(read(&single, ends), expected, "{text:?}, byte by byte");
    for at in 1..bytes.len() {
        let (front, back) = bytes.split_at(at);
        assert_eq!(read(&[front, back], ends), expected, "{text:?} at {at}");
    }
}

#[test]
fn answers_end_where_they_say() {
    for (text, expected) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
            (200, "abc", true),
        ),
        ("HTTP/1.1 200\r\ncontent-length:0\r\n\r\n", (200, "", true)),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
            (200, "x", true),
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: x, Close\r\n\r\nx",
            (200, "x", false),
        ),
        (
            "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx",
            (200, "x", false),
        ),
        ("HTTP/1.1 204 No Content\r\n\r\n", (204, "", true)),
        (
            "HTTP/1.1 599 x\r\nContent-Length: 1\r\n\r\nx",
            (599, "x", true),
        ),
        (
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
            (304, "", false),
        ),
        (
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 0\r\n\r\n",
            (304, "", true),
        ),
        (
            "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
            (204, "", false),
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 007\t \r\n\r\n1234567",
            (200, "1234567", true),
        ),
        (
            "HTTP/1.1 302 Found\r\nLocation: http://x/\r\nContent-Length: 0\r\n\r\n",
            (302, "", true),
        ),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n\
             HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
            (200, "x", true),
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n\
             3\r\nabc\r\n00B;a=\"b\"\r\n01234567890\r\n0\r\nTrailer: x\r\n\r\n",
            (200, "abc01234567890", true),
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
             2 \t;a ; b=\"c;\"\r\n\r\n\r\n1 \r\n\n\r\n000\r\na: b\r\n c\r\n\r\n",
            (200, "\r\n\n", true),
        ),
    ] {
        check(text, false, Ok(expected));
        check(text, true, Ok(expected));
    }
}

#[test]
fn an_answer_may_end_with_the_connection() {
    let text = "HTTP/1.1 200 OK\r\n\r\n<html>";
    check(text, true, Ok((200, "<html>", false)));
    check(text, false, Err("Cut"));
}

#[test]
fn what_follows_an_answer_costs_the_connection() {
    let text = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n";
    assert_eq!(read(&[text], false), Ok((200, b"x".to_vec(), false)));
}

#[test]
fn answers_that_are_cut_are_none() {
    for text in [
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
    ] {
        for at in 0..text.len() {
            let cut = read(&[&text.as_bytes()[..at]], true);
            assert_eq!(cut.err().as_deref(), Some("Cut"), "{text:?} at {at}");
        }
    }
}

/// Also of a head that comes with an interim one.
#[test]
fn what_is_wrong_with_a_head_is_said_when_it_is_whole() {
    let text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\0: a\r\n";
    check(text, true, Err("Cut"));
    check(&format!("{text}\r\n"), true, Err("Head"));
}

#[test]
fn broken_answers_are_refused() {
    const OK: &str = "HTTP/1.1 200 OK\r\n";
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (text, expected) in [
        ("SSH-2.0-OpenSSH\r\n".to_owned(), "Head"),
        ("\x15\x03\x01\x00\x02\x02\x46".to_owned(), "Head"),
        ("\r\nHTTP/1.1 200 OK\r\n\r\n".to_owned(), "Head"),
        ("HTTP/2.0 200 OK\r\n\r\n".to_owned(), "Head"),
        ("HTTP/1.1 abc\r\n\r\n".to_owned(), "Head"),
        (format!("{OK}a b: c\r\n\r\n"), "Head"),
        (format!("{OK}Content-Length : 1\r\n\r\nx"), "Head"),
        (format!("{OK}Content-Length\r\n\r\n"), "Head"),
        (format!("{OK}: a\r\n\r\n"), "Head"),
        (format!("{OK} a: b\r\n\r\n"), "Head"),
        (format!("{OK}a: b\0c\r\n\r\n"), "Head"),
        (format!("{OK}a\0: b\r\n\r\n"), "Head"),
        (format!("{OK}a: b\rContent-Length: 1\r\n\r\n"), "Head"),
        (format!("{OK}a: b\nContent-Length: 1\r\n\r\nx"), "Head"),
        ("HTTP/1.1 404 No\nContent-Length: 1\n\nx".to_owned(), "Head"),
        (format!("{OK}Content-Length: 1\n\nx"), "Head"),
        (format!("{OK}Content-Length: 1\r\n\nx"), "Head"),
        (format!("{OK}Content-Length: 1\n\r\nx"), "Head"),
        (
            "HTTP/1.1 100 Continue\n\nHTTP/1.1 204 x\r\n\r\n".to_owned(),
            "Head",
        ),
        (
            "HTTP/1.1 100 Continue\r\n\r\n\r\nHTTP/1.1 204 x\r\n\r\n".to_owned(),
            "Head",
        ),
        (format!("{OK}a: b\r\n c\r\n\r\n"), "Head"),
        (
            "HTTP/1.1 101 Switching Protocols\r\n\r\n".to_owned(),
            "Status",
        ),
        ("HTTP/1.1 099 What\r\n\r\n".to_owned(), "Status"),
        ("HTTP/1.1 600 What\r\n\r\n".to_owned(), "Status"),
        ("HTTP/1.1 999 What\r\n\r\n".to_owned(), "Status"),
        (
            format!("{OK}Content-Length: 1\r\nContent-Length: 2\r\n\r\n"),
            "Length",
        ),
        (format!("{OK}Content-Length: +1\r\n\r\n"), "Length"),
        (format!("{OK}Content-Length: -1\r\n\r\n"), "Length"),
        (format!("{OK}Content-Length: 1, 1\r\n\r\nx"), "Length"),
        (format!("{OK}Content-Length: 1 1\r\n\r\nx"), "Length"),
        (format!("{OK}Content-Length: 0x1\r\n\r\nx"), "Length"),
        (
            format!("{OK}Content-Length: 18446744073709551616\r\n\r\n"),
            "Length",
        ),
        (
            format!("{OK}Content-Length: 18446744073709551615\r\n\r\n"),
            "TooLarge",
        ),
        (
            format!("{OK}Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n"),
            "Length",
        ),
        (format!("{OK}Content-Length: \r\n\r\n"), "Length"),
        (
            format!("{OK}Content-Length: 99999999999999999999\r\n\r\n"),
            "Length",
        ),
        (
            format!("{OK}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"),
            "Length",
        ),
        (
            format!("{OK}Transfer-Encoding: gzip, chunked\r\n\r\n"),
            "Coding",
        ),
        (
            format!("{OK}Transfer-Encoding: chunked, identity\r\n\r\n"),
            "Coding",
        ),
        (format!("{OK}Transfer-Encoding: \r\n\r\n"), "Coding"),
        (
            format!("{OK}{0}{0}\r\n", "Transfer-Encoding: chunked\r\n"),
            "Coding",
        ),
        (
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
            "Coding",
        ),
        (format!("{OK}Content-Length: 21\r\n\r\n"), "TooLarge"),
        (format!("{OK}\r\n012345678901234567890"), "TooLarge"),
        (format!("{CHUNKED}15\r\n012345678901234567890"), "TooLarge"),
        (format!("{CHUNKED}g\r\n"), "Chunk"),
        (format!("{CHUNKED}\r\n"), "Chunk"),
        (format!("{CHUNKED}-1\r\n"), "Chunk"),
        (format!("{CHUNKED}+1\r\n"), "Chunk"),
        (format!("{CHUNKED} 1\r\n"), "Chunk"),
        (format!("{CHUNKED}0x1\r\n"), "Chunk"),
        (format!("{CHUNKED}1_0\r\n"), "Chunk"),
        (format!("{CHUNKED}1 0\r\n"), "Chunk"),
        (format!("{CHUNKED}1\0\r\n"), "Chunk"),
        (format!("{CHUNKED};a\r\n"), "Chunk"),
        (format!("{CHUNKED}1;a\0\r\n"), "Chunk"),
        (format!("{CHUNKED}1;a\nx"), "Chunk"),
        (format!("{CHUNKED}1;a\rx"), "Chunk"),
        (format!("{CHUNKED}1\r\nx\n"), "Chunk"),
        (format!("{CHUNKED}1\r\nx\rx"), "Chunk"),
        (
            format!("{CHUNKED}fffffffffffffff\r\n012345678901234567890"),
            "TooLarge",
        ),
        (format!("{CHUNKED}0\r\n\n"), "Chunk"),
        (format!("{CHUNKED}0\r\n\rx"), "Chunk"),
        (format!("{CHUNKED}0\r\na: \0\r\n\r\n"), "Chunk"),
        (format!("{CHUNKED}0\r\n"), "Cut"),
        (format!("{CHUNKED}0\r\nHTTP/1.1 200 OK\r\n"), "Cut"),
        (format!("{CHUNKED}1\nx"), "Chunk"),
        (format!("{CHUNKED}1\r\nxy\r\n"), "Chunk"),
        (format!("{CHUNKED}1000000000000000\r\n"), "Chunk"),
        (format!("{CHUNKED}0\r\na: b\n\n"), "Chunk"),
    ] {
        check(&text, true, Err(expected));
    }
}

#[test]
fn heads_are_bounded() {
    let filled = "a: 0123456789\r\n".repeat(99);
    assert!(read(&[b"HTTP/1.1 204 x\r\n", filled.as_bytes(), b"\r\n"], false).is_ok());
    let many = "a: b\r\n".repeat(101);
    let long = format!("a: {}\r\n", "b".repeat(70_000));
    let interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(3_000);
    for head in [
        format!("HTTP/1.1 200 OK\r\n{many}\r\n"),
        format!("HTTP/1.1 200 OK\r\n{long}\r\n"),
        interim,
    ] {
        for pieces in [1, 1000, head.len()] {
            let pieces: Vec<_> = head.as_bytes().chunks(pieces).collect();
            assert_eq!(read(&pieces, false).unwrap_err(), "HeadTooLong");
        }
    }
    let chunked: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let one = format!("1;{}", "a".repeat(20_000));
    let many = format!("1;{}\r\nx\r\n", "a".repeat(1_000)).repeat(17);
    let spaces = format!("1{}", " ".repeat(20_000));
    for extensions in [one, many, spaces] {
        let extensions = extensions.as_bytes();
        assert_eq!(read(&[chunked, extensions], false).unwrap_err(), "Chunk");
    }
    let trailer = format!("0\r\n{}", "a: b\r\n".repeat(5_000));
    assert_eq!(
        read(&[chunked, trailer.as_bytes()], false).unwrap_err(),
        "Chunk"
    );
}

#[test]
fn the_time_to_wait_is_kept() {
    let mut reader = Reader::new(Kept::default());
    let text = b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n";
    assert!(reader.receive(text).is_ok());
    let whole = reader.finish().unwrap_or_else(|why| panic!("{why:?}"));
    assert_eq!(whole.retry_after.as_deref(), Some("7"));
}

/// Pieces of answers, good and bad, in an order that may mean something.
fn answer() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        Just("HTTP/1.1 200 OK\r\n".to_owned()),
        Just("HTTP/1.0 200 OK\r\n".to_owned()),
        "HTTP/1\\.[0-2] [1-6][0-9]{2}( [A-Z]{0,3})?\r?\n",
    ];
    let field = prop_oneof![
        "Content-Length ?: ?[+-]?[0-9]{1,2}(, ?[0-9])?\r?\n",
        "Content-Length: [0-9]{18,21}\r\n",
        "Transfer-Encoding: (chunked|gzip|chunked, gzip)\r\n",
        Just("Transfer-Encoding: chunked\r\n".to_owned()),
        "Connection: (close|keep-alive|x, close)\r\n",
        "[a-z]{0,3}:?[ a-z\\x00-\\x1f]{0,4}\r?\n",
    ];
    let head =
        (line, prop::collection::vec(field, 0..4), "\r?\n").prop_map(|(line, fields, end)| {
            let fields = fields.concat();
            format!("{line}{fields}{end}").into_bytes()
        });
    let chunk =
        (0..12_usize, "(|;a=b| ;a|\0| )", any::<bool>()).prop_map(|(len, extension, is_hex)| {
            let data = "x".repeat(len);
            match is_hex {
                true => format!("{len:x}{extension}\r\n{data}\r\n").into_bytes(),
                false => format!("{len}{extension}\r\n{data}\r\n").into_bytes(),
            }
        });
    let body = prop_oneof![
        chunk.clone(),
        chunk,
        Just(b"0\r\n\r\n".to_vec()),
        Just(b"0\r\na: b\r\n\r\n".to_vec()),
        prop::collection::vec(any::<u8>(), 0..30),
    ];
    let heads = prop::collection::vec(head, 1..3);
    let bodies = prop::collection::vec(body, 0..4);
    (heads, bodies).prop_map(|(heads, bodies)| [heads.concat(), bodies.concat()].concat())
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let any_bytes = prop::collection::vec(any::<u8>(), 0..200);
    let changed = (answer(), any::<prop::sample::Index>(), any::<u8>());
    let changed = changed.prop_map(|(mut bytes, at, byte)| {
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes
    });
    prop_oneof![1 => any_bytes, 4 => answer(), 4 => changed]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// What an answer means does not depend on how it is cut, and what is behind it does not matter
    /// but for the connection.
    #[test]
    fn any_bytes_mean_one_thing(
        bytes in bytes(),
        cuts in prop::collection::vec(1..40_usize, 1..8),
        ends: bool,
    ) {
        let mut pieces = Vec::new();
        let mut rest = &bytes[..];
        for cut in cuts.iter().cycle() {
            let Some((piece, behind)) = rest.split_at_checked(*cut) else { break };
            pieces.push(piece);
            rest = behind;
        }
        pieces.push(rest);
        let (whole, cut) = (read(&[&bytes], ends), read(&pieces, ends));
        prop_assert_eq!(&whole, &cut);
        if let Ok((status, body, keeps)) = whole {
            prop_assert!((200..=599).contains(&status) && body.len() <= MOST);
            if keeps {
                prop_assert!(bytes.starts_with(b"HTTP/1."));
                let mut more = bytes.clone();
                more.extend_from_slice(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
                prop_assert_eq!(read(&[&more], ends), Ok((status, body, false)));
            }
        }
    }
}
