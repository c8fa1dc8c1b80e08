use rand::Rng;

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const SMALL: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const ALL: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

/// What follows the `$` of an event, as long as in rooms of version 4 and later.
pub(crate) fn event() -> String {
    of(ALL, 43)
}

/// What follows the `!` of a room.
pub(crate) fn room() -> String {
    of(SMALL, 18)
}

/// A device.
pub(crate) fn device() -> String {
    of(LETTERS, 10)
}

/// An access token, as long as common ones.
pub(crate) fn token() -> String {
    format!("mht_{}", of(ALL, 36))
}

/// Anything else: media, sessions.
pub(crate) fn name() -> String {
    of(SMALL, 24)
}

fn of(letters: &[u8], len: usize) -> String {
    let mut rng = rand::rng();
    (0..len)
        .map(|_| char::from(letters[rng.random_range(..letters.len())]))
        .collect()
}
