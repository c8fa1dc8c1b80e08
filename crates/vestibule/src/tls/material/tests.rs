mod problems;

use super::{
    super::testing::{Authority, Directory, PLAIN, client, shake},
    *,
};
use crate::material::{Material, Reason};

const TEXT: &str = "
[[certificate]]
chain = 'a.pem'
key = 'a.key'
[[certificate]]
chain = 'b.pem'
key = 'b.key'
[[listener]]
name = 'plain'
bind = '127.0.0.1:1'
service = 'plain'
[[listener]]
name = 'peek'
bind = '127.0.0.1:2'
service = 'plain'
tls = { mode = 'peek' }
[[listener]]
name = 'tls'
bind = '127.0.0.1:3'
service = 'tls'
tls = { mode = 'terminate', client_auth = { mode = 'optional', ca = 'ca.pem' } }
[service.plain]
upstreams = ['127.0.0.1:4']
[service.tls]
upstreams = ['127.0.0.1:5']
tls = { ca = 'ca.pem' }
";

fn fixture() -> (Authority, Directory) {
    let (authority, directory) = (Authority::new("authority"), Directory::new());
    directory.write_pair("a", &authority.issue(&["a.example.org"]));
    directory.write_pair("b", &authority.issue(&["b.example.org"]));
    directory.write("ca.pem", authority.pem());
    (authority, directory)
}

#[test]
fn policies_stand_where_their_listeners_and_services_do() {
    let (_, directory) = fixture();
    let tls = directory.load(TEXT, None);
    let listeners = [0, 1, 2, 3].map(|index| tls.listener(index).is_some());
    assert_eq!(listeners, [false, false, true, false]);
    let services = [0, 1, 2].map(|index| tls.service(index).is_some());
    assert_eq!(services, [false, true, false]);
}

#[test]
fn a_configuration_without_tls_needs_nothing() {
    let directory = Directory::new();
    let tls = directory.load(PLAIN, None);
    assert!(tls.certificates().is_empty());
}

#[test]
fn everything_wrong_is_told_at_once() {
    let (authority, directory) = fixture();
    directory.write("a.key", authority.issue(&["a.example.org"]).key);
    directory.write("b.pem", "nothing");
    directory.write("ca.pem", "nothing");
    let mut gather = Gather::default();
    let _ = Tls::load(&directory.config(TEXT), None, &mut gather);
    assert!(!gather.is_good());
    let reasons: Vec<_> = gather
        .problems
        .into_iter()
        .map(|found| found.reason)
        .collect();
    let wanted = [
        Reason::KeyMismatch,
        Reason::NoCertificate,
        Reason::NoCertificate,
        Reason::NoCertificate,
    ];
    assert_eq!(reasons, wanted);
}

#[test]
fn metrics_see_the_certificates() {
    let (_, directory) = fixture();
    let views = directory.load(TEXT, None).certificates();
    let labels: Vec<_> = views.iter().map(|view| &*view.label).collect();
    assert_eq!(
        labels,
        [
            directory.path("a.pem").to_str().unwrap(),
            directory.path("b.pem").to_str().unwrap()
        ]
    );
    assert_eq!(views[0].not_after.to_string(), "4096-01-01T00:00:00Z");
}

#[tokio::test]
async fn a_replaced_certificate_is_shown_to_the_next_client() {
    let (authority, directory) = fixture();
    let material = Material::load(&directory.config(TEXT), None).material;
    let material = Arc::new(material.unwrap());
    let policy = material.tls.listener(2).unwrap();
    let task = tokio::spawn(Arc::clone(&material).keep_fresh());
    let client = Arc::new(client(&authority));
    let shown = || {
        let shaken = shake(&client, &policy.config(), "c.example.org");
        shaken.is_ok()
    };
    assert!(!shown(), "no certificate has this name");
    directory.write_pair("b", &authority.issue(&["c.example.org"]));
    tokio::time::timeout(std::time::Duration::from_secs(20), async {
        while !shown() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    })
    .await
    .unwrap();
    task.abort();
}
