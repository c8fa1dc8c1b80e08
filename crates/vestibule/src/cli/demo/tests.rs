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
        let Played { good, written } = play(&stage, &mut out, false).await;
        assert!(written.is_ok());
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
    let Played { good, written } = runtime.block_on(async {
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
    assert!(!good && written.is_ok(), "{text}");
    assert!(text.contains("4.0 MB  ok\n"), "{text}");
    let said = format!("FAILED\n    nothing for {:?}\n", table::PATIENCE);
    assert!(text.contains(&said), "{text}");
    assert!(text.contains("\n1 ok, 1 skipped, 1 FAILED, in "), "{text}");
}

/// Takes one line.
struct Short(Vec<u8>);

impl Write for Short {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.contains(&b'\n') {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => Write::write(&mut self.0, bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn nothing_is_played_that_nobody_is_shown() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let mut out = Short(Vec::new());
    let mut rows = 0;
    let Played { good, written } = runtime.block_on(async {
        let mut table = Table::new(&mut out, false);
        table.group("group");
        let scenario = async {
            rows += 1;
            Ok(table::Row::default())
        };
        table.row("works", scenario).await;
        table.finish()
    });
    let written = written.map_err(|error| error.kind());
    assert_eq!(
        (good, written, rows),
        (true, Err(io::ErrorKind::StorageFull), 0)
    );
    assert_eq!(out.0.iter().filter(|&&byte| byte == b'\n').count(), 1);
}
