use super::{Key, Memory};
use crate::client::{Config, Fingerprint, Trust};

fn key(name: &str, port: u16, trust: Trust) -> Key {
    Key::of(&Config::new(name.parse().unwrap(), port, trust))
}

fn numbered(number: u16) -> Key {
    key("chat.example.org", number, Trust::Insecure)
}

#[test]
fn nothing_is_known_of_a_stranger() {
    let memory = Memory::default();
    let known = memory.recall(&numbered(1));
    assert!(!known.offers_13 && known.session.is_none());
    memory.forget_session(&numbered(1));
    assert!(memory.is_empty());
}

#[test]
fn another_name_port_or_trust_is_another_server() {
    let memory = Memory::default();
    let pin = |byte| Trust::Fingerprint(Fingerprint([byte; 32]));
    let known = key("chat.example.org", 5684, pin(1));
    memory.set_offers_13(&known, true);
    assert!(memory.recall(&known).offers_13);
    for other in [
        key("talk.example.org", 5684, pin(1)),
        key("192.0.2.1", 5684, pin(1)),
        key("chat.example.org", 5685, pin(1)),
        key("chat.example.org", 5684, pin(2)),
        key("chat.example.org", 5684, Trust::Insecure),
    ] {
        assert!(!memory.recall(&other).offers_13);
    }
    let same = key("Chat.Example.org.", 5684, pin(1));
    assert!(memory.recall(&same).offers_13);
    memory.set_offers_13(&same, false);
    assert!(!memory.recall(&known).offers_13);
    assert_eq!(memory.len(), 1);
}

#[test]
fn who_was_not_used_for_longest_makes_room() {
    let memory = Memory::new(3);
    for number in 0..3 {
        memory.set_offers_13(&numbered(number), true);
    }
    // Asking is using.
    assert!(memory.recall(&numbered(0)).offers_13);
    memory.set_offers_13(&numbered(3), true);
    let kept: Vec<_> = (0..4)
        .filter(|&number| memory.recall(&numbered(number)).offers_13)
        .collect();
    assert_eq!(kept, [0, 2, 3]);
    assert_eq!(memory.len(), 3);
}

#[test]
fn it_does_not_grow() {
    let memory = Memory::default();
    for number in 0..2000 {
        memory.set_offers_13(&numbered(number), true);
        memory.recall(&numbered(number + 5000));
    }
    assert_eq!(memory.len(), 256);
    assert_eq!(format!("{memory:?}"), "Memory(256 servers)");
}

#[test]
fn clones_share_it() {
    let memory = Memory::default();
    memory.clone().set_offers_13(&numbered(1), true);
    assert!(memory.recall(&numbered(1)).offers_13);
}

#[test]
fn it_can_be_without_any() {
    let memory = Memory::new(0);
    memory.set_offers_13(&numbered(1), true);
    assert!(!memory.recall(&numbered(1)).offers_13);
    assert!(memory.is_empty());
}
