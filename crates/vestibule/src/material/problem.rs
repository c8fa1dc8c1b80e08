//! What is wrong or doubtful with a file that the configuration names.

use std::{fmt, io};

use jiff::Timestamp;
use vestibule_config::{Code, FileRef, Report, Severity};

/// A file, and what is wrong or doubtful with it.
#[derive(Clone, Debug)]
pub(crate) struct FileProblem {
    pub(crate) file: FileRef,
    pub(crate) reason: Reason,
}

impl FileProblem {
    /// Adds it to what was found in the configuration, at the place that names the file.
    pub(crate) fn add_to(&self, report: &mut Report) {
        report.add(
            &self.file,
            self.reason.severity(),
            self.reason.code(),
            self.to_string(),
            self.reason.help(),
        );
    }

    /// Whether the file cannot be used.
    pub(crate) fn is_error(&self) -> bool {
        self.reason.severity() == Severity::Error
    }
}

impl fmt::Display for FileProblem {
    /// The file and what is wrong with it, in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.path.display(), self.reason)
    }
}

/// What is wrong or doubtful with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The certificate at this place of the file, from 1, is none.
    BadCertificate { at: usize },
    /// This section of PEM cannot be decoded.
    BadPem(String),
    /// A revocation list that cannot be used, and why.
    BadRevocationList(String),
    /// The file is another one each time that it is read.
    Changing,
    /// The certificate at this place of the chain, from 2, did not issue the one before.
    ChainOutOfOrder { at: usize },
    /// DER, where PEM is wanted.
    Der,
    /// The private key is encrypted.
    EncryptedKey,
    /// The certificate's time is over.
    Expired(Moment),
    /// The certificate's time is over within a week.
    ExpiresSoon(Moment),
    /// The private key cannot be used, and why.
    KeyUnusable(String),
    /// The private key is not that of the certificate.
    KeyMismatch,
    /// The private key is of a kind that DTLS is not spoken with.
    KeyNotForDtls,
    /// An RSA key of so many bits.
    KeyTooShort { bits: usize },
    /// The chain has so many bytes, which is much for a slow link.
    LongChain { bytes: usize },
    /// There is no certificate in it.
    NoCertificate,
    /// There is no private key in it.
    NoKey,
    /// There is no revocation list in it.
    NoRevocationList,
    /// The certificate has no name that a client looks at.
    NoSubjectAltName,
    /// There are no certificate authorities of the system.
    NoSystemRoots,
    /// There is no secret in it.
    NoSecret,
    /// It is to be made, where there is no directory for it.
    NoDirectory,
    /// There is no key for tickets in it.
    NoTicketKey,
    /// There is no key for tokens in it.
    NoTokenKey,
    /// It is a directory or a device.
    NotAFile,
    /// The certificate's time has not come.
    NotYetValid(Moment),
    /// Others than its owner and group may read it.
    ReadableByOthers,
    /// The next issue of the revocation list was due.
    RevocationListOutdated(Moment),
    /// The certificate is RSA, where every byte counts.
    RsaByRadio,
    /// What stands there cannot be sent as a password.
    SecretUnusable,
    /// This line, from 1, is no key for tickets.
    TicketKeyLine(usize),
    /// This line, from 1, is no key for tokens.
    TokenKeyLine(usize),
    /// There is no user in it.
    NoUsers,
    /// It is larger than anything of its kind.
    TooLarge,
    /// The operating system does not let us read it.
    Unreadable {
        error: io::ErrorKind,
        text: String,
        user: String,
    },
    /// What the library says of the settings that go with this file.
    Unsupported(String),
    /// This line, from 1, is no user, and why.
    UserLine { line: usize, why: &'static str },
}

impl Reason {
    /// Whether the file can be used nevertheless.
    pub(crate) fn severity(&self) -> Severity {
        match self {
            Self::ChainOutOfOrder { .. }
            | Self::Expired(_)
            | Self::ExpiresSoon(_)
            | Self::LongChain { .. }
            | Self::NoSubjectAltName
            | Self::NotYetValid(_)
            | Self::ReadableByOthers
            | Self::RevocationListOutdated(_)
            | Self::RsaByRadio => Severity::Warning,
            _ => Severity::Error,
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::Expired(_) | Self::ExpiresSoon(_) | Self::NotYetValid(_) => {
                Code::CertificateExpired
            }
            _ => Code::UnusableFile,
        }
    }

