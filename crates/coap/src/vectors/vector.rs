use crate::{Code, Message, OptionList, OptionNumber, Token, Type, encode};

/// A datagram with what it says.
#[derive(Clone, Copy, Debug)]
pub struct Vector {
    /// What it is.
    pub name: &'static str,
    /// The bytes on the wire, as [`unhex`] reads them.
    pub hex: &'static str,
    /// How it takes part in reliability.
    pub kind: Type,
    /// What it asks or answers.
    pub code: Code,
    /// Its message id.
    pub id: u16,
    /// Its token.
    pub token: &'static [u8],
    /// Its options, in order.
    pub options: &'static [(OptionNumber, &'static [u8])],
    /// Its payload.
    pub payload: &'static [u8],
    /// Whether it breaks the rule for empty messages.
    pub bent: bool,
}

impl Vector {
    /// The bytes on the wire.
    #[must_use]
    pub fn datagram(&self) -> Vec<u8> {
        unhex(self.hex)
    }

    /// Checks that the datagram is read as it should be, field by field, and written again is the same.
    ///
    /// # Panics
    /// If it does not hold.
    pub fn check(&self) {
        let (name, datagram) = (self.name, self.datagram());
        let message = Message::parse(&datagram).unwrap_or_else(|error| panic!("{name}: {error}"));
        let header = message.header;
        assert_eq!(header.kind, self.kind, "{name}");
        assert_eq!(header.code, self.code, "{name}");
        assert_eq!(header.id, self.id, "{name}");
        assert_eq!(header.token.as_bytes(), self.token, "{name}");
        assert!(
            message.options.iter().eq(self.options.iter().copied()),
            "{name}: {:?}",
            message.options
        );
        assert_eq!(message.payload, self.payload, "{name}");
        assert_eq!(message.bent, self.bent, "{name}");

        let mut options = OptionList::new();
        for &(number, value) in self.options {
            options.push(number, value).expect("a short value");
        }
        assert_eq!(options, message.options.into(), "{name}");
        let token = Token::try_from(self.token).expect("a token");
        assert_eq!(token, header.token, "{name}");
        let mut written = Vec::new();
        encode(header, &options, self.payload, &mut written);
        assert_eq!(written, datagram, "{name}");
    }
}

/// Bytes from hexadecimal digits and what stands in quotes; white space does not count:
/// `41 01 7d34 20 bb "temperature"`.
///
/// # Panics
/// At anything else.
#[must_use]
pub fn unhex(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (at, part) in text.split('"').enumerate() {
        if at % 2 == 1 {
            bytes.extend_from_slice(part.as_bytes());
            continue;
        }
        let digits: Vec<u8> = part
            .chars()
            .filter(|digit| !digit.is_whitespace())
            .map(|digit| digit.to_digit(16).expect("a hexadecimal digit") as u8)
            .collect();
        assert!(digits.len().is_multiple_of(2), "half a byte in {part}");
        bytes.extend(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]));
    }
    bytes
}
