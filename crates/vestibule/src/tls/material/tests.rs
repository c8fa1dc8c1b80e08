mod problems;

use super::{
    super::testing::{Authority, Directory, PLAIN, client, shake},
    *,
};
use crate::material::{FromFiles, Material, Reason};

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
    tokio::time::timeout(std::time::Duration::from_secs(60), async {
        while !shown() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    })
    .await
    .unwrap();
    task.abort();
}

/// [`TEXT`] with this certificate for the listener `tls`.
fn with_own_certificate(directory: &Directory, name: &str) -> Config {
    let mut config = directory.config(TEXT);
    let Some(ListenerTls::Terminate(terminate)) = &mut config.listeners[2].tls else {
        panic!("no TLS ends there");
    };
    terminate.certificate = Some(directory.certificate(name));
    config
}

#[test]
fn a_listener_may_have_a_certificate_of_its_own() {
    let (authority, directory) = fixture();
    directory.write_pair("own", &authority.issue(&["own.example.org"]));
    let config = with_own_certificate(&directory, "own");
    let mut gather = Gather::default();
    let tls = Tls::load(&config, None, &mut gather);
    assert!(gather.is_good(), "{:?}", gather.problems);
    let labels: Vec<_> = tls.certificates().into_iter().map(|c| c.label).collect();
    let path = |name: &str| directory.path(name).to_str().unwrap().to_owned();
    assert_eq!(labels, [path("a.pem"), path("b.pem"), path("own.pem")]);

    let policy = tls.listener(2).unwrap();
    assert!(policy.has_certificate_for(Some("own.example.org")));
    assert!(!policy.has_certificate_for(Some("a.example.org")));
    let client = || Arc::new(client(&authority));
    assert!(shake(&client(), &policy.config(), "own.example.org").is_ok());
    // There is one for that name, but not here.
    assert!(shake(&client(), &policy.config(), "a.example.org").is_err());
}

#[test]
fn a_certificate_of_a_listener_is_read_again() {
    let (authority, directory) = fixture();
    let other = Authority::new("other");
    directory.write_pair("own", &authority.issue(&["own.example.org"]));
    let config = with_own_certificate(&directory, "own");
    let tls = Tls::load(&config, None, &mut Gather::default());
    let entry = Entry {
        table: Arc::clone(&tls.tables[1]),
        at: 0,
    };
    let policy = tls.listener(2).unwrap();
    let shaken = |authority: &Authority| {
        shake(
            &Arc::new(client(authority)),
            &policy.config(),
            "own.example.org",
        )
    };
    assert!(shaken(&authority).is_ok() && shaken(&other).is_err());
    directory.write_pair("own", &other.issue(&["own.example.org"]));
    assert!(entry.refresh(&mut Reader::default()));
    assert!(shaken(&other).is_ok() && shaken(&authority).is_err());
}

#[test]
fn a_certificate_that_two_have_is_shown_once() {
    let (_, directory) = fixture();
    let config = with_own_certificate(&directory, "a");
    let tls = Tls::load(&config, None, &mut Gather::default());
    assert_eq!(tls.certificates().len(), 2);
}

#[test]
fn what_is_wrong_with_a_certificate_of_a_listener_is_told() {
    let (_, directory) = fixture();
    directory.write("own.pem", "nothing");
    let config = with_own_certificate(&directory, "own");
    let mut gather = Gather::default();
    let tls = Tls::load(&config, None, &mut gather);
    assert!(!gather.is_good());
    assert!(
        tls.certificates()
            .iter()
            .all(|shown| !shown.label.contains("own"))
    );
}
