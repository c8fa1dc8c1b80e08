//! How the process ends.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use vestibule_coap::Code;
use vestibule_coap::endpoint::RequestId;
use vestibule_dtls::client::Closed;
use vestibule_e2e::dtls::CoapsClient;
use vestibule_e2e::{Vestibule, eventually};
use vestibule_miniature_homeserver::Fault;

use crate::stage::{SYNC, Stage, WHOAMI, address};

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
