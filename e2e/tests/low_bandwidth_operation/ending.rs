//! How the process ends.

use std::io::ErrorKind;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use vestibule_coap::Code;
use vestibule_coap::endpoint::RequestId;
use vestibule_dtls::client::{Closed, Memory};
use vestibule_dtls::session::Version;
use vestibule_e2e::dtls::{CoapsClient, first_hello};
use vestibule_e2e::{Vestibule, eventually};
use vestibule_miniature_homeserver::Fault;

use crate::stage::{SYNC, Stage, VERSIONS, WHOAMI, address, request, trusting};

/// Long before requests are given up, and before `drain_timeout` is over.
const SOON: Duration = Duration::from_secs(25);

/// Begins a request that the homeserver has got when this returns.
fn begin(stage: &Stage, client: &mut CoapsClient, target: &str, path: &str) -> RequestId {
    let count = || stage.asked().iter().filter(|it| it.contains(path)).count();
    let before = count();
    let id = client.begin(stage.request(target));
    eventually("the homeserver to be asked", || {
        client.run_for(Duration::from_millis(10));
        count() > before
    });
    id
}

#[test]
fn who_waits_for_news_is_sent_away_and_other_requests_are_answered() {
    let stage = Stage::new();
    let mut vestibule = Vestibule::start(stage.table(""));
    let at = address(&vestibule);
    let mut observer = stage.client(at);
    let (_, first) = observer.observe(stage.request(SYNC));
    assert_eq!(first.code, Code::CONTENT);
    let mut waiting = stage.client(at);
    let first = waiting.request(stage.request(&format!("{SYNC}?timeout=0")));
    let next = crate::stage::json(&first)["next_batch"].to_string();
    let next = next.trim_matches('"').to_owned();
    let target = format!("{SYNC}?timeout=30000&since={next}");
    let sync = begin(&stage, &mut waiting, &target, "/sync");
    let mut working = stage.client(at);
    stage
        .homeserver
        .set_fault_below(WHOAMI, Fault::Slow(Duration::from_secs(2)));
    let whoami = begin(&stage, &mut working, WHOAMI, "/whoami");

    let start = Instant::now();
    vestibule.process().signal(Signal::TERM);
    let answer = waiting.answer(sync);
    assert_eq!(answer.code, Code::SERVICE_UNAVAILABLE, "{answer:?}");
    let answer = working.answer(whoami);
    assert_eq!(answer.code, Code::CONTENT, "{answer:?}");
    for client in [&mut observer, &mut waiting, &mut working] {
        assert_eq!(client.wait_for_end(), Closed::ByPeer);
    }
    assert_eq!(vestibule.process().wait().code(), Some(0));
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    let records = vestibule.records();
    let ended = records
        .iter()
        .filter(|it| it.text("event") == "association");
    let ended: Vec<_> = ended.map(|it| it.text("end")).collect();
    assert_eq!(ended, ["us"; 3]);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let stage = Stage::new();
    let mut vestibule = Vestibule::start(stage.table(""));
    let mut client = stage.client(address(&vestibule));
    stage.homeserver.set_fault_below(WHOAMI, Fault::Silent);
    begin(&stage, &mut client, WHOAMI, "/whoami");
    let start = Instant::now();
    vestibule.process().signal(Signal::TERM);
    eventually("the process to wait", || {
        vestibule
            .event_lines()
            .iter()
            .any(|it| it.contains("draining"))
    });
    client.run_for(Duration::from_millis(300));
    assert_eq!(vestibule.process().ended(), None);
    vestibule.process().signal(Signal::TERM);
    assert_eq!(client.wait_for_end(), Closed::ByPeer);
    assert_eq!(vestibule.process().wait().code(), Some(0));
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    // Nothing is left out of the records.
    let records = vestibule.records();
    let of = |event: &str| {
        let of_it = records.iter().filter(|it| it.text("event") == event);
        of_it.map(|it| it.text("end")).collect::<Vec<_>>()
    };
    assert_eq!(
        (of("lb_request"), of("association")),
        (vec!["abandoned"], vec!["us"])
    );
}

#[test]
fn a_gateway_that_is_being_replaced_ends_with_the_process() {
    let stage = Stage::new();
    let mut vestibule = Vestibule::start(stage.table(""));
    let mut client = stage.client(address(&vestibule));
    stage
        .homeserver
        .set_fault_below(WHOAMI, Fault::Slow(Duration::from_secs(2)));
    let whoami = begin(&stage, &mut client, WHOAMI, "/whoami");
    vestibule.rewrite(stage.table("[low_bandwidth.limits]\nrequests_per_minute = 5"));
    vestibule.reload_by_signal();
    vestibule.process().signal(Signal::TERM);
    let answer = client.answer(whoami);
    assert_eq!(answer.code, Code::CONTENT, "{answer:?}");
    assert_eq!(client.wait_for_end(), Closed::ByPeer);
    assert_eq!(vestibule.process().wait().code(), Some(0));
    let errors = vestibule.all_events();
    let errors: Vec<_> = errors.iter().filter(|it| it["level"] == "ERROR").collect();
    assert!(errors.is_empty(), "{errors:?}");
}

