use crate::{
    BlockSize, BlockValue, Code, Header, Message, OptionFormat, OptionList, OptionNumber, Token,
    Type, encode, uint_from_bytes,
};

/// Takes `input` as a plan for a list of options, carries it out beside a plain list of pairs, and checks that both hold
/// the same, that a message with them is read as it was written, and what is known of each option.
///
/// # Panics
/// If something does not hold.
pub fn check_options(input: &[u8]) {
    let mut plan = Plan {
        rest: input,
        long: 0,
    };
    let mut list = OptionList::new();
    let mut model: Vec<(OptionNumber, Vec<u8>)> = Vec::new();
    while !plan.rest.is_empty() && model.len() < 256 {
        plan.step(&mut list, &mut model);
        model.sort_by_key(|&(number, _)| number);
    }
    let pairs = || model.iter().map(|(number, value)| (*number, &**value));
    assert!(list.iter().eq(pairs()));
    for (number, value) in pairs() {
        check_definition(number);
        check_value(value);
    }

    let header = Header {
        kind: Type::Confirmable,
        code: Code::GET,
        id: 1,
        token: Token::EMPTY,
    };
    let mut datagram = Vec::new();
    encode(header, &list, b"payload", &mut datagram);
    let message = Message::parse(&datagram).expect("a list can be sent");
    assert!(message.options.iter().eq(pairs()));
    assert_eq!(OptionList::from(message.options), list);
    assert_eq!(message.payload, b"payload");
}

/// Bytes as decisions. When they are used up, the rest are zeros.
struct Plan<'a> {
    rest: &'a [u8],
    long: u8,
}

impl Plan<'_> {
    fn byte(&mut self) -> u8 {
        let (byte, rest) = self.rest.split_first().unwrap_or((&0, &[]));
        self.rest = rest;
        *byte
    }

    fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    fn number(&mut self) -> OptionNumber {
        OptionNumber(self.word())
    }

    fn step(&mut self, list: &mut OptionList, model: &mut Vec<(OptionNumber, Vec<u8>)>) {
        match self.byte() {
            // Lengths beyond what a plan has bytes for, a few times.
            0 if self.long < 2 => {
                self.long += 1;
                let (number, length) = (self.number(), usize::from(self.word()) * 2);
                let value = vec![self.byte(); length];
                let pushed = list.push(number, &value);
                assert_eq!(pushed.is_ok(), length <= 65_804);
                if pushed.is_ok() {
                    model.push((number, value));
                }
            }
            1 => {
                let number = self.number();
                list.remove(number);
                model.retain(|&(other, _)| other != number);
            }
            2 => {
                let (number, uint) = (self.number(), u64::from(self.word()));
                list.set_uint(number, uint);
                model.retain(|&(other, _)| other != number);
                assert_eq!(list.uint(number), Some(uint));
                model.push((number, list.first(number).unwrap_or_default().to_vec()));
            }
            3 => {
                let number = self.number();
                list.push_empty(number);
                model.push((number, Vec::new()));
            }
            length => {
                let number = self.number();
                let value: Vec<u8> = (4..length.max(4)).map(|_| self.byte()).collect();
                list.push(number, &value).expect("a short value");
                model.push((number, value));
            }
        }
    }
}

fn check_definition(number: OptionNumber) {
    let Some(definition) = number.definition() else {
        assert_eq!(number.to_string(), format!("option {}", number.0));
        return;
    };
    assert_eq!(number.to_string(), definition.name);
    assert!(definition.min <= definition.max);
    match definition.format {
        OptionFormat::Empty => assert_eq!(definition.max, 0),
        OptionFormat::Uint => assert!(definition.min == 0 && definition.max <= 4),
        OptionFormat::Opaque | OptionFormat::String => {}
    }
}

fn check_value(value: &[u8]) {
    let uint = uint_from_bytes(value);
    assert_eq!(uint.is_some(), value.len() <= 8);
    if let Some(uint) = uint {
        let mut list = OptionList::new();
        list.push_uint(OptionNumber::SIZE2, uint);
        let shortest = list.first(OptionNumber::SIZE2).expect("it was pushed");
        let zeros = value.iter().take_while(|&&byte| byte == 0).count();
        assert_eq!(shortest, &value[zeros..]);
    }
    if let Ok(block) = BlockValue::parse(value) {
        assert_eq!(uint, Some(block.to_uint()));
        assert!(block.number <= BlockValue::MAX_NUMBER);
        assert!(block.offset().is_multiple_of(block.size.bytes()));
        assert_eq!(BlockSize::at_most(block.size.bytes()), block.size);
    } else {
        assert!(value.len() > 3 || value.last().is_some_and(|last| last & 7 == 7));
    }
}
