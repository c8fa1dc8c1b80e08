//! `[runtime]`, `[limits]`, `[tcp]`, `[admin]` and `[log]`.

use std::{num::NonZeroUsize, time::Duration};

use super::Endpoint;
use crate::{
    AccessLog, Admin, Bind, Limits, Log, LogFormat, LogLevel, Runtime, Tcp,
    code::Code,
    diagnostic::{Problem, quote},
    reader::{DurationKey, Reader, Table},
    schema, suggest,
    value::{address, name, path},
};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

const PEEK_TIMEOUT: DurationKey = DurationKey {
    key: "peek_timeout",
    default: Duration::from_secs(5),
    min: Duration::from_millis(10),
    max: Duration::from_secs(300),
};
const HANDSHAKE_TIMEOUT: DurationKey = DurationKey {
    key: "handshake_timeout",
    default: Duration::from_secs(10),
    ..PEEK_TIMEOUT
};
const DRAIN_TIMEOUT: DurationKey = DurationKey {
    key: "drain_timeout",
    default: Duration::from_secs(30),
    min: Duration::ZERO,
    max: DAY,
};
// The kernel takes up to 32,767 seconds for both (tcp(7)).
const KEEPALIVE_IDLE: DurationKey = DurationKey {
    key: "keepalive_idle",
    default: Duration::from_secs(120),
    min: Duration::from_secs(1),
    max: HOUR.saturating_mul(9),
};
const KEEPALIVE_INTERVAL: DurationKey = DurationKey {
    key: "keepalive_interval",
    default: Duration::from_secs(30),
    ..KEEPALIVE_IDLE
};
const USER_TIMEOUT: DurationKey = DurationKey {
    key: "user_timeout",
    default: Duration::from_secs(300),
    min: Duration::from_secs(1),
    max: DAY,
};

/// More threads than any machine of today has cores.
const MOST_WORKERS: u64 = 1024;
/// More connections than the kernel gives descriptors to one process (fs.nr_open).
const MOST_CONNECTIONS: u64 = 1 << 30;

pub(crate) fn runtime(r: &mut Reader<'_>, root: &Table<'_>) -> Runtime {
    let table = r.subtable(root, "runtime", &schema::RUNTIME);
    let runtime = Runtime {
        workers: r
            .integer(&table, "workers", 1..=MOST_WORKERS)
            .and_then(count),
        user: r.text(&table, "user", name::account),
        group: r.text(&table, "group", name::account),
    };
    if let Some(group) = table.key_span("group").filter(|_| !table.has("user")) {
        let problem = Problem::new(Code::GroupWithoutUser, "`group` is set without `user`");
        r.error(group, problem.help("write the `user` to become as well"));
    }
    runtime
}

pub(crate) fn limits(r: &mut Reader<'_>, root: &Table<'_>) -> Limits {
    let table = r.subtable(root, "limits", &schema::LIMITS);
    let connections = r
        .integer(&table, "connections", 1..=MOST_CONNECTIONS)
        .and_then(count);
    let per_client = r.integer(&table, "connections_per_client", 0..=MOST_CONNECTIONS);
    let per_client = per_client.map_or(0, |number| usize::try_from(number).unwrap_or(usize::MAX));
    if let (Some(all), Some(value)) = (connections, table.value("connections_per_client"))
        && per_client > all.get()
    {
        let message = "`connections_per_client` is above `connections`";
        let problem = Problem::new(Code::ClientLimitUnreachable, message).help(format!(
            "no client can have more than the {all} of all: write less, or 0 for off"
        ));
        r.warning(value.span(), problem);
    }
    Limits {
        connections,
        connections_per_client: per_client,
        handshake_timeout: r.duration(&table, &HANDSHAKE_TIMEOUT),
        peek_timeout: r.duration(&table, &PEEK_TIMEOUT),
        drain_timeout: r.duration(&table, &DRAIN_TIMEOUT),
    }
}

