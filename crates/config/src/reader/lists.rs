//! Lists of tables, and lists whose entries stand once.

use std::{collections::HashMap, hash::Hash};

use toml::Spanned;

use super::{Reader, Span, Table, wrong_type};
use crate::{
    code::Code,
    diagnostic::{Problem, quote},
    schema::Schema,
};

impl Reader<'_> {
    /// Every `[[key]]` of `root`, without what is no table.
    pub(crate) fn tables<'a>(
        &mut self,
        root: &Table<'a>,
        key: &str,
        schema: &'static Schema,
    ) -> Vec<Table<'a>> {
        let Some(value) = root.value(key) else {
            return Vec::new();
        };
        let Some(items) = value.get_ref().as_array() else {
            let problem = wrong_type("a list of tables", value.get_ref());
            let help = format!("write [[{key}]] with double brackets");
            self.error(value.span(), problem.help(help));
            return Vec::new();
        };
        let tables = items.iter();
        tables.filter_map(|item| self.table(item, schema)).collect()
    }

    /// `items` without repetitions, which are reported; `show` names an entry.
    pub(crate) fn distinct<T: Clone + Eq + Hash>(
        &mut self,
        items: Vec<Spanned<T>>,
        show: impl Fn(&T) -> String,
    ) -> Vec<T> {
        let mut first: HashMap<T, Span> = HashMap::with_capacity(items.len());
        let mut kept = Vec::with_capacity(items.len());
        for item in items {
            if let Some(first) = first.get(item.get_ref()) {
                let name = quote(&show(item.get_ref()));
                let problem = Problem::new(Code::DuplicateValue, format!("{name} stands twice"));
                self.conflict(
                    item.span(),
                    problem.help("keep one of them"),
                    first,
                    "first here",
                );
            } else {
                first.insert(item.get_ref().clone(), item.span());
                kept.push(item.into_inner());
            }
        }
        kept
    }
}
