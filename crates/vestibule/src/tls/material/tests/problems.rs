use std::{io, path::Path};

use rcgen::KeyPair;
use vestibule_config::Certificate;

use crate::{
    material::{self, Moment, Reader, Reason},
    tls::{
        certificates::{Pair, Role},
        testing::{Authority, Directory, reasons, valid},
    },
};

const DAY: i64 = 24 * 3600;

/// What is noted about the pair `a`, and whether it can be used.
fn load(directory: &Directory) -> (Vec<Reason>, bool) {
    let certificate: Certificate = directory.certificate("a");
    let mut reader = Reader::default();
    let pair = Pair::load(&certificate, Role::Server, &mut reader);
    (reasons(&reader), pair.is_some())
}

fn good() -> (Authority, Directory) {
    let (authority, directory) = (Authority::new("authority"), Directory::new());
    directory.write_pair("a", &authority.issue(&["a.example.org"]));
    assert_eq!(load(&directory), (vec![], true));
    (authority, directory)
}

#[test]
fn both_files_are_read_although_one_is_missing() {
    let directory = Directory::new();
    let (reasons, usable) = load(&directory);
    assert!(!usable);
    let [
        Reason::Unreadable { error, text, .. },
        Reason::Unreadable { .. },
    ] = &*reasons
    else {
        panic!("{reasons:?}");
    };
    assert_eq!(*error, io::ErrorKind::NotFound);
    assert!(text.contains("No such file"), "{text}");
}

#[test]
fn what_is_not_there() {
    let (_, directory) = good();
    directory.write("a.pem", "nothing");
    directory.write("a.key", "nothing");
    let wanted = vec![Reason::NoCertificate, Reason::NoKey];
    assert_eq!(load(&directory), (wanted, false));
    directory.write("a.pem", [0x30, 0x82]);
    directory.write("a.key", [0x30, 0x82]);
    assert_eq!(load(&directory), (vec![Reason::Der, Reason::Der], false));
}

