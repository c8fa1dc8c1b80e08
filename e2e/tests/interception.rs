//! Connections that the firewall leads here: the commands of the guide as they stand there, with a
//! client, a router and a server in network namespaces.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use vestibule_e2e::{
    Authority, CLIENT, Process, ROUTER, Router, SERVER, TlsClient, Vestibule, connect, eventually,
    exchange, in_network_namespace, program, receive, send_random,
};

const GUIDE: &str = include_str!("../../docs/guide-interception.md");
const PORT: u16 = 8000;

/// The blocks of this language in this section of the guide.
fn blocks(section: &str, language: &str) -> Vec<String> {
    let (_, rest) = GUIDE
        .split_once(&format!("\n## {section}\n"))
        .unwrap_or_else(|| panic!("no section {section}"));
    let text = rest.split("\n## ").next().unwrap_or_default();
    let begin = format!("```{language}\n");
    let blocks = text.split(&begin).skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap_or_default().to_owned())
        .collect()
}

/// The one configuration of this section.
fn configuration(section: &str) -> String {
    let blocks = blocks(section, "toml");
    assert_eq!(blocks.len(), 1, "{section}");
    blocks.into_iter().next().unwrap_or_default()
}

/// The one script of this section.
fn script(section: &str) -> String {
    let blocks = blocks(section, "sh");
    assert_eq!(blocks.len(), 1, "{section}");
    blocks.into_iter().next().unwrap_or_default()
}

/// Connects from the client's machine.
#[track_caller]
fn from_client(router: &Router, which: usize, to: SocketAddr) -> TcpStream {
    let source: SocketAddr = format!("{}:0", CLIENT[which]).parse().expect("an address");
    router.client.connect(source, to).expect("a connection")
}

fn server(which: usize) -> SocketAddr {
    format!("{}:{PORT}", SERVER[which])
        .parse()
        .expect("an address")
}

