use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use serde_json::Value;
use vestibule_e2e::{Process, program};

use super::{Ask, EXCHANGE, Format, Got, Peer, Watch, url};

/// `vestibule coap`: a process and an association for each request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool {
    pub(crate) server: SocketAddr,
    /// The version of DTLS.
    pub(crate) dtls: &'static str,
}

struct Watching(Process);

impl Tool {
    fn command(&self, ask: &Ask<'_>) -> Command {
        let mut command = program();
        let seconds = EXCHANGE.as_secs().to_string();
        command
            .args(["coap", "-k", "--keys", "--dtls", self.dtls])
            .args(["--connect-timeout", &seconds, "-X", ask.method])
            .env_remove("SSLKEYLOGFILE");
        if let Some(token) = ask.token {
            command
                .arg("-H")
                .arg(format!("Authorization: Bearer {token}"));
        }
        command
    }

    fn url(&self, ask: &Ask<'_>) -> String {
        url("coaps", self.server, ask.target)
    }
}

impl Peer for Tool {
    #[track_caller]
    fn ask(&self, ask: &Ask<'_>) -> Got {
        let mut command = self.command(ask);
        let seconds = EXCHANGE.as_secs().to_string();
        command.args(["--json", "-m", &seconds]);
        if ask.body.is_some() {
            command.args(["-d", "-"]);
        }
        let mut child = command
            .arg(self.url(ask))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("running the program");
        let input = ask.body.map(Value::to_string).unwrap_or_default();
        let mut stdin = child.stdin.take().expect("standard input");
        stdin.write_all(input.as_bytes()).expect("a reader");
        drop(stdin);
        let output = child.wait_with_output().expect("its output");
        let said = String::from_utf8_lossy(&output.stderr);
        let report = said.lines().last().unwrap_or_default();
        let report: Value =
            serde_json::from_str(report).unwrap_or_else(|error| panic!("{ask:?}: {error}: {said}"));
        let code = report["code"].as_str();
        Got {
            max_age: None,
            code: code.unwrap_or_else(|| panic!("{ask:?}: {said}")).to_owned(),
            body: Format::Json.read(&output.stdout),
            shown: String::from_utf8_lossy(&output.stdout).into_owned(),
        }
    }

    fn observe(&self, token: &str, target: &str) -> Box<dyn Watch> {
        let ask = Ask::get(token, target);
        let mut command = self.command(&ask);
        command.arg("--observe").arg(self.url(&ask));
        Box::new(Watching(Process::start("vestibule coap", &mut command)))
    }
}

impl Watch for Watching {
    fn states(&self) -> Vec<Value> {
        let lines = self.0.stdout();
        let states = lines.iter().map(|line| Format::Json.read(line.as_bytes()));
        states.collect()
    }
}
