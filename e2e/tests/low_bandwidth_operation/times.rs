//! How long an association may be silent.

use std::time::Duration;

use vestibule_dtls::client::Closed;
use vestibule_e2e::{Vestibule, eventually};

use crate::stage::{SYNC, Stage, address, associations};

#[test]
fn who_observes_may_be_silent_for_longer() {
    let stage = Stage::new();
    let vestibule = Vestibule::start(
        stage
            .table("[low_bandwidth.limits]\nidle_timeout = \"5s\"\nobserve_idle_timeout = \"18s\""),
    );
    let at = address(&vestibule);
    let mut observer = stage.client(at);
    let (id, _) = observer.observe(stage.request(SYNC));
    // Its acknowledgements are signs of life.
    observer.run_for(Duration::from_millis(200));
    let mut idle = stage.client(at);
    stage.is_served(&mut idle);
    assert_eq!(idle.wait_for_end(), Closed::ByPeer);
    let shown = associations(&vestibule);
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert_eq!(shown[0]["observations"], 1);
    stage.say("still there?");
    observer.notification(id);
    assert_eq!(observer.wait_for_end(), Closed::ByPeer);
    eventually("both records", || {
        let records = vestibule.records();
        let ended = records
            .iter()
            .filter(|it| it.text("event") == "association");
        let ended: Vec<_> = ended.map(|it| it.text("end").to_owned()).collect();
        ended == ["idle", "idle"]
    });
    let closed = "vestibule_dtls_associations_closed_total";
    let idle = [("server", "lb"), ("reason", "idle")];
    assert_eq!(vestibule.metrics().sum(closed, &idle), 2);
}
