//! Which word was probably meant.

/// The candidate nearest to `word`, if one is near enough to be meant. Case, `-` and `_` do not count.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let plain = |text: &str| text.to_ascii_lowercase().replace('-', "_");
    // The distance is quadratic; no word of ours is nearly as long.
    if word.len() > 200 {
        return None;
    }
    let word = plain(word);
    let distances = candidates.into_iter().map(|candidate| {
        (
            strsim::damerau_levenshtein(&word, &plain(candidate)),
            candidate,
        )
    });
    let (distance, candidate) = distances.min_by_key(|(distance, _)| *distance)?;
    let longest = word.chars().count().max(candidate.chars().count());
    (distance <= (longest / 3).max(1) && distance < longest).then_some(candidate)
}

/// `candidates` in backticks, with commas.
pub(crate) fn listed<'a>(candidates: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<_> = candidates
        .into_iter()
        .map(crate::diagnostic::quote)
        .collect();
    quoted.join(", ")
}
