use super::Code;

#[test]
fn classes_and_details_of_every_byte() {
    for byte in 0..=255 {
        let code = Code(byte);
        assert_eq!(Code::new(code.class(), code.detail()), code);
        assert_eq!(code.to_string(), format!("{}.{:02}", byte >> 5, byte & 31));
        assert_eq!(code.is_request(), (1..32).contains(&byte));
        assert_eq!(code.is_response(), matches!(byte >> 5, 2 | 4 | 5));
        assert_eq!(code.is_success(), byte >> 5 == 2);
        assert!(!(code.is_request() && code.is_response()));
        // A name is given to what can be sent.
        if code.name().is_some() {
            assert!(code.is_request() || code.is_response() || code == Code::EMPTY);
        }
    }
}

#[test]
fn higher_bits_are_cut_off() {
    assert_eq!(Code::new(10, 37), Code::new(2, 5));
}

/// The numbers as they stand in the tables of RFC 7252, 7959, 8132 and 8516.
#[test]
fn the_registry() {
    let registry = [
        (0x00, "Empty"),
        (0x01, "GET"),
        (0x02, "POST"),
        (0x03, "PUT"),
        (0x04, "DELETE"),
        (0x05, "FETCH"),
        (0x06, "PATCH"),
        (0x07, "iPATCH"),
        (0x41, "Created"),
        (0x42, "Deleted"),
        (0x43, "Valid"),
        (0x44, "Changed"),
        (0x45, "Content"),
        (0x5f, "Continue"),
        (0x80, "Bad Request"),
        (0x81, "Unauthorized"),
        (0x82, "Bad Option"),
        (0x83, "Forbidden"),
        (0x84, "Not Found"),
        (0x85, "Method Not Allowed"),
        (0x86, "Not Acceptable"),
        (0x88, "Request Entity Incomplete"),
        (0x89, "Conflict"),
        (0x8c, "Precondition Failed"),
        (0x8d, "Request Entity Too Large"),
        (0x8f, "Unsupported Content-Format"),
        (0x96, "Unprocessable Entity"),
        (0x9d, "Too Many Requests"),
        (0xa0, "Internal Server Error"),
        (0xa1, "Not Implemented"),
        (0xa2, "Bad Gateway"),
        (0xa3, "Service Unavailable"),
        (0xa4, "Gateway Timeout"),
        (0xa5, "Proxying Not Supported"),
    ];
    for (byte, name) in registry {
        assert_eq!(Code(byte).name(), Some(name));
    }
    let named = (0..=255).filter(|&byte| Code(byte).name().is_some());
    assert_eq!(named.count(), registry.len());
}

#[test]
fn only_two_methods_just_read() {
    let safe: Vec<Code> = (0..=255).map(Code).filter(|code| code.is_safe()).collect();
    assert_eq!(safe, [Code::GET, Code::FETCH]);
}
