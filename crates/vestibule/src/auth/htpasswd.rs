//! The file of users: `name:hash` on each line, as `htpasswd -B` writes it.

use std::{collections::HashMap, str};

use vestibule_config::FileRef;

use crate::material::{Reader, Reason, readable_by_others};

/// The longest user name in bytes.
const LONGEST_NAME: usize = 255;

/// The highest cost that is accepted: a check takes seconds beyond it.
const HIGHEST_COST: u32 = 16;

/// The lowest cost that there is.
const LOWEST_COST: u32 = 4;

/// Users and the hashes of their passwords.
#[derive(PartialEq, Eq)]
pub(super) struct Table {
    hashes: HashMap<String, Hash>,
    /// The highest cost of a hash.
    highest: u32,
}

/// What is known of a password. A check takes as long as 2 to the power of `cost` rounds.
#[derive(PartialEq, Eq)]
struct Hash {
    text: String,
    cost: u32,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table")
            .field("users", &self.hashes.len())
            .finish_non_exhaustive()
    }
}

impl Table {
    /// Whether `username` has this password. Takes as long as a check of the most expensive hash,
    /// whether there is such a user or not, so that the time does not tell who is one.
    pub(super) fn check(&self, username: &str, password: &[u8]) -> bool {
        let verify = |hash: &str| bcrypt::verify(password, hash).unwrap_or(false);
        let Some(known) = self.hashes.get(username) else {
            verify(&nobody(self.highest));
            return false;
        };
        let right = verify(&known.text);
        // Each costs as much as all before it.
        for cost in known.cost..self.highest {
            verify(&nobody(cost));
        }
        right
    }

    /// How many users there are.
    pub(super) fn len(&self) -> usize {
        self.hashes.len()
    }
}

/// Reads the users of `file`. `None`: `reader` has the reasons, one for each line.
pub(super) fn read(file: &FileRef, reader: &mut Reader) -> Option<Table> {
    let bytes = reader.read(file)?;
    let mut hashes = HashMap::new();
    let (mut highest, mut good) = (LOWEST_COST, true);
    for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        match user(line) {
            Ok(None) => {}
            Ok(Some((name, text, cost))) => {
                highest = highest.max(cost);
                let text = text.to_owned();
                let same = hashes.insert(name.to_owned(), Hash { text, cost });
                if same.is_some() {
                    note(file, reader, number, "the same name stands above");
                    good = false;
                }
            }
            Err(why) => {
                note(file, reader, number, why);
                good = false;
            }
        }
    }
    if good && hashes.is_empty() {
        reader.note(file, Reason::NoUsers);
        return None;
    }
    if readable_by_others(&file.path) {
        reader.note(file, Reason::ReadableByOthers);
    }
    good.then_some(Table { hashes, highest })
}

/// A hash of a password that nobody has.
fn nobody(cost: u32) -> String {
    format!("$2b${cost:02}${NOBODY}")
}

/// The salt and the hash of nobody's password.
const NOBODY: &str = "abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ0123O";

fn note(file: &FileRef, reader: &mut Reader, line: usize, why: &'static str) {
    reader.note(file, Reason::UserLine { line, why });
}

/// The name, the hash and its cost on a line; `None` when nobody stands there.
fn user(line: &[u8]) -> Result<Option<(&str, &str, u32)>, &'static str> {
    let line = str::from_utf8(line).map_err(|_| "it is not UTF-8")?;
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.trim().is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (name, rest) = line.split_once(':').ok_or("there is no colon")?;
    if name.is_empty() || name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err("a name has 1 to 255 bytes and no control characters");
    }
    // Some tools write more fields behind it.
    let hash = rest.split_once(':').map_or(rest, |(hash, _)| hash);
    let cost = cost(hash)?;
    Ok(Some((name, hash, cost)))
}

