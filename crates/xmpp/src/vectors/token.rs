use crate::token::{Key, Origin, Refused, Tokens};

const DOMAIN: &str = "b.example";

/// Reads `input` as a token, and makes tokens for the addresses in its lines (holder, sender, what
/// stands before the domain and what behind it), which must come back as they were and be good for
/// nobody else.
///
/// # Panics
///
/// If something does not hold.
pub fn check_token(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let keys = [Key::new([1; 32]), Key::new([2; 32])];
    let tokens = Tokens::new(DOMAIN, &keys);
    let mut lines = text.lines();
    let [holder, sender, local, resource] = [(); 4].map(|()| lines.next().unwrap_or_default());

    for token in [&*text, holder, sender] {
        check_read(&tokens, holder, token);
    }
    let asked = match (local, resource) {
        ("", "") => DOMAIN.to_owned(),
        ("", resource) => format!("{DOMAIN}/{resource}"),
        (local, "") => format!("{local}@{DOMAIN}"),
        (local, resource) => format!("{local}@{DOMAIN}/{resource}"),
    };
    for asked in [&asked, sender] {
        check_made(&keys, holder, sender, asked);
    }
}

/// What is accepted is what would be made.
fn check_read(tokens: &Tokens, holder: &str, token: &str) {
    if let Ok(Origin { sender, asked }) = tokens.read(holder, token) {
        assert_eq!(tokens.make(holder, &sender, &asked).as_deref(), Ok(token));
    }
}

fn check_made(keys: &[Key; 2], holder: &str, sender: &str, asked: &str) {
    // Nobody has asked.
    if sender.is_empty() {
        return;
    }
    let tokens = Tokens::new(DOMAIN, keys);
    let Ok(token) = tokens.make(holder, sender, asked) else {
        return;
    };
    let origin = Origin {
        sender: sender.to_owned(),
        asked: asked.to_owned(),
    };
    assert!(token.len() <= 1023);
    assert!(
        token
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    );
    assert_eq!(tokens.read(holder, &token), Ok(origin.clone()));
    assert_eq!(tokens.make(holder, sender, asked).as_ref(), Ok(&token));

    let [first, second] = keys;
    let rotated = Tokens::new(DOMAIN, &[second.clone(), first.clone()]);
    assert_eq!(rotated.read(holder, &token), Ok(origin));
    let retired = Tokens::new(DOMAIN, std::slice::from_ref(second));
    assert_eq!(retired.read(holder, &token), Err(Refused::UnknownKey));
    let elsewhere = Tokens::new("c.example", keys);
    assert_eq!(elsewhere.read(holder, &token), Err(Refused::Forged));
    let holder_of_others = format!("{holder}x");
    assert_eq!(tokens.read(&holder_of_others, &token), Err(Refused::Forged));

    // Each character matters.
    for at in 0..token.len().min(64) {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).expect("it is ASCII");
        assert!(tokens.read(holder, &changed).is_err(), "{changed}");
    }
    assert!(tokens.read(holder, &token[..token.len() - 1]).is_err());
    assert!(tokens.read(holder, &format!("{token}A")).is_err());
}