#[test]
fn a_directory_or_pipe_is_not_waited_for() {
    let (_, directory) = good();
    std::fs::remove_file(directory.path("a.pem")).unwrap();
    std::fs::remove_file(directory.path("a.key")).unwrap();
    std::fs::create_dir(directory.path("a.pem")).unwrap();
    nix::unistd::mkfifo(&directory.path("a.key"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let wanted = vec![Reason::NotAFile, Reason::NotAFile];
    assert_eq!(load(&directory), (wanted, false));
}

#[test]
fn a_key_of_another_certificate() {
    let (authority, directory) = good();
    directory.write("a.key", authority.issue(&["b.example.org"]).key);
    assert_eq!(load(&directory), (vec![Reason::KeyMismatch], false));
}

#[test]
fn an_encrypted_key() {
    let (_, directory) = good();
    let begin = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----";
    directory.write("a.key", begin);
    assert_eq!(load(&directory), (vec![Reason::EncryptedKey], false));
    let begin = "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\
                 DEK-Info: AES-256-CBC,00\n\nMIIB\n-----END EC PRIVATE KEY-----\n";
    directory.write("a.key", begin);
    assert_eq!(load(&directory), (vec![Reason::EncryptedKey], false));
}

#[test]
fn damage_is_told_without_the_bytes_of_the_key() {
    let (authority, directory) = good();
    let key = authority.issue(&["a.example.org"]).key;
    directory.write("a.key", &key[..key.len() / 2]);
    let (found, usable) = load(&directory);
    assert!(!usable);
    assert_eq!(found, [Reason::BadPem("a section has no end".to_owned())]);
    directory.write("a.key", key.replacen("MIG", "!!!", 1));
    let (found, _) = load(&directory);
    assert_eq!(
        found,
        [Reason::BadPem("a section is not base64".to_owned())]
    );
}

#[test]
fn garbage_in_the_right_clothes() {
    let (_, directory) = good();
    directory.write(
        "a.pem",
        "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
    );
    assert_eq!(
        load(&directory),
        (vec![Reason::BadCertificate { at: 1 }], false)
    );
    let (_, directory) = good();
    directory.write(
        "a.key",
        "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n",
    );
    let (found, usable) = load(&directory);
    assert!(
        !usable && matches!(&*found, [Reason::KeyUnusable(_)]),
        "{found:?}"
    );
}

#[test]
fn a_short_key() {
    let directory = Directory::new();
    directory.write("a.pem", include_str!("rsa1024.pem"));
    directory.write("a.key", include_str!("rsa1024.key"));
    assert_eq!(
        load(&directory),
        (vec![Reason::KeyTooShort { bits: 1024 }], false)
    );
}

#[test]
fn times() {
    let (authority, directory) = good();
    let reason = |from, until| {
        let key = KeyPair::generate().unwrap();
        let issued = authority.issue_with(&key, &["a.example.org"], |params| {
            valid(params, from, until);
        });
        directory.write_pair("a", &issued);
        let (mut reasons, usable) = load(&directory);
        assert!(usable, "a doubtful certificate can be used");
        reasons.pop()
    };
    assert!(matches!(reason(-9 * DAY, -DAY), Some(Reason::Expired(_))));
    assert!(matches!(
        reason(-DAY, 6 * DAY),
        Some(Reason::ExpiresSoon(_))
    ));
    assert_eq!(reason(-DAY, 8 * DAY), None);
    assert!(matches!(
        reason(DAY, 90 * DAY),
        Some(Reason::NotYetValid(_))
    ));
}

#[test]
fn a_certificate_without_a_name() {
    let (authority, directory) = good();
    directory.write_pair("a", &authority.issue(&[]));
    assert_eq!(load(&directory), (vec![Reason::NoSubjectAltName], true));
    let mut reader = Reader::default();
    assert!(Pair::load(&directory.certificate("a"), Role::Client, &mut reader).is_some());
    assert_eq!(reasons(&reader), [], "nobody looks for a name of a client");
}

#[test]
fn the_order_of_a_chain() {
    let (root, directory) = good();
    let middle = root.intermediate("middle");
    let mut issued = middle.issue(&["a.example.org"]);
    let leaf = issued.chain.clone();
    issued.chain = format!("{leaf}{}{}", middle.pem(), root.pem());
    directory.write_pair("a", &issued);
    assert_eq!(load(&directory), (vec![], true));
    issued.chain = format!("{leaf}{}{}", root.pem(), middle.pem());
    directory.write_pair("a", &issued);
    assert_eq!(
        load(&directory),
        (vec![Reason::ChainOutOfOrder { at: 2 }], true)
    );
    issued.chain = format!("{}{leaf}", middle.pem());
    directory.write_pair("a", &issued);
    let (found, usable) = load(&directory);
    assert!(!usable && found.contains(&Reason::KeyMismatch), "{found:?}");
}

#[test]
fn a_problem_is_told_where_the_file_is_named() {
    let (_, directory) = good();
    std::fs::remove_file(directory.path("a.key")).unwrap();
    let text = "[[certificate]]\nchain = 'a.pem'\nkey = 'a.key'\n
        [[listener]]\nname = 'a'\nbind = '127.0.0.1:1'\nservice = 'a'\ntls = { mode = 'terminate' }
        [service.a]\nupstreams = ['127.0.0.1:2']";
    directory.write("vestibule.toml", text);
    let (loaded, tls) = material::load(Path::new(&directory.path("vestibule.toml")), None);
    assert!(tls.is_none() && loaded.config.is_none());
    let [found] = &*loaded.report.diagnostics else {
        panic!("{:?}", loaded.report.diagnostics);
    };
    assert_eq!(
        (found.line, found.column, found.code),
        (3, 7, "unusable_file")
    );
    assert!(
        found.message.contains("a.key: it cannot be read"),
        "{}",
        found.message
    );
    assert_eq!(
        found.help.as_deref(),
        Some("a path that is not absolute begins at the directory of the configuration")
    );
}

#[test]
fn who_may_not_read_it_is_named() {
    let reason = Reason::Unreadable {
        error: io::ErrorKind::PermissionDenied,
        text: "Permission denied (os error 13)".to_owned(),
        user: "vestibule".to_owned(),
    };
    assert_eq!(
        reason.help().as_deref(),
        Some("let the user vestibule read it")
    );
    assert_eq!(
        reason.to_string(),
        "it cannot be read: Permission denied (os error 13)"
    );
}

#[test]
fn moments_are_dates() {
    assert_eq!(Moment(0).to_string(), "1970-01-01T00:00:00Z");
    assert_eq!(Moment(i64::MAX).to_string(), i64::MAX.to_string());
}