/// Whom the server sees.
#[track_caller]
fn seen(stream: &mut TcpStream) -> SocketAddr {
    let mut line = Vec::new();
    let mut byte = [0];
    while !line.ends_with(b"\n") {
        stream.read_exact(&mut byte).expect("a line of the server");
        line.push(byte[0]);
    }
    let text = String::from_utf8(line).expect("text");
    let address: SocketAddr = text.trim().parse().expect("an address");
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Over both protocols: the server is reached, sees `as_client` or the router, and the record names
/// where the client wanted to go.
#[track_caller]
fn assert_carried(router: &Router, vestibule: &Vestibule, as_client: bool) {
    for which in [0, 1] {
        let to = server(which);
        let mut stream = from_client(router, which, to);
        let client = stream.local_addr().expect("an address");
        let source = seen(&mut stream);
        assert_eq!(
            source.ip() == client.ip(),
            as_client,
            "{source} for {client}"
        );
        exchange(&mut stream, b"through the router");
        let writer = stream.try_clone().expect("a second descriptor");
        let sending = std::thread::spawn(move || send_random(&writer, 4 << 20, 3));
        let sum = receive(&stream, 3);
        assert_eq!(sum, sending.join().expect("bytes to go"));
        drop(stream);
        let to = to.to_string();
        vestibule.record_of(client).assert(&[
            ("destination", to.as_str()),
            ("upstream", to.as_str()),
            ("service", "as-asked"),
            ("end", "eof"),
        ]);
    }
}

/// Who connects to our own port, by any address of this machine, is not carried in circles.
#[track_caller]
fn assert_not_in_circles(router: &Router, vestibule: &Vestibule) {
    let count = || {
        let records = vestibule.records();
        records
            .iter()
            .filter(|record| record.text("end") == "proxy_loop")
            .count()
    };
    let before = count();
    for which in [0, 1] {
        let to = format!("{}:15000", ROUTER[which])
            .parse()
            .expect("an address");
        let mut stream = from_client(router, which, to);
        assert!(matches!(stream.read(&mut [0; 1]), Ok(0) | Err(_)));
    }
    eventually("both to be refused", || count() == before + 2);
}

#[test]
fn tproxy_on_a_router() {
    if !in_network_namespace("tproxy_on_a_router") {
        return;
    }
    let section = "A router with TPROXY";
    let router = Router::new();
    router.serve(PORT);
    router.run(&script(section));
    let vestibule = Vestibule::start(configuration(section));
    assert_carried(&router, &vestibule, false);
    assert_not_in_circles(&router, &vestibule);
}

#[test]
fn transparent_on_both_sides() {
    if !in_network_namespace("transparent_on_both_sides") {
        return;
    }
    let router = Router::new();
    router.serve(PORT);
    router.run(&script("A router with TPROXY"));
    let vestibule = Vestibule::start(configuration("Transparent on both sides"));
    assert_carried(&router, &vestibule, true);
    assert_not_in_circles(&router, &vestibule);
}

#[test]
fn redirect_on_a_router() {
    if !in_network_namespace("redirect_on_a_router") {
        return;
    }
    let section = "A router with REDIRECT";
    let router = Router::new();
    router.serve(PORT);
    router.run(&script(section));
    let vestibule = Vestibule::start(configuration(section));
    assert_carried(&router, &vestibule, false);
    assert_not_in_circles(&router, &vestibule);
}

/// Its own connections are marked, and not intercepted again.
#[test]
fn redirect_of_the_machines_own() {
    if !in_network_namespace("redirect_of_the_machines_own") {
        return;
    }
    let section = "The machine's own connections";
    let router = Router::new();
    router.serve(PORT);
    router.run(&script(section));
    let vestibule = Vestibule::start(configuration(section));
    for which in [0, 1] {
        let mut stream = connect(server(which));
        let client = stream.local_addr().expect("an address");
        assert_ne!(seen(&mut stream), client, "it is carried, not routed");
        exchange(&mut stream, b"by ourselves");
        drop(stream);
        let to = server(which).to_string();
        vestibule
            .record_of(client)
            .assert(&[("destination", to.as_str()), ("end", "eof")]);
    }
    assert_eq!(vestibule.records().len(), 2);
}

/// What was intercepted goes through another proxy, which is asked for the original address.
#[test]
fn intercepted_clients_go_through_a_remote_proxy() {
    if !in_network_namespace("intercepted_clients_go_through_a_remote_proxy") {
        return;
    }
    let router = Router::new();
    router.serve(PORT);
    router.run(&script("A router with REDIRECT"));
    let remote = Vestibule::start(
        "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:3128\"\nservice = \"egress\"\n\
         [service.egress]\nkind = \"connect\"\nallow = [\"10.2.0.0/16\", \"fd02::/16\"]\n",
    );
    let tables = configuration("Other destinations than the original")
        .replace("203.0.113.0/24:5222", "10.2.0.2:8000")
        .replace(
            "http://192.0.2.10:3128",
            &format!("http://{}", remote.address("in")),
        );
    let vestibule = Vestibule::start(tables);
    for (which, service) in [(0, "through-remote"), (1, "as-asked")] {
        let mut stream = from_client(&router, which, server(which));
        let client = stream.local_addr().expect("an address");
        seen(&mut stream);
        exchange(&mut stream, b"carried");
        drop(stream);
        vestibule
            .record_of(client)
            .assert(&[("service", service), ("end", "eof")]);
    }
    remote.record("the tunnel", |record| {
        record.text("upstream") == "10.2.0.2:8000"
    });
}

/// An intercepted hello is routed by its name, and carried to where the client meant.
#[test]
fn hellos_of_intercepted_clients_are_read() {
    if !in_network_namespace("hellos_of_intercepted_clients_are_read") {
        return;
    }
    let router = Router::new();
    router.serve(PORT);
    router.run(&script("A router with TPROXY"));
    let vestibule = Vestibule::start(
        "[[listener]]\nname = \"in\"\nbind = \"0.0.0.0:15000\"\ntransparent = true\n\
         tls = { mode = \"peek\" }\n\
         routes = [{ sni = \"chat.example.org\", service = \"as-asked\" }]\n\
         [service.as-asked]\nupstreams = [\"original\"]\ndeny = [\"10.2.0.2:5222\"]\n",
    );
    let authority = Authority::new();
    let stream = from_client(&router, 0, server(0));
    let client = stream.local_addr().expect("an address");
    // The server's line is no TLS.
    assert!(
        TlsClient::new(&authority, "chat.example.org")
            .over(stream)
            .is_err()
    );
    vestibule
        .record_of(client)
        .assert(&[("sni", "chat.example.org"), ("upstream", "10.2.0.2:8000")]);
    let stream = from_client(&router, 0, server(0));
    let client = stream.local_addr().expect("an address");
    assert!(
        TlsClient::new(&authority, "other.example.org")
            .over(stream)
            .is_err()
    );
    vestibule
        .record_of(client)
        .assert(&[("end", "unrecognized_name")]);
    let stream = from_client(&router, 0, "10.2.0.2:5222".parse().expect("an address"));
    let client = stream.local_addr().expect("an address");
    assert!(
        TlsClient::new(&authority, "chat.example.org")
            .over(stream)
            .is_err()
    );
    vestibule
        .record_of(client)
        .assert(&[("end", "forbidden_destination")]);
}

/// It becomes another user, and keeps the one right that it needs.
#[test]
fn the_right_is_kept_by_another_user() {
    if !in_network_namespace("the_right_is_kept_by_another_user") {
        return;
    }
    const NET_ADMIN: u64 = 1 << 12;
    let router = Router::new();
    router.serve(PORT);
    router.run(&script("A router with TPROXY"));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let effective = |tables: &str| {
        let file = directory.path().join("vestibule.toml");
        let text = format!(
            "[runtime]\nuser = \"nobody\"\n[log]\naccess = \"stdout\"\nformat = \"json\"\n{tables}"
        );
        std::fs::write(&file, text).expect("a file");
        let process = Process::start("vestibule", program().arg("run").arg(&file));
        process.wait_for_line("\"ready\"");
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.id()));
        let status = status.expect("the status of a child");
        let line = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key));
            line.expect("a line of the status").trim().to_owned()
        };
        assert_ne!(line("Uid:").split('\t').next(), Some("0"));
        let capabilities = u64::from_str_radix(&line("CapEff:"), 16).expect("a number");
        (process, capabilities)
    };
    let (process, capabilities) = effective(&configuration("Transparent on both sides"));
    assert_eq!(capabilities, NET_ADMIN);
    let mut stream = from_client(&router, 0, server(0));
    let client = stream.local_addr().expect("an address");
    assert_eq!(seen(&mut stream).ip(), client.ip());
    drop((stream, process));
    let plain = "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
                 [service.s]\nupstreams = [\"127.0.0.1:1\"]\n";
    assert_eq!(effective(plain).1, 0);
}

