use super::Syntax;
use crate::source::Source;

fn mended(text: &str) -> String {
    Syntax::new(&Source::new("test.toml", text)).text
}

#[test]
fn right_text_is_left_alone() {
    let right = "a = [ # [b]\n  \"]\", '[', { c = 1,\n d = '''\n[x]\n''' },\n]\n[\"e ]\".f] # ]\n\"g = \" = \"\\\"#\"\n";
    assert_eq!(mended(right), right);
    // A mistake in a value does not change it either.
    let wrong = "a = [1 2]\nb = x\n[c]\n[c]\n";
    assert_eq!(mended(wrong), wrong);
}

#[test]
fn structure_is_mended() {
    let table = [
        ("[a\nb = 1\n", "[a]\nb = 1\n"),
        ("[[a] # x\n", "[[a]] # x\n"),
        ("[[a # x\n", "[[a]] # x\n"),
        ("[a b]\n", "[a_b]\n"),
        ("[]\n", "[_]\n"),
        ("[a.]\n", "[a_]\n"),
        ("a\nb = 1", " \nb = 1"),
        ("a = [1, # x\nb = 2\n", "a = [1,] # x\nb = 2\n"),
        ("a = [1,\n  2\n[b]\n", "a = [1,\n  2]\n[b]\n"),
        ("a = [[1, {b = 2\n[b]\n", "a = [[1, {b = 2}]]\n[b]\n"),
        ("a = [", "a = []"),
        ("a = {\n b = 1\n c = 2\n", "a = {\n b = 1}\n c = 2\n"),
        ("a = \"\"\"x\nb = 1\n", "a =     \nb = 1\n"),
        ("a = [\"x, 1]\nb = 1\n", "a = [\"x, 1]]\nb = 1\n"),
    ];
    for (text, expected) in table {
        assert_eq!(mended(text), expected, "{text}");
    }
}

#[test]
fn offsets_lead_back_to_the_source() {
    let text = "[[a\nb = [1\n[c\nd = 1";
    let syntax = Syntax::new(&Source::new("test.toml", text));
    assert_eq!(syntax.text, "[[a]]\nb = [1]\n[c]\nd = 1");
    for (offset, character) in text.char_indices().filter(|(_, c)| c.is_alphanumeric()) {
        let mended = syntax.text.find(character).unwrap();
        // `1` stands twice.
        if text.matches(character).count() == 1 {
            assert_eq!(syntax.original(mended), offset, "{character}");
        }
    }
    assert_eq!(syntax.original(syntax.text.len()), text.len());
}