pub(crate) fn tcp(r: &mut Reader<'_>, root: &Table<'_>) -> Tcp {
    let table = r.subtable(root, "tcp", &schema::TCP);
    let tcp = Tcp {
        keepalive_idle: r.duration_or_off(&table, &KEEPALIVE_IDLE),
        keepalive_interval: r.duration(&table, &KEEPALIVE_INTERVAL),
        user_timeout: r.duration_or_off(&table, &USER_TIMEOUT),
        mark: r.mark(&table),
    };
    let keepalive = [
        ("keepalive_idle", tcp.keepalive_idle),
        ("keepalive_interval", Some(tcp.keepalive_interval)),
    ];
    for (key, duration) in keepalive {
        if duration.is_some_and(|duration| duration.subsec_nanos() != 0)
            && let Some(value) = table.value(key)
        {
            let problem = Problem::new(Code::OutOfRange, format!("`{key}` is not a whole second"));
            r.error(
                value.span(),
                problem.help("the kernel takes whole seconds only, such as \"30s\""),
            );
        }
    }
    tcp
}

pub(crate) fn admin(r: &mut Reader<'_>, root: &Table<'_>, endpoints: &mut Vec<Endpoint>) -> Admin {
    let table = r.subtable(root, "admin", &schema::ADMIN);
    let admin = Admin {
        listen: r.text(&table, "listen", address::listen),
        control: r.text(&table, "control", control),
    };
    if let (Some(listen), Some(value)) = (admin.listen, table.value("listen")) {
        if !listen.ip().is_loopback() {
            let message = "the admin listener can be reached from other machines";
            let problem = Problem::new(Code::AdminNotLoopback, message).help(
                "anyone who reaches it can read the metrics: write `127.0.0.1`, or guard the port",
            );
            r.warning(value.span(), problem);
        }
        let owner = "the admin listener".to_owned();
        endpoints.push(Endpoint {
            bind: Bind::Tcp(listen),
            span: value.span(),
            owner,
            is_beside_datagrams: false,
        });
    }
    if let (Some(control), Some(value)) = (&admin.control, table.value("control")) {
        let owner = "the control socket".to_owned();
        endpoints.push(Endpoint {
            bind: Bind::Unix(control.clone()),
            span: value.span(),
            owner,
            is_beside_datagrams: false,
        });
    }
    admin
}

pub(crate) fn log(r: &mut Reader<'_>, root: &Table<'_>) -> Log {
    let table = r.subtable(root, "log", &schema::LOG);
    let formats = [("json", LogFormat::Json), ("text", LogFormat::Text)];
    let levels = [
        ("error", LogLevel::Error),
        ("warn", LogLevel::Warn),
        ("info", LogLevel::Info),
        ("debug", LogLevel::Debug),
        ("trace", LogLevel::Trace),
    ];
    Log {
        format: r
            .choice(&table, "format", &formats)
            .unwrap_or(LogFormat::Text),
        access: r
            .text(&table, "access", access)
            .unwrap_or(AccessLog::Stdout),
        level: r.choice(&table, "level", &levels).unwrap_or(LogLevel::Info),
    }
}

fn control(text: &str) -> Result<std::path::PathBuf, Problem> {
    if let Some(path) = text.strip_prefix("unix:") {
        let message = format!("{} is not a path", quote(text));
        let help = format!("write `{path}`: the control socket is always a unix socket");
        return Err(Problem::new(Code::InvalidPath, message).help(help));
    }
    path::socket(text)
}

fn access(text: &str) -> Result<AccessLog, Problem> {
    match text {
        "off" => Ok(AccessLog::Off),
        "stdout" => Ok(AccessLog::Stdout),
        _ if text.contains(['/', '.']) => path::file(text).map(AccessLog::File),
        _ => {
            let message = format!("unknown `access` {}", quote(text));
            let problem = Problem::new(Code::UnknownValue, message);
            Err(match suggest::nearest(text, ["off", "stdout"]) {
                Some(word) => problem.help(format!("did you mean `{word}`?")),
                None => {
                    problem.help("write `stdout`, `off`, or a path such as `/var/log/access.log`")
                }
            })
        }
    }
}

fn count(number: u64) -> Option<NonZeroUsize> {
    usize::try_from(number).ok().and_then(NonZeroUsize::new)
}
