//! Long flags with one dash, as programs written in Go have them.

#[cfg(test)]
mod tests;

use std::ffi::{OsStr, OsString};

/// The flags of a command whose long ones may have one dash.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flags {
    /// The command.
    pub(super) command: &'static str,
    /// The long flags, and whether a value follows.
    pub(super) long: &'static [(&'static str, bool)],
    /// The letters of the short flags that a value follows. They may stand together, as in `-kd -`.
    pub(super) short_with_value: &'static str,
}

/// The arguments of the program, where long flags of these commands that have one dash have two.
pub(super) fn with_two_dashes(
    arguments: impl IntoIterator<Item = OsString>,
    commands: &[Flags],
) -> Vec<OsString> {
    let mut arguments = arguments.into_iter();
    let mut result: Vec<_> = arguments.by_ref().take(2).collect();
    let flags = result
        .get(1)
        .and_then(|name| commands.iter().find(|flags| name == flags.command));
    if let Some(flags) = flags {
        while let Some(argument) = arguments.next() {
            let ends_flags = argument == "--";
            let (argument, wants_value) = flags.with_two_dashes(argument);
            result.push(argument);
            if wants_value {
                result.extend(arguments.next());
            }
            if ends_flags {
                break;
            }
        }
    }
    result.extend(arguments);
    result
}

impl Flags {
    /// The same argument, a long flag with two dashes, and whether its value is the next one.
    fn with_two_dashes(&self, argument: OsString) -> (OsString, bool) {
        let Some((dashes, name, value)) = argument.to_str().and_then(parts) else {
            return (argument, false);
        };
        let Some((_, wants_value)) = self.long.iter().find(|(flag, _)| *flag == name) else {
            let wants_value = dashes == 1 && self.wants_value(&argument);
            return (argument, wants_value);
        };
        let wants_value = *wants_value && value.is_none();
        if dashes == 2 {
            return (argument, wants_value);
        }
        let mut flag = OsString::from("-");
        flag.push(OsStr::new(&argument));
        (flag, wants_value)
    }

    /// Whether the last letter of these short flags, and no other, is one that a value follows.
    fn wants_value(&self, letters: &OsStr) -> bool {
        letters
            .to_str()
            .and_then(|letters| letters.find(|letter| self.short_with_value.contains(letter)))
            .is_some_and(|at| at + 1 == letters.len())
    }
}

/// The number of dashes of a flag, its name and its value.
fn parts(argument: &str) -> Option<(usize, &str, Option<&str>)> {
    let name = argument.trim_start_matches('-');
    let dashes = argument.len() - name.len();
    let (name, value) = match name.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (name, None),
    };
    (1..=2).contains(&dashes).then_some((dashes, name, value))
}
