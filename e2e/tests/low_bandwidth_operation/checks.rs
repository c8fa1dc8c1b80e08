//! `check` of a file with gateways.

use std::fs;
use std::process::Output;

use tempfile::TempDir;
use vestibule_e2e::{Authority, Leaf, program};

/// Files of a configuration, named as an operator does.
struct Files {
    directory: TempDir,
    authority: Authority,
}

impl Files {
    fn new() -> Self {
        let files = Self {
            directory: tempfile::tempdir().expect("a temporary directory"),
            authority: Authority::new(),
        };
        files.put("lb", &files.authority.server(&["lb.example.org"]));
        files
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.directory.path().join(name), content).expect("a temporary file");
    }

    fn put(&self, name: &str, leaf: &Leaf) {
        self.write(
            &format!("{name}.pem"),
            fs::read(&leaf.chain).expect("a chain"),
        );
        self.write(&format!("{name}.key"), fs::read(&leaf.key).expect("a key"));
    }

    fn check(&self, text: &str) -> Output {
        self.write("vestibule.toml", text);
        program()
            .args(["check", "vestibule.toml"])
            .current_dir(self.directory.path())
            .output()
            .expect("running the program")
    }

    /// What is said of a file that is fine: the plan, and the warnings.
    #[track_caller]
    fn fine(&self, text: &str) -> (String, String) {
        let Output {
            status,
            stdout,
            stderr,
        } = self.check(text);
        let [plan, warnings] = [stdout, stderr].map(|it| String::from_utf8(it).expect("text"));
        assert_eq!(status.code(), Some(0), "{warnings}");
        (plan, warnings)
    }

    /// What is said of a file that is not.
    #[track_caller]
    fn wrong(&self, text: &str) -> String {
        let Output { status, stderr, .. } = self.check(text);
        let said = String::from_utf8(stderr).expect("text");
        assert_eq!(status.code(), Some(1), "{said}");
        said
    }
}

#[track_caller]
fn says(text: &str, all: &[&str]) {
    for words in all {
        assert!(text.contains(words), "no {words:?} in:\n{text}");
    }
}

#[test]
fn the_plan_says_what_is_done() {
    let files = Files::new();
    let (plan, warnings) = files.fine(
        "[[low_bandwidth]]\nname = \"lb\"\nbind = \":8448\"\n\
         homeserver = \"https://matrix.example.org\"\nadvertise = \"https://lb.example.org:8448\"\n\
         certificate = { chain = \"lb.pem\", key = \"lb.key\" }\n\
         ticket_key_file = \"tickets\"\nplain_debug_bind = \"127.0.0.1:5683\"\n",
    );
    assert_eq!(warnings, "");
    says(
        &plan,
        &[
            "gateway lb\n",
            "DTLS         1.2 to 1.3 at 0.0.0.0:8448, [::]:8448\n",
            "in clear     CoAP without DTLS at 127.0.0.1:5683\n",
            "homeserver   https://matrix.example.org, remote\n",
            "advertises   https://lb.example.org:8448\n",
            "HTTP         https at 0.0.0.0:8448, [::]:8448, with media\n",
            "vestibule.toml is fine\n",
        ],
    );
    // Looking changes nothing.
    assert!(!files.directory.path().join("tickets").exists());
}

#[test]
fn what_clients_pay_for_is_a_warning() {
    let files = Files::new();
    files.put("rsa", &files.authority.rsa_server(&["lb.example.org"]));
    let leaf = files.authority.server(&["lb.example.org"]);
    let chain = fs::read_to_string(&leaf.chain).expect("a chain");
    files.write("long.pem", chain.repeat(3));
    files.write("long.key", fs::read(&leaf.key).expect("a key"));
    files.write("tickets", "00".repeat(32));
    let table = |name: &str, port: u16| {
        format!(
            "[[low_bandwidth]]\nbind = \"127.0.0.1:{port}\"\n\
             homeserver = \"http://127.0.0.1:8008\"\n\
             certificate = {{ chain = \"{name}.pem\", key = \"{name}.key\" }}\n"
        )
    };
    let text = table("rsa", 1) + &table("long", 2) + "ticket_key_file = \"tickets\"\n";
    let (plan, warnings) = files.fine(&text);
    says(
        &warnings,
        &[
            "rsa.pem: the certificate is RSA, which costs clients on slow links\n --> vestibule.toml:4:",
            "long.pem: the chain has ",
            " which each client pays for with each full handshake\n --> vestibule.toml:8:",
            "tickets: ",
            " --> vestibule.toml:9:",
        ],
    );
    says(&plan, &["vestibule.toml is fine, with "]);
}

#[test]
fn each_file_that_cannot_be_used_is_told_at_its_line() {
    let files = Files::new();
    files.put("other", &files.authority.server(&["lb.example.org"]));
    files.write("empty", "");
    let said = files.wrong(
        "[[low_bandwidth]]\nbind = \"127.0.0.1:1\"\nhomeserver = \"https://127.0.0.1\"\n\
         certificate = { chain = \"lb.pem\", key = \"other.key\" }\n\
         tls = { ca = \"nowhere.pem\" }\n\
         ticket_key_file = \"empty\"\n\
         [[low_bandwidth]]\nbind = \"127.0.0.1:2\"\nhomeserver = \"http://127.0.0.1\"\n\
         certificate = { chain = \"empty\", key = \"missing.key\" }\n\
         ticket_key_file = \"lb.pem\"\n\
         [[low_bandwidth]]\nbind = \"127.0.0.1:3\"\nhomeserver = \"http://127.0.0.1\"\n\
         certificate = { chain = \"lb.pem\", key = \"lb.key\" }\n\
         ticket_key_file = \"nowhere/tickets\"\n",
    );
    says(
        &said,
        &[
            "other.key: this private key is not that of the certificate\n --> vestibule.toml:4:",
            "nowhere.pem: it cannot be read: No such file or directory (os error 2)\n --> vestibule.toml:5:",
            "empty: ",
            " --> vestibule.toml:6:",
            "empty: there is no certificate in it\n  --> vestibule.toml:10:",
            "missing.key: it cannot be read: No such file or directory (os error 2)\n  --> vestibule.toml:10:",
            "lb.pem: ",
            " --> vestibule.toml:11:",
            "nowhere/tickets: the directory that it is to be in does not exist\n  --> vestibule.toml:16:",
            "vestibule.toml: 7 errors and 0 warnings\n",
        ],
    );
}
