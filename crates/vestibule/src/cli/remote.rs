//! The commands that talk to a running process over its control socket.

mod low_bandwidth;

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use super::{
    config_path, fail,
    printable::printable,
    streams::{print_with, say},
};
use crate::admin::control::{Answer, ComponentView, Request, ask};

/// Which process.
#[derive(Debug, clap::Args)]
pub(super) struct Target {
    /// The control socket; without it the one that the configuration names
    #[arg(long)]
    control: Option<PathBuf>,
    /// The configuration that names the control socket
    #[arg(long)]
    config: Option<PathBuf>,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct Drain {
    /// The service; it need not be in the configuration any more
    service: String,
    /// Let connections go on for so long first, such as 30s
    #[arg(long, default_value = "0s", value_parser = vestibule_config::parse_duration)]
    after: Duration,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, clap::Args)]
pub(super) struct Kill {
    /// Connections, as `show connections` and the access log name them
    #[arg(required = true)]
    ids: Vec<String>,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// What
    #[arg(value_enum)]
    what: What,
    #[command(flatten)]
    target: Target,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum What {
    /// Associations of low bandwidth gateways
    Associations,
    /// Live connections
    Connections,
    /// Listening addresses
    Listeners,
    /// Components, and the resources that they ask
    Resources,
    /// Services and their upstreams
    Services,
    /// Users of low bandwidth gateways, by digests of their access tokens
    Users,
}

pub(super) fn reload(target: &Target) -> ExitCode {
    converse(target, &Request::Reload)
}

pub(super) fn drain(arguments: &Drain) -> ExitCode {
    let request = Request::Drain {
        service: arguments.service.clone(),
        after_ms: u64::try_from(arguments.after.as_millis()).unwrap_or(u64::MAX),
    };
    converse(&arguments.target, &request)
}

pub(super) fn kill(arguments: &Kill) -> ExitCode {
    let request = Request::Kill {
        ids: arguments.ids.clone(),
    };
    converse(&arguments.target, &request)
}

pub(super) fn show(arguments: &Show) -> ExitCode {
    let request = match arguments.what {
        What::Associations => Request::ShowAssociations,
        What::Connections => Request::ShowConnections,
        What::Listeners => Request::ShowListeners,
        What::Resources => Request::ShowResources,
        What::Services => Request::ShowServices,
        What::Users => Request::ShowUsers,
    };
    converse(&arguments.target, &request)
}

fn converse(target: &Target, request: &Request) -> ExitCode {
    let path = match control_path(target) {
        Ok(path) => path,
        Err(message) => return fail(message),
    };
    let answer = match ask(&path, request) {
        Ok(answer) => answer,
        Err(error) => {
            return fail(format!(
                "no answer from the control socket {}: {error}",
                path.display()
            ));
        }
    };
    let code = print_with(|out| match target.json {
        true => {
            serde_json::to_writer_pretty(&mut *out, &answer).map_err(io::Error::from)?;
            writeln!(out)
        }
        false => print(&answer, out),
    });
    match answer {
        Answer::Failed { .. } => ExitCode::FAILURE,
        _ => code,
    }
}

fn control_path(target: &Target) -> Result<PathBuf, String> {
    if let Some(path) = &target.control {
        return Ok(path.clone());
    }
    let path = config_path(target.config.clone())
        .map_err(|error| format!("which process? {error}; name its socket with --control"))?;
    match vestibule_config::load(&path).config {
        Some(config) => config.admin.control.ok_or_else(|| {
            format!(
                "{} sets no admin.control, so the process has no control socket",
                path.display()
            )
        }),
        None => Err(format!(
            "{} has errors (see `vestibule check`), so its admin.control is not known; name the \
             socket with --control",
            path.display()
        )),
    }
}

fn print(answer: &Answer, mut out: &mut dyn Write) -> io::Result<()> {
    match answer {
        Answer::Failed { message } => {
            fail(message);
            Ok(())
        }
        Answer::Reloaded { report, postponed } => {
            if !report.is_empty() {
                say(report.trim_end());
            }
            for key in postponed {
                say(format_args!(
                    "{key} has changed, which takes effect at the next restart"
                ));
            }
            writeln!(out, "reloaded")
        }
        Answer::Stopping { connections: 1 } => writeln!(out, "ending 1 connection"),
        Answer::Stopping { connections } => writeln!(out, "ending {connections} connections"),
        Answer::Listeners { listeners } => {
            let rows = listeners
                .iter()
                .map(|l| vec![l.listener.clone(), l.transport.clone(), l.address.clone()]);
            table(
                &mut out,
                &["listener", "transport", "address"],
                rows.collect(),
            )
        }
        Answer::Connections { connections } => {
            let rows = connections.iter().map(|c| {
                vec![
                    c.id.clone(),
                    c.listener.clone(),
                    c.client.clone(),
                    c.peer.clone().unwrap_or_else(|| "-".into()),
                    c.service.clone().unwrap_or_else(|| "-".into()),
                    c.upstream.clone().unwrap_or_else(|| "-".into()),
                    c.sni.clone().unwrap_or_else(|| "-".into()),
                    c.tls.clone().unwrap_or_else(|| "-".into()),
                    c.bytes_in.to_string(),
                    c.bytes_out.to_string(),
                    format!("{:.1}", c.seconds),
                ]
            });
            let heads = [
                "id", "listener", "client", "peer", "service", "upstream", "sni", "tls", "in",
                "out", "seconds",
            ];
            table(&mut out, &heads, rows.collect())
        }
        Answer::Associations { associations } => {
            low_bandwidth::associations(&mut out, associations)
        }
        Answer::Components { components } => print_components(&mut out, components),
        Answer::Services { services } => {
            let rows = services.iter().flat_map(|s| {
                s.upstreams.iter().map(|u| {
                    vec![
                        s.service.clone(),
                        u.upstream.clone(),
                        if u.up { "up" } else { "down" }.into(),
                        u.active.to_string(),
                        u.total.to_string(),
                        u.connect_errors.to_string(),
                    ]
                })
            });
            let heads = ["service", "upstream", "state", "active", "total", "errors"];
            table(&mut out, &heads, rows.collect())
        }
        Answer::Users { users } => low_bandwidth::users(&mut out, users),
    }
}

/// A paragraph for each component: itself, its targets, and a table of their resources.
fn print_components(out: &mut impl Write, components: &[ComponentView]) -> io::Result<()> {
    for (at, component) in components.iter().enumerate() {
        if at > 0 {
            writeln!(out)?;
        }
        let reason = component.reason.as_ref();
        writeln!(
            out,
            "component {}: {} at {}{}, {} pending",
            component.domain,
            component.state,
            component.server,
            reason.map_or_else(String::new, |reason| format!(" ({reason})")),
            component.pending
        )?;
        for target in &component.targets {
            writeln!(out, "target {}: {}", target.jid, target.subscription)?;
        }
        let rows = component.resources.iter().map(|resource| {
            let state = match (resource.eligible, resource.suspect) {
                (_, true) => "suspect",
                (true, false) => "eligible",
                (false, false) => "spared",
            };
            let show = match resource.show.as_str() {
                "" => "-",
                show => show,
            };
            vec![
                // Clients choose their resources.
                printable(&resource.jid),
                state.to_owned(),
                resource.priority.to_string(),
                show.to_owned(),
                resource.outstanding.to_string(),
                resource.asked.to_string(),
            ]
        });
        let heads = [
            "resource",
            "state",
            "priority",
            "show",
            "outstanding",
            "asked",
        ];
        match component.resources.is_empty() {
            true => writeln!(out, "no resources")?,
            false => table(out, &heads, rows.collect())?,
        }
    }
    Ok(())
}

/// Columns as wide as their widest cell.
fn table(out: &mut impl Write, heads: &[&str], rows: Vec<Vec<String>>) -> io::Result<()> {
    let mut all = vec![heads.iter().map(ToString::to_string).collect::<Vec<_>>()];
    all.extend(rows);
    let widths: Vec<usize> = (0..heads.len())
        .map(|column| all.iter().map(|row| row[column].len()).max().unwrap_or(0))
        .collect();
    for row in all {
        let line: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        writeln!(out, "{}", line.join("  ").trim_end())?;
    }
    Ok(())
}
