use crate::{Code, Header, Message, OptionList, Options, ParseErrorKind, Type, encode};

/// Reads `input` as a message and checks what must hold for any bytes: what is accepted is the only way to write what it
/// says, what is refused is refused with the header that a reset needs.
///
/// # Panics
/// If something does not hold.
pub fn check_message(input: &[u8]) {
    match Message::parse(input) {
        Ok(message) => check_accepted(input, &message),
        Err(error) => {
            let headless = matches!(
                error.kind,
                ParseErrorKind::TooShort | ParseErrorKind::Version(_)
            );
            assert_eq!(error.header.is_none(), headless);
            assert!(!error.to_string().is_empty());
            match error.header {
                Some(header) => check_header(input, header),
                None => assert!(input.len() < 4 || input[0] >> 6 != 1),
            }
            let empty = error
                .header
                .is_some_and(|header| header.code == Code::EMPTY);
            assert_eq!(empty, error.kind == ParseErrorKind::NotEmpty);
        }
    }
}

fn check_accepted(input: &[u8], message: &Message<'_>) {
    check_header(input, message.header);
    check_view(message.options);

    let empty = message.header.code == Code::EMPTY;
    assert_eq!(
        message.bent,
        empty && (input.len() > 4 || input[0] & 15 != 0)
    );
    assert!(!message.bent || message.header.kind == Type::Acknowledgement);

    let options = OptionList::from(message.options);
    let mut written = Vec::new();
    encode(message.header, &options, message.payload, &mut written);
    // What follows a bent acknowledgement may be no token, options and payload; nothing is made of it then.
    if message.bent && written.len() == 4 {
        assert!(message.options.is_empty() && message.payload.is_empty());
    } else {
        assert_eq!(written, input);
    }
}

fn check_header(input: &[u8], header: Header) {
    assert_eq!(input[0] >> 6, 1);
    assert_eq!(input[0] >> 4 & 3, header.kind.bits());
    assert_eq!(input[1], header.code.0);
    assert_eq!(input[2..4], header.id.to_be_bytes());
    let token = header.token.as_bytes();
    assert!(token.is_empty() || token == &input[4..4 + usize::from(input[0] & 15)]);
}

/// Each way to look at options says the same.
fn check_view(options: Options<'_>) {
    let list = OptionList::from(options);
    assert!(options.iter().eq(list.iter()));
    assert!(options.iter().is_sorted_by_key(|(number, _)| number));
    assert_eq!(options.is_empty(), options.iter().next().is_none());
    assert_eq!(options.is_empty(), list.is_empty());
    assert_eq!(format!("{options:?}"), format!("{list:?}"));
    // The square of many options takes too long.
    for (number, _) in options.iter().take(8) {
        let all = || {
            options
                .iter()
                .filter(move |&(other, _)| other == number)
                .map(|(_, value)| value)
        };
        assert!(options.all(number).eq(all()));
        assert!(list.all(number).eq(all()));
        assert_eq!(options.first(number), all().next());
        assert_eq!(list.first(number), all().next());
        assert_eq!(options.uint(number), list.uint(number));
    }
}
