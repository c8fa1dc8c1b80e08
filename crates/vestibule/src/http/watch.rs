//! The head of a request as it came. hyper takes Content-Length out where it stands beside
//! Transfer-Encoding, before anybody can see that there were two lengths.

use hyper::http::request::Parts;

use super::{MAX_FIELDS, MAX_HEAD};

/// What has come of the head of the next request.
#[derive(Debug)]
pub(super) enum Watch {
    /// A part of it.
    Head(Vec<u8>),
    /// A body was not read to its end, so that nobody knows where the next head begins.
    Lost,
    /// All of it, and perhaps more, which belongs to the body or to a further request.
    Whole(Vec<u8>),
    /// Nobody wants to know: with HTTP/2 there is nothing to be seen.
    Off,
}

impl Watch {
    /// For the head that comes first.
    pub(super) fn new() -> Self {
        Self::Head(Vec::new())
    }

    /// The last request is answered: what comes from now on is the head of the next one.
    pub(super) fn next(&mut self) {
        if let Self::Head(bytes) | Self::Whole(bytes) = self {
            let mut bytes = std::mem::take(bytes);
            bytes.clear();
            // An idle connection holds nothing.
            bytes.shrink_to(0);
            *self = Self::Head(bytes);
        }
    }

    /// A body was not read to its end.
    pub(super) fn lose(&mut self) {
        if !matches!(self, Self::Off) {
            *self = Self::Lost;
        }
    }

    /// `bytes` have come.
    pub(super) fn saw(&mut self, bytes: &[u8]) {
        let Self::Head(head) = self else {
            return;
        };
        let from = head.len().saturating_sub(2);
        let room = MAX_HEAD.saturating_sub(head.len());
        head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if let Some(end) = end_of_head(&head[from..]) {
            head.truncate(from + end);
            *self = Self::Whole(std::mem::take(head));
        }
    }

    /// Whether this is the head of `request` and has no Content-Length. False as well when it was
    /// not seen, because the client has sent it before it had an answer to the last one.
    pub(super) fn has_one_length(&self, request: &Parts) -> bool {
        let Self::Whole(head) = self else {
            return matches!(self, Self::Off);
        };
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut parsed = httparse::Request::new(&mut fields);
        if !parsed.parse(head).is_ok_and(|parsed| parsed.is_complete()) {
            return false;
        }
        let path = request
            .uri
            .path_and_query()
            .map_or("", |path| path.as_str());
        parsed.method == Some(request.method.as_str())
            && parsed.path.is_some_and(|target| target.ends_with(path))
            // Of a head that began before its predecessor was answered, only the end was seen.
            && parsed.headers.len() == request.headers.len()
            && !parsed
                .headers
                .iter()
                .any(|field| field.name.eq_ignore_ascii_case("content-length"))
    }
}

/// Where the first empty line ends.
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let feeds = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    for (at, _) in feeds {
        match &bytes[at + 1..] {
            [b'\n', ..] => return Some(at + 2),
            [b'\r', b'\n', ..] => return Some(at + 3),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    /// A request with one or more fields, as hyper has parsed it.
    fn parts(method: &str, uri: &str) -> Parts {
        let request = Request::builder().method(method).uri(uri);
        let request = request.header("transfer-encoding", "chunked");
        request.header("host", "a").body(()).unwrap().into_parts().0
    }

    const CHUNKED: &str = "POST /a?b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

    #[test]
    fn one_length_is_fine_however_it_is_cut() {
        for cut in 0..CHUNKED.len() {
            let mut watch = Watch::new();
            watch.saw(&CHUNKED.as_bytes()[..cut]);
            watch.saw(&CHUNKED.as_bytes()[cut..]);
            watch.saw(b"0\r\n\r\nContent-Length: 5\r\n\r\n");
            assert!(watch.has_one_length(&parts("POST", "/a?b")), "{cut}");
        }
    }

    #[test]
    fn two_are_seen_in_any_order_and_case() {
        for head in [
            "POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\ncontent-LENGTH: 4\r\n\r\n",
            "POST / HTTP/1.1\nTransfer-Encoding: chunked\nContent-Length:4\n\n",
        ] {
            let mut watch = Watch::new();
            watch.saw(head.as_bytes());
            assert!(!watch.has_one_length(&parts("POST", "/")), "{head}");
        }
    }

    #[test]
    fn a_head_that_was_not_seen_is_not_trusted() {
        let mut watch = Watch::new();
        watch.saw(format!("GET / HTTP/1.1\r\nHost: a\r\n\r\n{CHUNKED}").as_bytes());
        assert!(!watch.has_one_length(&parts("POST", "/a?b")));
        watch.next();
        assert!(!watch.has_one_length(&parts("POST", "/a?b")));
        watch.saw(CHUNKED.as_bytes());
        assert!(watch.has_one_length(&parts("POST", "/a?b")));
        assert!(!watch.has_one_length(&parts("PUT", "/a?b")));
    }

    #[test]
    fn the_end_of_a_head_is_not_taken_for_the_whole() {
        let mut watch = Watch::new();
        // What came before was `POST / HTTP/1.1`, Content-Length, and a field that begins.
        watch.saw(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
        let request = Request::builder().method("POST").uri("/");
        let request = request.header("transfer-encoding", "chunked");
        let request = request.header("x", "POST / HTTP/1.1").body(()).unwrap();
        assert!(!watch.has_one_length(&request.into_parts().0));
    }

    #[test]
    fn after_half_a_body_nothing_is_known() {
        let mut watch = Watch::new();
        watch.saw(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 999\r\n\r\n");
        watch.lose();
        watch.next();
        watch.saw(CHUNKED.as_bytes());
        assert!(!watch.has_one_length(&parts("POST", "/a?b")));
    }

    #[test]
    fn memory_is_bounded() {
        let mut watch = Watch::new();
        for _ in 0..100 {
            watch.saw(&[b'x'; 4096]);
        }
        assert!(matches!(&watch, Watch::Head(head) if head.len() == MAX_HEAD));
    }
}
