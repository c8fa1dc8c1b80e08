//! `via` of a service: the proxies on the way to its targets.

use percent_encoding::percent_decode_str;
use toml::{Spanned, de::DeValue};

use super::{
    secret::{Kind, secret},
    upstream_tls::hop_tls,
};
use crate::{
    Credentials, Hop, Secret,
    code::Code,
    diagnostic::{Problem, quote},
    reader::{Reader, Table, Value, wrong_type},
    schema,
    value::host,
};

/// The most proxies that a connection goes through.
const MOST_HOPS: usize = 4;

/// The longest user name or password in bytes.
const LONGEST: usize = 255;

/// `password`.
const PASSWORD: Kind = Kind {
    what: "password",
    schema: &schema::SECRET,
    parse: password,
};

/// What a URL says.
struct Url {
    is_https: bool,
    host: String,
    port: u16,
    username: Option<String>,
    password: Option<String>,
}

/// The hops, nearest first, and where each stands.
pub(super) fn via(r: &mut Reader<'_>, service: &Table<'_>) -> Vec<Spanned<Hop>> {
    let Some(value) = service.value("via") else {
        return Vec::new();
    };
    let entries: Vec<&Value<'_>> = match value.get_ref() {
        DeValue::Array(items) => items.iter().collect(),
        _ => vec![value],
    };
    if entries.is_empty() {
        let problem = Problem::new(Code::EmptyList, "`via` is empty");
        r.error(value.span(), problem.help("leave it out to dial directly"));
    }
    if entries.len() > MOST_HOPS {
        let message = format!("{} proxies stand in `via`", entries.len());
        let problem = Problem::new(Code::OutOfRange, message);
        r.error(
            value.span(),
            problem.help(format!("a connection goes through {MOST_HOPS} at most")),
        );
    }
    entries
        .into_iter()
        .filter_map(|entry| Some(Spanned::new(entry.span(), hop(r, entry)?)))
        .collect()
}

fn hop(r: &mut Reader<'_>, entry: &Value<'_>) -> Option<Hop> {
    match entry.get_ref() {
        DeValue::String(text) => {
            let url = r.accept(entry, url(text))?;
            let absent = Table::absent(&schema::HOP_TLS);
            let tls = url.is_https.then(|| hop_tls(r, &absent));
            let password = Secret::Text(url.password.unwrap_or_default());
            let credentials = with_password(url.username, Some(password));
            Some(Hop {
                host: url.host,
                port: url.port,
                tls,
                credentials,
            })
        }
        DeValue::Table(_) => {
            let table = r.table(entry, &schema::VIA)?;
            from_table(r, &table)
        }
        other => {
            let problem = wrong_type("a URL as text, a table, or a list of these", other);
            let help = "write for example `via = \"https://proxy.example:443\"`";
            r.error(entry.span(), problem.help(help));
            None
        }
    }
}

fn from_table(r: &mut Reader<'_>, table: &Table<'_>) -> Option<Hop> {
    if !table.has("url") {
        let problem = Problem::new(Code::MissingKey, "this proxy has no `url`");
        let help = "write where it is, such as `url = \"https://proxy.example:443\"`";
        r.missing(table, &["url"], problem.help(help));
    }
    let url = r.text(table, "url", url);
    let username = r.text(table, "username", username);
    let password = table
        .value("password")
        .and_then(|value| secret(r, value, &PASSWORD));
    let tls = table.value("tls").and_then(|value| {
        if let (Some(url), Some(place)) = (&url, table.value("url"))
            && !url.is_https
        {
            let problem = Problem::new(Code::ViaWithoutTls, "this proxy is spoken to without TLS");
            let help = "write `https://` in its `url`, or leave `tls` out";
            r.conflict(value.span(), problem.help(help), &place.span(), "see here");
        }
        if let DeValue::Boolean(_) = value.get_ref() {
            let problem = wrong_type("a table", value.get_ref());
            let help = "the URL says whether there is TLS: leave `tls` out for the defaults";
            r.error(value.span(), problem.help(help));
            return None;
        }
        r.table(value, &schema::HOP_TLS)
    });
    let url = url?;
    credentials_stand_once(r, table, &url);
    let absent = Table::absent(&schema::HOP_TLS);
    let tls = url
        .is_https
        .then(|| hop_tls(r, tls.as_ref().unwrap_or(&absent)));
    let password = password.or(url.password.map(Secret::Text));
    let credentials = with_password(username.or(url.username), password);
    Some(Hop {
        host: url.host,
        port: url.port,
        tls,
        credentials,
    })
}

fn with_password(username: Option<String>, password: Option<Secret>) -> Option<Credentials> {
    let password = password.unwrap_or_else(|| Secret::Text(String::new()));
    username.map(|username| Credentials { username, password })
}

