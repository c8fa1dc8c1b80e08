use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    xmpp_server::{DOMAIN, XmppServer},
    *,
};

/// The widest line that the table may have.
const COLUMNS: usize = 100;

#[test]
fn everything_works_and_fits_the_screen() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())
        .unwrap();
    let (good, text) = runtime.block_on(async {
        let stage = Stage::start().await.unwrap();
        let mut out = Vec::new();
        let good = play(&stage, &mut out, false).await;
        stage.end(pending()).await;
        (good, String::from_utf8(out).unwrap())
    });
    assert!(good, "{text}");
    assert!(text.contains(" ok, in "), "{text}");
    for line in text.lines() {
        assert!(line.chars().count() <= COLUMNS, "{line}");
    }
}

#[test]
fn the_configuration_has_nothing_doubtful() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())
        .unwrap();
    runtime.block_on(async {
        let stage = Stage::start().await.unwrap();
        let report = vestibule_config::load(&stage.config_path()).report;
        assert_eq!(report.render(false), "");
        let directory = stage.config_path().parent().unwrap().to_owned();
        stage.end(pending()).await;
        drop(stage);
        assert!(!directory.exists(), "{}", directory.display());
    });
}

/// A component asks itself whether its server is there, when nothing else is to be said.
#[test]
fn what_a_component_says_to_itself_comes_back() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())
        .unwrap();
    runtime.block_on(async {
        let server = XmppServer::start().await.unwrap();
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        let question = format!("<iq type='get' id='1' from='{DOMAIN}' to='{DOMAIN}'/>");
        let header = "<stream:stream xmlns='jabber:component:accept' \
                      xmlns:stream='http://etherx.jabber.org/streams'>";
        let said = format!("{header}{question}");
        stream.write_all(said.as_bytes()).await.unwrap();
        let mut heard = String::new();
        while !heard.ends_with(&question) {
            heard.push(stream.read_u8().await.unwrap().into());
        }
        assert!(server.is_quiet());
    });
}

#[test]
fn failures_are_counted_and_said() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let mut out = Vec::new();
    let good = runtime.block_on(async {
        let mut table = Table::new(&mut out, false);
        table.group("group");
        let row = table::Row {
            client: "192.0.2.1:1".into(),
            bytes: 4_000_000,
            ..table::Row::default()
        };
        table.row("works", async { Ok(row) }).await;
        let skip = async { Err(table::Missed::Skipped("there is none")) };
        table.row("cannot be tried", skip).await;
        table.row("hangs", pending()).await;
        table.finish()
    });
    let text = String::from_utf8(out).unwrap();
    assert!(!good, "{text}");
    assert!(text.contains("4.0 MB  ok\n"), "{text}");
    let said = format!("FAILED\n    nothing for {:?}\n", table::PATIENCE);
    assert!(text.contains(&said), "{text}");
    assert!(text.contains("\n1 ok, 1 skipped, 1 FAILED, in "), "{text}");
}
