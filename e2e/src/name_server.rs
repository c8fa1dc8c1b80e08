use std::fs;
use std::net::{IpAddr, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Where the name server listens, in a network namespace of the test's own.
const ADDRESS: &str = "127.0.0.1:53";

/// Types of resource records (RFC 1035 section 3.2.2, RFC 3596 section 2.1).
const A: u16 = 1;
const AAAA: u16 = 28;

/// A name server (RFC 1035) that answers as the test says. It serves until the test ends.
#[derive(Debug)]
pub struct NameServer {
    questions: Arc<Mutex<Vec<String>>>,
}

impl NameServer {
    /// Serves what `addresses` answers for a name in lower case, which is asked for the first, second
    /// ... time: 0, 1 ... Names without addresses do not exist.
    ///
    /// A resolver asks for IPv4 and IPv6 addresses by two questions, which are told apart here: each
    /// gets the addresses that fit.
    pub fn start(addresses: impl Fn(&str, usize) -> Vec<IpAddr> + Send + 'static) -> Self {
        let socket = UdpSocket::bind(ADDRESS).expect("a namespace of the test's own");
        let questions = Arc::new(Mutex::new(Vec::new()));
        thread::spawn({
            let questions = Arc::clone(&questions);
            move || {
                let mut question = [0; 512];
                while let Ok((n, client)) = socket.recv_from(&mut question) {
                    let question = &question[..n];
                    let Some((name, kind)) = read(question) else {
                        continue;
                    };
                    let asked = format!("{name} {kind}");
                    let before = {
                        let mut questions =
                            questions.lock().unwrap_or_else(PoisonError::into_inner);
                        questions.push(asked.clone());
                        questions.iter().filter(|other| **other == asked).count() - 1
                    };
                    let answer = answer(question, kind, &addresses(&name, before));
                    let _ = socket.send_to(&answer, client);
                }
            }
        });
        Self { questions }
    }

    /// How often somebody has asked for the IPv4 addresses of this name.
    pub fn asked_for(&self, name: &str) -> usize {
        let asked = format!("{name} {A}");
        let questions = self.questions.lock();
        let questions = questions.unwrap_or_else(PoisonError::into_inner);
        questions.iter().filter(|other| **other == asked).count()
    }
}

/// `program`, which will resolve names by the [`NameServer`] and by nothing else. It sees files of
/// its own in `/etc`, which are put into `directory`.
pub(crate) fn asking(program: &Command, directory: &Path) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c"]).arg(
        "mount --bind \"$1\" /etc/resolv.conf && mount --bind \"$2\" /etc/nsswitch.conf && \
         shift 2 && exec \"$@\"",
    );
    command.arg("sh");
    for (name, text) in [
        ("resolv.conf", "nameserver 127.0.0.1\n"),
        ("nsswitch.conf", "hosts: dns\n"),
    ] {
        let path = directory.join(name);
        fs::write(&path, text).expect("writing to a temporary directory");
        command.arg(path);
    }
    command.arg(program.get_program());
    command.args(program.get_args());
    command
}

/// The name and the type that a question asks for (RFC 1035 section 4.1).
fn read(question: &[u8]) -> Option<(String, u16)> {
    let mut rest = question.get(12..)?;
    let mut labels = Vec::new();
    loop {
        let (length, after) = rest.split_first()?;
        match usize::from(*length) {
            0 => {
                let kind = after.get(..2)?;
                let kind = u16::from_be_bytes([kind[0], kind[1]]);
                return Some((labels.join("."), kind));
            }
            length => {
                let label = String::from_utf8_lossy(after.get(..length)?).to_ascii_lowercase();
                labels.push(label);
                rest = &after[length..];
            }
        }
    }
}

/// The answer that names those of `addresses` that are of this type, to be forgotten at once.
fn answer(question: &[u8], kind: u16, addresses: &[IpAddr]) -> Vec<u8> {
    const NAME_OF_THE_QUESTION: [u8; 2] = [0xc0, 12];
    const INTERNET: [u8; 2] = [0, 1];
    const NO_TIME: [u8; 4] = [0; 4];
    let data: Vec<Vec<u8>> = addresses
        .iter()
        .filter_map(|address| match (kind, address) {
            (A, IpAddr::V4(v4)) => Some(v4.octets().to_vec()),
            (AAAA, IpAddr::V6(v6)) => Some(v6.octets().to_vec()),
            _ => None,
        })
        .collect();
    // A response, recursion available; NXDOMAIN for what has no address of any kind.
    let flags = match addresses.is_empty() {
        true => [0x81, 0x83],
        false => [0x81, 0x80],
    };
    let count = u16::try_from(data.len()).expect("few addresses");
    let mut answer = [
        &question[..2],
        &flags,
        &[0, 1],
        &count.to_be_bytes(),
        &[0; 4],
    ]
    .concat();
    // The question alone: what may follow is an option of the resolver's.
    let end = 12
        + question[12..]
            .iter()
            .position(|byte| *byte == 0)
            .expect("the root")
        + 5;
    answer.extend_from_slice(&question[12..end]);
    for data in data {
        let length = u16::try_from(data.len()).expect("an address");
        answer.extend_from_slice(&NAME_OF_THE_QUESTION);
        answer.extend_from_slice(&kind.to_be_bytes());
        answer.extend_from_slice(&INTERNET);
        answer.extend_from_slice(&NO_TIME);
        answer.extend_from_slice(&length.to_be_bytes());
        answer.extend_from_slice(&data);
    }
    answer
}