/// The end waits for requests for longer than any test takes.
const PATIENT: &str = "[limits]\ndrain_timeout = \"10m\"\n";

/// Requests are waited for as long.
const SLOW: &str = "request_timeout = \"10m\"";

/// Who is there is served to the end; nobody else gets in, whether it has been there before or not.
#[test]
fn hellos_are_not_answered_any_more() {
    let stage = Stage::new();
    let mut vestibule = Vestibule::start(PATIENT.to_owned() + &stage.table(SLOW));
    let at = address(&vestibule);
    let memory = Memory::default();
    stage.client_with(at, &memory).close();
    let mut client = stage.client(at);
    stage.homeserver.set_fault_below(WHOAMI, Fault::Silent);
    begin(&stage, &mut client, WHOAMI, "/whoami");
    let refused = |vestibule: &Vestibule| {
        let ending = [("server", "lb"), ("reason", "ending")];
        let metrics = vestibule.metrics();
        metrics.sum("vestibule_dtls_handshakes_refused_total", &ending)
    };
    assert_eq!(refused(&vestibule), 0);
    vestibule.process().signal(Signal::TERM);

    let stranger = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let hello = first_hello(&trusting(&stage.authority), Version::Dtls13);
    // The first ones may come before the signal does.
    let cookies = |vestibule: &Vestibule| {
        let metrics = vestibule.metrics();
        metrics.sum("vestibule_dtls_cookies_total", &[("server", "lb")])
    };
    eventually("a hello to be refused", || {
        stranger.send_to(&hello, at).expect("a datagram is sent");
        refused(&vestibule) > 0
    });
    let (before, answered) = (refused(&vestibule), cookies(&vestibule));
    let mut config = trusting(&stage.authority);
    config.handshake_timeout = Duration::from_secs(3);
    for memory in [Memory::default(), memory] {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let lost = CoapsClient::try_connect(socket, at, config.clone(), memory);
        assert!(lost.is_err(), "{lost:?}");
    }
    assert!(refused(&vestibule) >= before + 2);
    assert_eq!(cookies(&vestibule), answered);
    // What was sent before the end came, and nothing else.
    stranger.set_nonblocking(true).expect("a socket");
    let mut answers = 0;
    let error = loop {
        match stranger.recv(&mut [0; 4096]) {
            Ok(_) => answers += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    assert!(answers <= answered, "{answers} of {answered}");
    let answer = client.request(request(VERSIONS, None));
    assert_eq!(answer.code, Code::CONTENT, "{answer:?}");
    vestibule.process().signal(Signal::TERM);
    assert_eq!(client.wait_for_end(), Closed::ByPeer);
    assert_eq!(vestibule.process().wait().code(), Some(0));
}

/// One that was taken out of the configuration ends as the process does. One that begins anew lets
/// everybody in meanwhile: they would have to wait for others, as long as those are patient.
#[test]
fn a_gateway_that_is_replaced_lets_others_in_and_one_that_is_gone_does_not() {
    let stage = Stage::new();
    let other = Stage::new();
    let both = stage.table(SLOW) + &other.table_at("other", "127.0.0.1:0", SLOW);
    let mut vestibule = Vestibule::start(PATIENT.to_owned() + &both);
    let at = address(&vestibule);
    let gone = crate::stage::addresses(&vestibule, "other")[0];
    let (mut client, mut guest) = (stage.client(at), other.client(gone));
    for (stage, client) in [(&stage, &mut client), (&other, &mut guest)] {
        stage.homeserver.set_fault_below(WHOAMI, Fault::Silent);
        begin(stage, client, WHOAMI, "/whoami");
    }
    let limits = format!("{SLOW}\n[low_bandwidth.limits]\nuploads = 3");
    vestibule.rewrite(PATIENT.to_owned() + &stage.table(&limits));
    vestibule.reload_by_signal();
    let mut late = stage.client(at);
    let answer = late.request(request(VERSIONS, None));
    assert_eq!(answer.code, Code::CONTENT, "{answer:?}");
    let mut config = trusting(&other.authority);
    config.handshake_timeout = Duration::from_secs(3);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let lost = CoapsClient::try_connect(socket, gone, config, Memory::default());
    assert!(lost.is_err(), "{lost:?}");
    let refused = |name| {
        let labels = [("server", name), ("reason", "ending")];
        let metrics = vestibule.metrics();
        metrics.sum("vestibule_dtls_handshakes_refused_total", &labels)
    };
    assert_eq!(refused("lb"), 0);
    assert!(refused("other") > 0);
    let answer = guest.request(request(VERSIONS, None));
    assert_eq!(answer.code, Code::CONTENT, "{answer:?}");
    assert_eq!(crate::stage::addresses(&vestibule, "lb").len(), 1);
    for _ in 0..2 {
        vestibule.process().signal(Signal::TERM);
        eventually("the signal to be taken", || {
            let lines = vestibule.event_lines();
            lines.iter().any(|line| line.contains("draining"))
        });
    }
    for client in [&mut client, &mut guest, &mut late] {
        assert_eq!(client.wait_for_end(), Closed::ByPeer);
    }
    assert_eq!(vestibule.process().wait().code(), Some(0));
}
