//! Started as root with `runtime.user`. Needs root.

use std::fs::{self, Permissions};
use std::net::UdpSocket;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use vestibule_coap::Code;
use vestibule_coap::endpoint::Config;
use vestibule_e2e::coap::CoapClient;
use vestibule_e2e::{Process, program, wait_for};

use crate::stage::{Stage, WHOAMI};

fn owner(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").uid()
}

#[test]
fn what_root_has_bound_and_made_serves_the_user() {
    assert!(
        rustix::process::geteuid().is_root(),
        "only root can become another user: run this test as root"
    );
    let stage = Stage::new();
    let directory = stage.authority.directory();
    fs::set_permissions(directory, Permissions::from_mode(0o755)).expect("chmod");
    let path = |name: &str| directory.join(name);
    // Only root may have these, and only root may write where the key is to be.
    let first = 600 + std::process::id() as u16 % 400;
    let mut ports = (first..1000)
        .chain(600..first)
        .filter(|port| UdpSocket::bind(("127.0.0.1", *port)).is_ok());
    let mut next = || format!("127.0.0.1:{}", ports.next().expect("a free port"));
    let (bind, plain) = (next(), next());
    let key = path("tickets");
    let table = |limit: u32| {
        let keys = format!(
            "ticket_key_file = \"{}\"\nplain_debug_bind = \"{plain}\"\n\
             [low_bandwidth.limits]\nrequests_per_minute = {limit}\n",
            key.display()
        );
        format!(
            "[runtime]\nuser = \"nobody\"\n[log]\nformat = \"json\"\naccess = \"{}\"\n\
             [admin]\ncontrol = \"{}\"\n{}",
            path("access.log").display(),
            path("control.sock").display(),
            stage.table_at("lb", &bind, &keys),
        )
    };
    let config = path("vestibule.toml");
    fs::write(&config, table(100)).expect("a temporary file");
    let mut process = Process::start("vestibule", program().arg("run").arg(&config));
    process.wait_for_line("\"ready\"");
    assert_ne!(owner(&path("access.log")), 0);
    assert_eq!(owner(&key), owner(&path("access.log")));
    let at = bind.parse().expect("an address");
    stage.is_served(&mut stage.client(at));
    // It can begin again without what root could do.
    fs::write(&config, table(101)).expect("a temporary file");
    let reloaded = program()
        .args(["reload", "--control"])
        .arg(path("control.sock"))
        .output()
        .expect("running the program");
    assert!(reloaded.status.success(), "{reloaded:?}");
    wait_for("the gateway to begin again", || {
        let lines = process.stderr();
        let starts = lines.iter().filter(|it| it.contains("without DTLS"));
        (starts.count() == 2).then_some(())
    });
    stage.is_served(&mut stage.client(at));
    let client = CoapClient::to(plain.parse().expect("an address"), Config::default());
    let answer = client.request(stage.request(WHOAMI)).expect("an answer");
    assert_eq!(answer.code, Code::CONTENT);
    process.signal(rustix::process::Signal::TERM);
    assert_eq!(process.wait().code(), Some(0));
}
