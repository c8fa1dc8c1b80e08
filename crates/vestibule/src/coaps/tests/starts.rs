//! How servers do not start.

use std::net::SocketAddr;

use super::{
    super::{Config, Error, Server},
    Stage, identity,
    site::{Gate, Notes, Site},
};

#[test]
fn what_cannot_be_started_says_why() {
    let stage = Stage::new(&["127.0.0.1:0"], 1);
    let start = |bind: Vec<SocketAddr>, workers| {
        let config = Config {
            workers,
            ..Config::new(bind, identity())
        };
        let notes = Notes::default();
        Server::start(config, move |setup| {
            Site::new(setup, notes.clone(), Gate::default())
        })
        .unwrap_err()
    };
    let error = start(vec![stage.address()], 1);
    assert!(matches!(error, Error::Bind(address, _) if address == stage.address()));
    assert!(
        error
            .to_string()
            .starts_with("cannot listen on udp 127.0.0.1:")
    );
    assert!(matches!(start(vec![], 1), Error::NoAddress));
    let config = Config::new(vec!["127.0.0.1:0".parse().unwrap()], identity());
    let panics = Server::start(config, |_| -> Site { panic!("as it should") });
    assert!(matches!(panics, Err(Error::Thread(_))));
    for workers in [0, 257] {
        let error = start(vec!["127.0.0.1:0".parse().unwrap()], workers);
        assert!(matches!(error, Error::Workers(n) if n == workers));
    }
}

#[test]
fn one_that_is_not_started_leaves_its_address() {
    // One that nobody else uses: its port is free in between.
    let mut address: SocketAddr = "127.0.74.1:0".parse().unwrap();
    for _ in 0..20 {
        let start = |failing| {
            let config = Config {
                workers: 4,
                ..Config::new(vec![address], identity())
            };
            Server::start(config, move |setup| {
                assert_ne!(setup.worker, failing, "as it should");
                Site::new(setup, Notes::default(), Gate::default())
            })
        };
        assert!(matches!(start(3), Err(Error::Thread(_))));
        let server = start(4).unwrap();
        address = server.local_addrs()[0];
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.build().unwrap();
        runtime.block_on(server.shutdown(std::time::Duration::ZERO));
    }
}
