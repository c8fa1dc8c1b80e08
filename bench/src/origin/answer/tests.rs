use super::{Header, header_length};
use crate::load::REQUEST;

#[test]
fn both_versions_are_measured() {
    let v1 = b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n";
    assert_eq!(header_length(v1), Header::Complete(v1.len()));
    assert_eq!(header_length(&v1[..v1.len() - 1]), Header::Incomplete);
    let mut v2 = *b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x01\x0c";
    assert_eq!(header_length(&v2), Header::Complete(16 + 256 + 12));
    v2[14] = 0;
    assert_eq!(header_length(&v2), Header::Complete(28));
    assert_eq!(header_length(&v2[..15]), Header::Incomplete);
}

#[test]
fn a_request_is_no_header() {
    assert_eq!(header_length(&REQUEST), Header::Absent);
    assert_eq!(header_length(&[]), Header::Incomplete);
}
