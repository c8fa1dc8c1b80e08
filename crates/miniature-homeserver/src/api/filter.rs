use serde_json::Value;

use super::{Call, Refusal};
use crate::state::{Session, State};

/// What of a sync a client wants (Matrix specification, "Filtering").
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    pub(super) timeline: Section,
    pub(super) ephemeral: Section,
    pub(super) presence: Section,
    pub(super) account_data: Section,
}

/// Of one section.
#[derive(Clone, Debug)]
pub(super) struct Section {
    /// Most events.
    pub(super) limit: usize,
    types: Option<Vec<String>>,
    not_types: Vec<String>,
}

const LIMIT: usize = 10;
const MOST: usize = 1_000;

impl Default for Section {
    fn default() -> Self {
        Self {
            limit: LIMIT,
            types: None,
            not_types: Vec::new(),
        }
    }
}

impl Filter {
    /// What the parameter `filter` says: a document, or one that was uploaded before.
    pub(super) fn of(call: &Call, session: &Session, state: &State) -> Result<Self, Refusal> {
        let Some(said) = call.parameter("filter") else {
            return Ok(Self::default());
        };
        if said.starts_with('{') {
            let document: Value = serde_json::from_str(&said).map_err(|_| Refusal::NotJson)?;
            return Ok(Self::read(&document));
        }
        let filters = state.user(&session.user).map(|user| &user.filters);
        let known = filters.and_then(|filters| filters.get(said.parse::<usize>().ok()?));
        let known = known.ok_or(Refusal::InvalidParam("there is no such filter"))?;
        Ok(Self::read(known))
    }

    fn read(document: &Value) -> Self {
        let room = &document["room"];
        Self {
            timeline: Section::read(&room["timeline"]),
            ephemeral: Section::read(&room["ephemeral"]),
            presence: Section::read(&document["presence"]),
            account_data: Section::read(&document["account_data"]),
        }
    }
}

impl Section {
    fn read(section: &Value) -> Self {
        let limit = section["limit"].as_u64();
        let limit = limit.and_then(|limit| usize::try_from(limit).ok());
        Self {
            limit: limit.unwrap_or(LIMIT).clamp(1, MOST),
            types: section["types"]
                .is_array()
                .then(|| texts(&section["types"])),
            not_types: texts(&section["not_types"]),
        }
    }

    /// Whether events of this type are wanted.
    pub(super) fn wants(&self, kind: &str) -> bool {
        let among = |types: &Vec<String>| types.iter().any(|pattern| fits(pattern, kind));
        self.types.as_ref().is_none_or(among) && !among(&self.not_types)
    }
}

fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(|text| text.as_str().map(str::to_owned))
        .collect()
}

fn fits(pattern: &str, kind: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => kind.starts_with(beginning),
        None => pattern == kind,
    }
}
