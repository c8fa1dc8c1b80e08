use super::{BlockSize, BlockValue, BlockValueError};

fn block(number: u32, more: bool, bytes: usize) -> BlockValue {
    BlockValue {
        number,
        more,
        size: BlockSize::at_most(bytes),
    }
}

#[test]
fn sizes() {
    let sizes: Vec<BlockSize> = (0..=6)
        .map(|exponent| BlockSize::at_most(16 << exponent))
        .collect();
    for (exponent, &size) in sizes.iter().enumerate() {
        assert_eq!(usize::from(size.exponent()), exponent);
        assert_eq!(size.bytes(), 16 << exponent);
        assert_eq!(BlockSize::at_most(size.bytes() + 1), size);
        assert_eq!(BlockSize::at_most(size.bytes() * 2 - 1), size);
    }
    assert!(sizes.is_sorted());
    assert_eq!(sizes[0], BlockSize::MIN);
    assert_eq!(sizes[6], BlockSize::MAX);
    for too_small in [0, 1, 15] {
        assert_eq!(BlockSize::at_most(too_small), BlockSize::MIN);
    }
    for too_large in [2048, usize::MAX] {
        assert_eq!(BlockSize::at_most(too_large), BlockSize::MAX);
    }
}

/// RFC 7959 section 2.3: NUM/M/SZX as they are written there.
#[test]
fn values_of_the_wire() {
    let cases: [(&[u8], BlockValue); 9] = [
        (&[], block(0, false, 16)),
        (&[0x00], block(0, false, 16)),
        (&[0x33], block(3, false, 128)),
        (&[0x0e], block(0, true, 1024)),
        (&[0x16], block(1, false, 1024)),
        (&[0x1e], block(1, true, 1024)),
        (&[0xfe], block(15, true, 1024)),
        (&[0x01, 0x06], block(16, false, 1024)),
        (
            &[0xff, 0xff, 0xfe],
            block(BlockValue::MAX_NUMBER, true, 1024),
        ),
    ];
    for (value, expected) in cases {
        assert_eq!(BlockValue::parse(value), Ok(expected), "{value:02x?}");
    }
    // Zeros in front change nothing (RFC 7252 section 3.2).
    assert_eq!(BlockValue::parse(&[0, 0, 0x33]), Ok(block(3, false, 128)));
    assert_eq!(BlockValue::parse(&[0, 0, 0]), Ok(block(0, false, 16)));
}

#[test]
fn a_value_that_is_none() {
    for length in [4, 5, 300] {
        let value = vec![0; length];
        assert_eq!(BlockValue::parse(&value), Err(BlockValueError::Length));
    }
    for value in [&[7][..], &[0x0f], &[0, 0x17], &[0xff, 0xff, 0xff]] {
        assert_eq!(BlockValue::parse(value), Err(BlockValueError::ReservedSize));
    }
    assert_eq!(
        BlockValueError::Length.to_string(),
        "a block option has at most 3 bytes"
    );
    assert_eq!(
        BlockValueError::ReservedSize.to_string(),
        "the block size exponent 7 is reserved"
    );
}

#[test]
fn any_value_is_written_as_it_was_read() {
    for bits in (0..1_u32 << 24).step_by(13) {
        let bytes = bits.to_be_bytes();
        match BlockValue::parse(&bytes[1..]) {
            Ok(value) => assert_eq!(value.to_uint(), u64::from(bits)),
            Err(error) => assert_eq!((error, bits & 7), (BlockValueError::ReservedSize, 7)),
        }
    }
}

#[test]
fn offsets() {
    assert_eq!(block(0, true, 1024).offset(), 0);
    assert_eq!(block(3, false, 16).offset(), 48);
    assert_eq!(
        block(BlockValue::MAX_NUMBER, false, 1024).offset(),
        (1 << 30) - 1024
    );
}

#[test]
fn it_is_shown_as_in_the_examples() {
    assert_eq!(block(3, false, 128).to_string(), "3/0/128");
    assert_eq!(block(0, true, 1024).to_string(), "0/1/1024");
}
