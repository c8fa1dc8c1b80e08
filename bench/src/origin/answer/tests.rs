use super::{Length, header_length, record_length};
use crate::load::REQUEST;
use crate::tls::client_hello;

#[test]
fn both_versions_are_measured() {
    let v1 = b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n";
    assert_eq!(header_length(v1), Length::Complete(v1.len()));
    assert_eq!(header_length(&v1[..v1.len() - 1]), Length::Incomplete);
    let mut v2 = *b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x01\x0c";
    assert_eq!(header_length(&v2), Length::Complete(16 + 256 + 12));
    v2[14] = 0;
    assert_eq!(header_length(&v2), Length::Complete(28));
    assert_eq!(header_length(&v2[..15]), Length::Incomplete);
}

#[test]
fn a_request_is_no_header() {
    assert_eq!(header_length(&REQUEST), Length::Absent);
    assert_eq!(header_length(&[]), Length::Incomplete);
}

#[test]
fn a_hello_is_measured() {
    let hello = client_hello().unwrap();
    assert_eq!(record_length(&hello), Length::Complete(hello.len()));
    assert_eq!(record_length(&hello[..4]), Length::Incomplete);
    assert_eq!(record_length(&REQUEST), Length::Absent);
}
