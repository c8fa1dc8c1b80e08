use super::Line;

/// Both readers of the address at the beginning of `text` agree, whatever it is.
fn compare(text: &[u8]) {
    let line = || Line {
        at: 0,
        bytes: text,
        rest: 0,
    };
    let dotted = text.contains(&b'.');
    match (line().whole_ipv6(), line().careful_ipv6()) {
        (Some(whole), Ok(careful)) => assert_eq!(whole, careful, "{}", text.escape_ascii()),
        (None, Ok(_)) => assert!(dotted, "{}", text.escape_ascii()),
        (Some(_), Err(_)) => panic!("{} is refused", text.escape_ascii()),
        (None, Err(_)) => {}
    }
}

#[test]
fn every_short_text_is_read_as_by_the_careful_reader() {
    let alphabet = b"0fA:. g";
    for before in ["", "1:2:3:4:5:", "::1:2:3:4:", "12:ABCD::", "::ffff:1.2."] {
        for number in 0..7_usize.pow(5) {
            let middle = (0..5).map(|place| alphabet[number / 7_usize.pow(place) % 7]);
            let mut text: Vec<u8> = before.bytes().chain(middle).collect();
            text.extend_from_slice(b" 1 2\r\n");
            compare(&text);
        }
    }
}
