use proptest::prelude::*;

use super::*;

const DOMAIN: &str = "proxy.example.org";
const HOLDER: &str = "bot@example.org";

fn key(byte: u8) -> Key {
    Key::new([byte; 32])
}

fn tokens(keys: &[u8]) -> Tokens {
    Tokens::new(DOMAIN, &keys.iter().copied().map(key).collect::<Vec<_>>())
}

fn make(sender: &str, asked: &str) -> Result<String, Unfit> {
    tokens(&[1]).make(HOLDER, sender, asked)
}

fn read(token: &str) -> Result<Origin, Refused> {
    tokens(&[1]).read(HOLDER, token)
}

#[test]
fn a_token_says_who_has_asked_and_what() {
    for asked in [
        "proxy.example.org",
        "n@proxy.example.org",
        "proxy.example.org/r1",
        "n@proxy.example.org/r @/x",
    ] {
        for sender in [
            "user@example.org/abc",
            "example.net",
            "room@muc.example/nick é/@",
        ] {
            let token = make(sender, asked).unwrap();
            let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
            assert!(token.chars().all(is_plain), "{token}");
            let origin = Origin {
                sender: sender.to_owned(),
                asked: asked.to_owned(),
            };
            assert_eq!(read(&token), Ok(origin));
            // The same again, and another for everybody else.
            assert_eq!(make(sender, asked).unwrap(), token);
            assert_ne!(make(&format!("{sender}x"), asked).unwrap(), token);
        }
    }
}

/// Tokens outlive the program that made them.
#[test]
fn tokens_stay_what_they_are() {
    assert_eq!(make("user@example.org/abc", DOMAIN).as_deref(), Ok(STABLE));
}

#[test]
fn no_token_is_longer_than_a_resource() {
    let longest = (1..2000)
        .take_while(|len| make(&"x".repeat(*len), DOMAIN).is_ok())
        .last()
        .unwrap();
    assert_eq!(
        make(&"x".repeat(longest), DOMAIN).unwrap().len(),
        MAX_PART_LEN
    );
    assert_eq!(longest, 747);
    assert_eq!(make(&"x".repeat(longest + 1), DOMAIN), Err(Unfit::TooLong));
}

#[test]
fn addresses_elsewhere_are_not_ours() {
    for asked in [
        "other.example",
        "n@other.example",
        "",
        "n@proxy.example.org.evil",
        "proxy.example.org/",
    ] {
        assert_eq!(make("a@b/c", asked), Err(Unfit::Asked), "{asked}");
    }
}

#[test]
fn what_was_changed_is_refused() {
    let token = make("user@example.org/abc", DOMAIN).unwrap();
    for at in 1..token.len() {
        for c in ['A', 'b', '0', '-', '_'] {
            let mut changed: Vec<char> = token.chars().collect();
            if std::mem::replace(&mut changed[at], c) == c {
                continue;
            }
            let changed: String = changed.into_iter().collect();
            let refused = read(&changed).unwrap_err();
            // The bits of the last character that say nothing must be zero.
            let last = at == token.len() - 1;
            assert!(
                refused == Refused::Forged || last && refused == Refused::NoToken,
                "{changed}"
            );
        }
    }
    assert_eq!(read(&token[..token.len() - 4]), Err(Refused::Forged));
    assert_eq!(read(&format!("{token}AAAA")), Err(Refused::Forged));
}

#[test]
fn what_is_no_token_is_refused() {
    for text in ["", "user@example.org/abc", "A=", "A A", "é", "AA"] {
        assert!(
            matches!(read(text), Err(Refused::NoToken | Refused::UnknownKey)),
            "{text}"
        );
    }
}

#[test]
fn tokens_of_other_components_are_refused() {
    let token = make("a@b/c", DOMAIN).unwrap();
    let other = Tokens::new("other.example.org", &[key(1)]);
    assert_eq!(other.read(HOLDER, &token), Err(Refused::Forged));
}

#[test]
fn tokens_are_good_for_who_got_them_only() {
    let token = make("a@b/c", DOMAIN).unwrap();
    let read = tokens(&[1]).read("other@example.org", &token);
    assert_eq!(read, Err(Refused::Forged));
}

#[test]
fn old_keys_are_accepted_as_long_as_they_are_there() {
    let old = tokens(&[1]).make(HOLDER, "a@b/c", DOMAIN).unwrap();
    let both = tokens(&[2, 1]);
    let new = both.make(HOLDER, "a@b/c", DOMAIN).unwrap();
    assert_ne!(old, new);
    assert_eq!(both.read(HOLDER, &old), both.read(HOLDER, &new));
    assert!(matches!(
        tokens(&[2]).read(HOLDER, &old),
        Err(Refused::UnknownKey | Refused::Forged)
    ));
    assert_eq!(tokens(&[2]).make(HOLDER, "a@b/c", DOMAIN), Ok(new));
}

/// Also when they have the same name, which one in 64 has.
#[test]
fn keys_of_the_same_name_are_told_apart() {
    let name = |byte: u8| key(byte).for_domain(DOMAIN).id();
    let twin = (2..=255)
        .find(|byte| name(*byte) == name(1))
        .expect("one in 64");
    let token = tokens(&[1]).make(HOLDER, "a@b/c", DOMAIN).unwrap();
    assert!(tokens(&[twin, 1]).read(HOLDER, &token).is_ok());
    assert_eq!(tokens(&[twin]).read(HOLDER, &token), Err(Refused::Forged));
}

#[test]
fn keys_are_written_as_hexadecimal_digits() {
    let text = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    let key = Key::from_hex(text).unwrap();
    assert_eq!(&**key.to_hex(), text);
    assert!(Key::from_hex(&text.to_uppercase()).is_ok());
    for text in [
        "",
        "00",
        &text[1..],
        &text.replace('1', "g"),
        &format!("{text} "),
    ] {
        assert_eq!(Key::from_hex(text).err(), Some(KeyError), "{text}");
    }
    assert_eq!(format!("{key:?}"), "Key(…)");
}

proptest! {
    #[test]
    fn any_text_is_survived(text in "\\PC{0,80}") {
        prop_assert!(read(&text).is_err());
    }
}

/// Made by the first version, with the key of ones.
const STABLE: &str = "uSp9owmGqDz41yOjmNxcJb4GDHGc7ezPb6_MHkShM0nbQVYT3Vo5Y";
