use super::{Token, TokenTooLong};

#[test]
fn up_to_eight_bytes() {
    let bytes = [1, 2, 3, 4, 5, 6, 7, 8, 9];
    for length in 0..=8 {
        let token = Token::try_from(&bytes[..length]).unwrap();
        assert_eq!(token.as_bytes(), &bytes[..length]);
    }
    assert_eq!(Token::try_from(&bytes[..]), Err(TokenTooLong));
    assert_eq!(Token::try_from(&[][..]), Ok(Token::EMPTY));
    assert_eq!(Token::default(), Token::EMPTY);
}

#[test]
fn zeros_at_the_end_count() {
    let short = Token::try_from(&[1][..]).unwrap();
    let long = Token::try_from(&[1, 0][..]).unwrap();
    assert_ne!(short, long);
    assert_ne!(Token::EMPTY, Token::try_from(&[0][..]).unwrap());
}

#[test]
fn it_is_shown_in_hexadecimal() {
    let token = Token::try_from(&[0x0a, 0xff][..]).unwrap();
    assert_eq!(format!("{token:?}"), "Token(0aff)");
    assert_eq!(format!("{:?}", Token::EMPTY), "Token()");
    assert_eq!(TokenTooLong.to_string(), "a token has at most 8 bytes");
}