    /// What would be right.
    pub(crate) fn help(&self) -> Option<String> {
        let help = match self {
            Self::BadCertificate { .. } => "compare it with `openssl x509 -in FILE -text`",
            Self::BadPem(_) => "make it again, or copy it again in whole",
            Self::BadRevocationList(_) => "compare it with `openssl crl -in FILE -text`",
            Self::Changing | Self::Unsupported(_) => return None,
            Self::ChainOutOfOrder { .. } => {
                "put the certificate itself first, then the one that issued it, and so on"
            }
            Self::Der => "convert it to PEM, such as by `openssl x509 -inform der -in FILE`",
            Self::EncryptedKey => {
                "nobody is there to type a password: `openssl pkey -in FILE -out PLAIN` decrypts it"
            }
            Self::Expired(_) | Self::ExpiresSoon(_) => "renew it",
            Self::KeyUnusable(_) => {
                "RSA (2048 to 8192 bits), P-256, P-384, P-521 and Ed25519 can be used"
            }
            Self::KeyMismatch => {
                "the first certificate of the chain must be the one that was made for this key"
            }
            Self::KeyNotForDtls => {
                "make a key for P-256: `openssl ecparam -name prime256v1 -genkey -noout`"
            }
            Self::LongChain { .. } => {
                "leave out of it what clients have anyway, or let clients trust the certificate itself"
            }
            Self::RsaByRadio => {
                "an ECDSA certificate for P-256 makes each full handshake shorter by 600 to 1,000 bytes"
            }
            Self::KeyTooShort { .. } => "make a key of 2048 bits or more, or one for P-256",
            Self::NoCertificate => {
                "it must have a section that begins with `-----BEGIN CERTIFICATE-----`"
            }
            Self::NoKey => "it must have a section such as `-----BEGIN PRIVATE KEY-----`",
            Self::NoRevocationList => {
                "it must have a section that begins with `-----BEGIN X509 CRL-----`"
            }
            Self::NoSubjectAltName => {
                "clients ignore the common name: make one with a DNS name as subjectAltName"
            }
            Self::NoSystemRoots => "install `ca-certificates`, or name a `ca`",
            Self::NoSecret => "write the password into it, on one line",
            Self::NoDirectory => "make the directory: only the file itself is made at the start",
            Self::NoTicketKey | Self::NoTokenKey => "make a key by `openssl rand -hex 32`",
            Self::NotAFile => "name a regular file",
            Self::NotYetValid(_) => "compare it with this machine's clock",
            Self::NoUsers => "add one by `htpasswd -B FILE NAME`",
            Self::ReadableByOthers => "`chmod o= FILE`: who has it has what it protects",
            Self::RevocationListOutdated(_) => "fetch the list again from who issues it",
            Self::SecretUnusable => "a password is one line of at most 1024 bytes",
            Self::TicketKeyLine(_) | Self::TokenKeyLine(_) => {
                "a line is 64 hexadecimal digits, a comment after `#`, or empty"
            }
            Self::TooLarge => "name a file of at most 64 MiB",
            Self::Unreadable {
                error: io::ErrorKind::PermissionDenied,
                user,
                ..
            } => {
                return Some(format!("let the user {user} read it"));
            }
            Self::Unreadable { .. } => {
                "a path that is not absolute begins at the directory of the configuration"
            }
            Self::UserLine { .. } => "`htpasswd -B FILE NAME` writes a line that can be used",
        };
        Some(help.to_owned())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadCertificate { at } => write!(f, "certificate {at} in it cannot be read"),
            Self::BadPem(what) => write!(f, "this is damaged PEM: {what}"),
            Self::BadRevocationList(what) => {
                write!(f, "this revocation list cannot be used: {what}")
            }
            Self::Changing => write!(f, "it changes while it is read"),
            Self::ChainOutOfOrder { at } => {
                let before = at - 1;
                write!(
                    f,
                    "certificate {at} of the chain did not issue certificate {before}"
                )
            }
            Self::Der => write!(f, "this is DER, not PEM"),
            Self::EncryptedKey => write!(f, "the private key is encrypted"),
            Self::Expired(moment) => write!(f, "the certificate expired at {moment}"),
            Self::ExpiresSoon(moment) => write!(f, "the certificate expires at {moment}"),
            Self::KeyUnusable(what) => write!(f, "this private key cannot be used: {what}"),
            Self::KeyMismatch => write!(f, "this private key is not that of the certificate"),
            Self::KeyNotForDtls => write!(f, "DTLS has no use for a private key of this kind"),
            Self::LongChain { bytes } => write!(
                f,
                "the chain has {bytes} bytes, which each client pays for with each full handshake"
            ),
            Self::RsaByRadio => write!(
                f,
                "the certificate is RSA, which costs clients on slow links"
            ),
            Self::KeyTooShort { bits } => write!(f, "an RSA key of {bits} bits is too short"),
            Self::NoCertificate => write!(f, "there is no certificate in it"),
            Self::NoKey => write!(f, "there is no private key in it"),
            Self::NoRevocationList => write!(f, "there is no revocation list in it"),
            Self::NoSubjectAltName => write!(f, "the certificate has no DNS name"),
            Self::NoSystemRoots => write!(f, "the system has no certificate authorities"),
            Self::NoSecret => write!(f, "it is empty"),
            Self::NoDirectory => write!(f, "the directory that it is to be in does not exist"),
            Self::NoTicketKey | Self::NoTokenKey => write!(f, "there is no key in it"),
            Self::NoUsers => write!(f, "there is no user in it"),
            Self::NotAFile => write!(f, "this is not a file"),
            Self::NotYetValid(moment) => write!(f, "the certificate is only valid from {moment}"),
            Self::ReadableByOthers => write!(f, "everybody on this machine can read it"),
            Self::RevocationListOutdated(moment) => {
                write!(f, "the next revocation list was due at {moment}")
            }
            Self::SecretUnusable => write!(f, "what it has is no password"),
            Self::TicketKeyLine(line) => write!(f, "line {line} is not a key for tickets"),
            Self::TokenKeyLine(line) => write!(f, "line {line} is not a key for tokens"),
            Self::TooLarge => write!(f, "this is too large"),
            Self::Unreadable { text, .. } => write!(f, "it cannot be read: {text}"),
            Self::Unsupported(what) => write!(f, "this cannot be served: {what}"),
            Self::UserLine { line, why } => write!(f, "line {line} is not a user: {why}"),
        }
    }
}

/// A point in time, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) i64);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_second(self.0) {
            Ok(timestamp) => timestamp.fmt(f),
            // Beyond the year 9999.
            Err(_) => self.0.fmt(f),
        }
    }
}