/// Reports a name or password that stands twice, and each without the other.
fn credentials_stand_once(r: &mut Reader<'_>, table: &Table<'_>, url: &Url) {
    let (in_url, place) = (url.username.is_some(), table.value("url"));
    let given = [
        ("username", in_url, "the user name stands twice"),
        (
            "password",
            url.password.is_some(),
            "the password stands twice",
        ),
    ];
    for (key, twice, message) in given {
        if let (true, Some(value), Some(place)) = (twice, table.value(key), place) {
            let problem = Problem::new(Code::DuplicateValue, message);
            let help = "take it out of the `url`";
            r.conflict(value.span(), problem.help(help), &place.span(), "see here");
        }
    }
    let (name, password) = (table.value("username"), table.value("password"));
    let alone = match (name, password) {
        (Some(name), None) if !in_url => Some((name, "`username` without `password`")),
        (None, Some(password)) if !in_url => Some((password, "`password` without `username`")),
        _ => None,
    };
    if let Some((value, message)) = alone {
        let problem = Problem::new(Code::MissingKey, message);
        r.error(value.span(), problem.help("write both, or none"));
    }
}

fn password(text: &str) -> Result<String, Problem> {
    clean(text, "password")
}

fn username(text: &str) -> Result<String, Problem> {
    if text.contains(':') {
        let problem = Problem::new(Code::InvalidUrl, "a user name has no colon (RFC 7617)");
        return Err(problem.help("the colon ends it: write the rest as the password"));
    }
    if text.is_empty() {
        let problem = Problem::new(Code::InvalidUrl, "the user name is empty");
        return Err(problem.help("write the name that the proxy knows, or none at all"));
    }
    clean(text, "user name")
}

fn clean(text: &str, what: &str) -> Result<String, Problem> {
    if text.len() > LONGEST || text.chars().any(char::is_control) {
        let message = format!("a {what} has at most {LONGEST} bytes and no control characters");
        let problem = Problem::new(Code::InvalidUrl, message);
        return Err(problem.help("look for a line ending at its end"));
    }
    Ok(text.to_owned())
}

/// `http://` or `https://`, perhaps `user:password@`, a host and a port. What is wrong is never
/// told by showing the text, which may have a password in it.
fn url(text: &str) -> Result<Url, Problem> {
    let invalid = |message: &str| Problem::new(Code::InvalidUrl, message.to_owned()).help(FORMS);
    let (is_https, rest) = match text.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
        Some((scheme, _)) if scheme.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            let scheme = quote(scheme);
            let message = format!("a proxy is reached by http or https, not by {scheme}");
            return Err(invalid(&message));
        }
        Some(_) => return Err(invalid("a proxy is reached by http or https")),
        None => return Err(invalid("this is not the URL of a proxy")),
    };
    let (user, place) = match rest.rsplit_once('@') {
        Some((user, place)) => (Some(user), place),
        None => (None, rest),
    };
    let place = place.strip_suffix('/').unwrap_or(place);
    if place.contains(['/', '?', '#']) {
        return Err(invalid("the URL of a proxy has nothing behind the port"));
    }
    let Some((host, port)) = place
        .rsplit_once(':')
        .filter(|(_, port)| !port.contains(']'))
    else {
        return Err(invalid("the port is missing").help(
            "conventions differ (80, 443, 1080, 3128, 8080): write it, such as \
             `http://proxy.example:3128`",
        ));
    };
    let port = port
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| port.parse::<u16>().ok());
    let Some(port) = port.flatten().filter(|port| *port != 0) else {
        return Err(invalid("the port is a number from 1 to 65535"));
    };
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let host = match (bare, host.parse()) {
        (Some(bare), _) => bare.parse::<std::net::Ipv6Addr>().ok().map(Into::into),
        (None, Ok(ip)) => Some(std::net::IpAddr::V4(ip)),
        (None, Err(_)) => None,
    }
    .map(|ip| ip.to_canonical().to_string())
    .or_else(|| host::name(host))
    .ok_or_else(|| invalid("the host is neither a name nor an address"))?;
    let (username, password) = match user {
        None => (None, None),
        Some(user) => {
            let (name, password) = match user.split_once(':') {
                Some((name, password)) => (name, Some(password)),
                None => (user, None),
            };
            (Some(decoded(name)?), password.map(decoded).transpose()?)
        }
    };
    if let Some(username) = &username {
        self::username(username)?;
    }
    Ok(Url {
        is_https,
        host,
        port,
        username,
        password,
    })
}

fn decoded(text: &str) -> Result<String, Problem> {
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded = decoded.map_err(|_| {
        let problem = Problem::new(Code::InvalidUrl, "what `%` stands for is not UTF-8");
        problem.help("write it in a table: `{ url = \"…\", username = \"…\", password = \"…\" }`")
    })?;
    clean(&decoded, "user name or password")
}

const FORMS: &str =
    "write `http://proxy.example:3128` or `https://user:password@proxy.example:443`";
