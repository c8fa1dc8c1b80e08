//! Who we are to a proxy.

use std::sync::Arc;

use arc_swap::ArcSwap;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use vestibule_config::{Credentials, FileRef, Secret};
use zeroize::Zeroizing;

use super::{FromFiles, Reader, password};

/// The value of a header field Proxy-Authorization. Replaced in place when its file changes.
#[derive(Debug)]
pub(crate) struct Authorization {
    current: ArcSwap<Value>,
    username: String,
    /// Where the password is read from again.
    file: Option<FileRef>,
}

/// Never shown.
struct Value(Zeroizing<String>);

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Value(…)")
    }
}

impl Authorization {
    /// Reads what `credentials` name. `None`: `reader` has the reason.
    pub(super) fn load(credentials: &Credentials, reader: &mut Reader) -> Option<Arc<Self>> {
        let username = credentials.username.clone();
        let (value, file) = match &credentials.password {
            Secret::Text(password) => (basic(&username, password.as_bytes()), None),
            Secret::File(file) => (from_file(&username, file, reader)?, Some(file.clone())),
        };
        Some(Arc::new(Self {
            current: ArcSwap::from_pointee(value),
            username,
            file,
        }))
    }

    /// The value, `Basic` and the rest.
    pub(crate) fn value(&self) -> Zeroizing<String> {
        self.current.load().0.clone()
    }
}

impl FromFiles for Authorization {
    fn refresh(&self, reader: &mut Reader) -> bool {
        let Some(file) = &self.file else {
            return true;
        };
        let Some(value) = from_file(&self.username, file, reader) else {
            return false;
        };
        self.current.store(Arc::new(value));
        tracing::info!(file = %file.path.display(), "password for a proxy read again");
        true
    }
}

fn from_file(username: &str, file: &FileRef, reader: &mut Reader) -> Option<Value> {
    let password = password::read(file, reader)?;
    Some(basic(username, &password))
}

/// RFC 7617 section 2.
fn basic(username: &str, password: &[u8]) -> Value {
    let mut plain = Zeroizing::new(Vec::with_capacity(username.len() + 1 + password.len()));
    plain.extend_from_slice(username.as_bytes());
    plain.push(b':');
    plain.extend_from_slice(password);
    // In one piece, so that no copy is left behind by growing.
    let mut value = Zeroizing::new(String::with_capacity(plain.len().div_ceil(3) * 4 + 6));
    value.push_str("Basic ");
    STANDARD.encode_string(&*plain, &mut value);
    Value(value)
}

#[cfg(test)]
mod tests {
    use super::{super::Reason, *};

    fn credentials(password: Secret) -> Credentials {
        Credentials {
            username: "Aladdin".to_owned(),
            password,
        }
    }

    fn from(contents: &[u8]) -> Result<String, Vec<Reason>> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        std::fs::write(&path, contents).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
        let mut reader = Reader::default();
        let secret = Secret::File(FileRef::unnamed(path));
        let loaded = Authorization::load(&credentials(secret), &mut reader);
        let reasons = reader.problems.into_iter().map(|problem| problem.reason);
        loaded
            .map(|loaded| loaded.value().to_string())
            .ok_or_else(|| reasons.collect())
    }

    #[test]
    fn the_value_is_that_of_the_specification() {
        let secret = Secret::Text("open sesame".to_owned());
        let mut reader = Reader::default();
        let loaded = Authorization::load(&credentials(secret), &mut reader).unwrap();
        assert_eq!(&*loaded.value(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(!format!("{loaded:?}").contains("QWxh"));
    }

    #[test]
    fn a_file_ends_with_one_line_ending_or_none() {
        let good = Ok("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==".to_owned());
        for contents in ["open sesame", "open sesame\n", "open sesame\r\n"] {
            assert_eq!(from(contents.as_bytes()), good);
        }
        assert_eq!(from(b"\n"), Err(vec![Reason::NoSecret]));
        assert_eq!(from(b""), Err(vec![Reason::NoSecret]));
        assert_eq!(from(b"two\nlines\n"), Err(vec![Reason::SecretUnusable]));
        assert_eq!(from(&[b'a'; 1025]), Err(vec![Reason::SecretUnusable]));
    }

    #[test]
    fn a_new_password_takes_effect() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        std::fs::write(&path, "one").unwrap();
        let secret = Secret::File(FileRef::unnamed(path.clone()));
        let loaded = Authorization::load(&credentials(secret), &mut Reader::default()).unwrap();
        let before = loaded.value();
        std::fs::write(&path, "").unwrap();
        assert!(!loaded.refresh(&mut Reader::default()));
        assert_eq!(loaded.value(), before);
        std::fs::write(&path, "two").unwrap();
        assert!(loaded.refresh(&mut Reader::default()));
        assert_ne!(loaded.value(), before);
    }
}