/// The cost of a hash by bcrypt: `$2y$`, two digits, `$`, 22 characters of salt and 31 of hash.
fn cost(hash: &str) -> Result<u32, &'static str> {
    if !["$2a$", "$2b$", "$2y$"]
        .iter()
        .any(|start| hash.starts_with(start))
    {
        return Err(match hash.starts_with('$') || hash.starts_with('{') {
            true => "its password is hashed by something else than bcrypt",
            false => "its password is not hashed by bcrypt",
        });
    }
    let parts: bcrypt::HashParts = hash.parse().map_err(|_| "its hash is damaged")?;
    match parts.get_cost() {
        cost if cost > HIGHEST_COST => Err("its hash has a cost above 16: a check takes seconds"),
        cost => Ok(cost),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `htpasswd -nbB` and by Python's bcrypt.
    const HTPASSWD: &str = "$2y$05$2KZDkh0vjpYQjRuiHMG33.rWmHYnFPFUxbPDGCMbgzNUjJBMO8bIy";

    fn reasons(contents: &[u8]) -> Vec<Reason> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("users");
        std::fs::write(&path, contents).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
        let mut reader = Reader::default();
        let table = read(&FileRef::unnamed(path), &mut reader);
        let reasons: Vec<_> = reader
            .problems
            .into_iter()
            .map(|found| found.reason)
            .collect();
        assert_eq!(table.is_some(), reasons.is_empty());
        reasons
    }

    fn reason(contents: &str) -> Reason {
        let mut reasons = reasons(contents.as_bytes());
        assert_eq!(reasons.len(), 1, "{contents}");
        reasons.remove(0)
    }

    #[test]
    fn comments_blanks_and_line_endings_are_taken() {
        let text = format!("# users\r\n\n  \nann:{HTPASSWD}\r\nbob:{HTPASSWD}:more\n");
        assert_eq!(reasons(text.as_bytes()), []);
    }

    #[test]
    fn each_line_that_is_wrong_is_told() {
        let line = |line, why| Reason::UserLine { line, why };
        assert_eq!(reason(""), Reason::NoUsers);
        assert_eq!(reason("# nobody\n"), Reason::NoUsers);
        assert_eq!(reason("ann\n"), line(1, "there is no colon"));
        assert_eq!(
            reason("ann:$apr1$abc$def\n"),
            line(1, "its password is hashed by something else than bcrypt")
        );
        assert_eq!(
            reason("ann:secret\n"),
            line(1, "its password is not hashed by bcrypt")
        );
        assert_eq!(reason("ann:$2y$05$short\n"), line(1, "its hash is damaged"));
        assert_eq!(
            reason(&format!("ann:{}", HTPASSWD.replace("$05$", "$17$"))),
            line(1, "its hash has a cost above 16: a check takes seconds")
        );
        assert_eq!(
            reason(&format!("ann:{HTPASSWD}\nann:{HTPASSWD}\n")),
            line(2, "the same name stands above")
        );
        assert_eq!(reasons(b"\xff:x\nbob:x\n").len(), 2);
    }

    #[test]
    fn nobody_can_be_checked_and_never_fits() {
        let nobody = nobody(LOWEST_COST);
        assert_eq!(cost(&nobody), Ok(LOWEST_COST));
        assert!(!bcrypt::verify(b"", &nobody).unwrap());
        let table = Table {
            hashes: HashMap::new(),
            highest: LOWEST_COST,
        };
        assert!(!table.check("nobody", b""));
    }

    /// How long this thread has run. Others run beside it.
    fn time_run() -> std::time::Duration {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        std::time::Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
    }

    #[test]
    fn all_checks_take_as_long_as_the_most_expensive() {
        let hash = |cost| Hash {
            text: bcrypt::hash("secret", cost).unwrap(),
            cost,
        };
        let hashes = [("cheap".to_owned(), hash(4)), ("dear".to_owned(), hash(10))];
        let table = Table {
            hashes: hashes.into(),
            highest: 10,
        };
        let time = |name| {
            let began = time_run();
            assert!(!table.check(name, b"wrong"));
            time_run() - began
        };
        // Each costs 64 times as much as the cheap one alone.
        let (cheap, dear, nobody) = (time("cheap"), time("dear"), time("nobody"));
        for time in [cheap, nobody] {
            assert!(time > dear / 4 && dear > time / 4, "{time:?} {dear:?}");
        }
        assert!(table.check("cheap", b"secret") && table.check("dear", b"secret"));
    }
}
