//! `password` of a proxy and `secret` of a component.

use std::env::{self, VarError};

use toml::de::DeValue;

use crate::{
    Secret,
    code::Code,
    diagnostic::{Problem, quote},
    reader::{Reader, Value, wrong_type},
    schema::Schema,
};

/// A kind of secret.
pub(super) struct Kind {
    /// What it is called.
    pub(super) what: &'static str,
    /// The table that says where it is.
    pub(super) schema: &'static Schema,
    /// What may stand in the configuration or the environment.
    pub(super) parse: fn(&str) -> Result<String, Problem>,
}

/// A string, `{ file = "…" }` or `{ env = "…" }`.
pub(super) fn secret(r: &mut Reader<'_>, value: &Value<'_>, kind: &Kind) -> Option<Secret> {
    let what = kind.what;
    match value.get_ref() {
        DeValue::String(text) => {
            let text = r.accept(value, (kind.parse)(text))?;
            Some(Secret::Text(text))
        }
        DeValue::Table(_) => {
            let table = r.table(value, kind.schema)?;
            match (table.value("file"), table.value("env")) {
                (Some(_), None) => Some(Secret::File(r.file(&table, "file")?)),
                (None, Some(_)) => {
                    let text = r.text(&table, "env", |name| from_environment(name, kind));
                    text.map(Secret::Text)
                }
                (Some(file), Some(env)) => {
                    let message = format!("the {what} stands in two places");
                    let problem = Problem::new(Code::DuplicateValue, message);
                    let help = "keep one of `file` and `env`";
                    r.conflict(
                        env.span(),
                        problem.help(help),
                        &file.span(),
                        "the other one",
                    );
                    None
                }
                (None, None) => {
                    let message = format!("this table does not say where the {what} is");
                    let problem = Problem::new(Code::MissingKey, message);
                    let help = format!("write {FORMS}");
                    r.missing(&table, &["env", "file"], problem.help(help));
                    None
                }
            }
        }
        other => {
            let problem = wrong_type("a string or a table", other);
            let help = format!("write the {what} itself, {FORMS}");
            r.error(value.span(), problem.help(help));
            None
        }
    }
}

fn from_environment(name: &str, kind: &Kind) -> Result<String, Problem> {
    match env::var(name) {
        Ok(text) => (kind.parse)(&text),
        Err(VarError::NotPresent) => Err(Problem::new(
            Code::UnsetVariable,
            format!("the environment has no variable {}", quote(name)),
        )
        .help("set it where the program is started, or write `{ file = \"…\" }`")),
        Err(VarError::NotUnicode(_)) => Err(Problem::new(
            Code::NotUtf8,
            format!("the variable {} is not UTF-8", quote(name)),
        )
        .help("set it in UTF-8, or write `{ file = \"…\" }`")),
    }
}

const FORMS: &str = "`{ file = \"FILE\" }` or `{ env = \"NAME\" }`";
