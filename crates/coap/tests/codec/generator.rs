//! Random messages.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use vestibule_coap::vectors::{CAPTURES, EXAMPLES, Vector};
use vestibule_coap::{Code, Header, OptionList, OptionNumber, Token, Type, encode};

/// A message that can be sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) header: Header,
    pub(crate) options: OptionList,
    pub(crate) payload: Vec<u8>,
}

impl Sent {
    pub(crate) fn datagram(&self) -> Vec<u8> {
        let mut datagram = Vec::new();
        encode(self.header, &self.options, &self.payload, &mut datagram);
        datagram
    }
}

/// Any message but empty ones.
pub(crate) fn sent() -> impl Strategy<Value = Sent> {
    (header(), vec(option(), 0..12), vec(any::<u8>(), 0..80)).prop_map(
        |(header, pairs, payload)| {
            let mut options = OptionList::new();
            for (number, value) in pairs {
                options
                    .push(OptionNumber(number), value)
                    .expect("a short value");
            }
            Sent {
                header,
                options,
                payload,
            }
        },
    )
}

/// Noise, messages that are well formed, and such that were damaged a little.
pub(crate) fn input() -> impl Strategy<Value = Vec<u8>> {
    let known = CAPTURES.iter().chain(EXAMPLES);
    let known: Vec<Vec<u8>> = known.map(Vector::datagram).collect();
    let whole = prop_oneof![sent().prop_map(|sent| sent.datagram()), select(known)];
    let damages = vec((any::<Index>(), damage()), 0..4);
    prop_oneof![
        1 => vec(any::<u8>(), 0..40),
        1 => vec(any::<u8>(), 0..40).prop_map(|rest| [&[0x40, 1, 0, 1], &*rest].concat()),
        8 => (whole, damages).prop_map(|(mut bytes, damages)| {
            for (at, damage) in damages {
                damage.apply(&mut bytes, at);
            }
            bytes
        }),
    ]
}

#[derive(Clone, Copy, Debug)]
enum Damage {
    Cut,
    Insert(u8),
    Replace(u8),
}

impl Damage {
    fn apply(self, bytes: &mut Vec<u8>, at: Index) {
        let at = at.index(bytes.len() + 1);
        match (self, bytes.get_mut(at)) {
            (Self::Cut, _) => bytes.truncate(at),
            (Self::Replace(byte), Some(old)) => *old = byte,
            (Self::Insert(byte) | Self::Replace(byte), _) => bytes.insert(at, byte),
        }
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    let byte = prop_oneof![
        any::<u8>(),
        select(vec![
            0, 0x0d, 0x0e, 0x0f, 0xd0, 0xdd, 0xe0, 0xee, 0xf0, 0xff
        ])
    ];
    prop_oneof![
        Just(Damage::Cut),
        byte.clone().prop_map(Damage::Insert),
        byte.prop_map(Damage::Replace),
    ]
}

fn header() -> impl Strategy<Value = Header> {
    let kind = select(vec![
        Type::Acknowledgement,
        Type::Confirmable,
        Type::NonConfirmable,
        Type::Reset,
    ]);
    (kind, 1..=255_u8, any::<u16>(), vec(any::<u8>(), 0..=8)).prop_map(|(kind, code, id, token)| {
        Header {
            kind,
            code: Code(code),
            id,
            token: Token::try_from(&*token).expect("eight bytes"),
        }
    })
}

fn option() -> impl Strategy<Value = (u16, Vec<u8>)> {
    let number = prop_oneof![
        0..70_u16,
        240..310_u16,
        select(vec![12, 13, 268, 269, 65_534, 65_535]),
        any::<u16>(),
    ];
    let length = prop_oneof![
        8 => 0..30_usize,
        2 => select(vec![12, 13, 14, 268, 269, 270]),
        1 => 0..2000_usize,
    ];
    let value = (length, any::<u8>()).prop_map(|(length, byte)| vec![byte; length]);
    (number, value)
}