/// Without the right, what needs it says so.
#[test]
fn without_the_right_a_start_fails_or_warns() {
    if !in_network_namespace("without_the_right_a_start_fails_or_warns") {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let start = |tables: &str| {
        let file = directory.path().join("vestibule.toml");
        std::fs::write(&file, format!("[log]\naccess = \"off\"\n{tables}")).expect("a file");
        let mut command = Command::new("setpriv");
        command
            .args([
                "--bounding-set=-net_admin,-net_raw",
                "--inh-caps=-net_admin,-net_raw",
            ])
            .arg(program().get_program())
            .arg("run")
            .arg(&file);
        Process::start("vestibule", &mut command)
    };
    let listener = |transparent: &str| {
        format!(
            "[[listener]]\nname = \"in\"\nbind = \"127.0.0.1:0\"\nservice = \"s\"\n\
             transparent = {transparent}\n[service.s]\nupstreams = [\"original\"]\n"
        )
    };
    for (tables, wanted) in [
        (listener("\"tproxy\""), "`transparent` needs CAP_NET_ADMIN"),
        (
            listener("\"redirect\"") + "mark = 7\n",
            "mark of service \"s\"",
        ),
        (
            listener("\"redirect\"") + "source = \"client\"\n",
            "source = \"client\" of service \"s\"",
        ),
        (
            "[tcp]\nmark = 7\n".to_owned() + &listener("\"redirect\""),
            "tcp.mark",
        ),
    ] {
        let mut process = start(&tables);
        assert_eq!(process.wait().code(), Some(1), "{tables}");
        process.wait_for_line(wanted);
        process.wait_for_line("CAP_NET_ADMIN");
    }
    let warned = start(&listener("true"));
    warned.wait_for_line("TPROXY needs CAP_NET_ADMIN");
    warned.wait_for_line("ready");
    let quiet = start(&listener("\"redirect\""));
    quiet.wait_for_line("ready");
    assert!(!quiet.stderr().join("\n").contains("CAP_NET_ADMIN"));
}
