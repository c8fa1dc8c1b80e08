//! Lists whose entries stand once.

use std::{collections::HashMap, hash::Hash};

use toml::Spanned;

use super::{Reader, Span};
use crate::{
    code::Code,
    diagnostic::{Problem, quote},
};

impl Reader<'_> {
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
