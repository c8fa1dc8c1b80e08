use super::*;

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
    assert!(text.contains("FAILED\n    nothing for 3s\n"), "{text}");
    assert!(text.contains("\n1 ok, 1 skipped, 1 FAILED, in "), "{text}");
}
