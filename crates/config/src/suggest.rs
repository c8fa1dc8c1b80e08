//! Which word was probably meant.

use crate::diagnostic::quote;

/// The candidate nearest to `word`, if one is near enough to be meant. Case, `-` and `_` do not count.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let plain = |text: &str| text.to_ascii_lowercase().replace('-', "_");
    // The distance takes time and memory for each pair of letters. No word of ours is that long, and
    // no list of names that anyone reads.
    const LONGEST: usize = 100;
    const MOST: usize = 1000;
    if word.len() > LONGEST {
        return None;
    }
    let word = plain(word);
    let candidates = candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST);
    let distances = candidates.take(MOST).map(|candidate| {
        (
            strsim::damerau_levenshtein(&word, &plain(candidate)),
            candidate,
        )
    });
    let (distance, candidate) = distances.min_by_key(|(distance, _)| *distance)?;
    let longest = word.chars().count().max(candidate.chars().count());
    (distance <= (longest / 3).max(1) && distance < longest).then_some(candidate)
}

/// The candidates in backticks, with commas; the first of many.
pub(crate) fn listed<'a>(candidates: impl IntoIterator<Item = &'a str>) -> String {
    const MOST: usize = 20;
    let mut quoted: Vec<_> = candidates.into_iter().take(MOST + 1).map(quote).collect();
    if quoted.len() > MOST {
        quoted[MOST] = "…".to_owned();
    }
    quoted.join(", ")
}
