use std::{fmt, io};

/// Why a task stopped.
#[derive(Debug)]
pub(crate) enum Error {
    /// A command ran and said no.
    Failed { command: String, status: String },
    /// A system call failed.
    Io { what: String, source: io::Error },
    /// Programs are missing and this system's package manager is not one we know.
    MissingPeers(Vec<&'static str>),
    /// A tool of the Rust toolchain is missing.
    MissingTool {
        tool: &'static str,
        install: &'static str,
    },
    /// Packages are missing and this user may not install them.
    NotRoot,
    /// An administrator's policy file lets packages start their services.
    PolicyStartsServices,
    /// A service runs that the installation should not have started.
    ServiceStarted { service: &'static str, pid: u32 },
    /// A stage of the tests failed.
    Stage {
        stage: &'static str,
        cause: Box<Self>,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { command, status } => write!(f, "`{command}` failed: {status}"),
            Self::Io { what, source } => write!(f, "cannot {what}: {source}"),
            Self::MissingPeers(names) => write!(
                f,
                "missing: {}. This is not a Debian-like system: please install them by hand",
                names.join(", ")
            ),
            Self::MissingTool { tool, install } => {
                write!(f, "{tool} is missing. Install it with: {install}")
            }
            Self::NotRoot => f.write_str("installing packages needs root or sudo"),
            Self::PolicyStartsServices => f.write_str(
                "/usr/sbin/policy-rc.d lets packages start their services. It is left alone: \
                 please move it away for the time of the installation",
            ),
            Self::ServiceStarted { service, pid } => {
                write!(
                    f,
                    "{service} was started by its package (process {pid}): please stop it"
                )
            }
            Self::Stage { stage, cause } => write!(f, "stage {stage} failed: {cause}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Stage { cause, .. } => Some(cause),
            _ => None,
        }
    }
}
