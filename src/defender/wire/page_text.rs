//! A web page that came in the place of the API's answer: the words that a browser would show of
//! it, so that people learn who answered and why.

use crate::defender::text::excerpt;

/// The most bytes of a page that are read for its words. Styles and scripts often come first.
const READ_MAX: usize = 64 << 10;

/// The most characters that are looked at for an excerpt.
const WORDS_MAX: usize = 1_000;

/// Whether a body looks like a page.
pub(super) fn is_page(text: &str) -> bool {
    text.trim_start().starts_with('<')
}

/// What the page is, and its first words.
pub(super) fn told(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(READ_MAX)]);
    let lower = text.to_ascii_lowercase();
    let what = if lower.trim_start().starts_with("<?xml") && !lower.contains("<html") {
        "an XML document"
    } else {
        "an HTML page"
    };
    let words = words(&text);
    if words.is_empty() {
        return format!("{what}: a proxy answers in the API's place");
    }
    format!("{what}: a proxy answers in the API's place; it says: {}", excerpt(&words))
}

/// The words of a page, title first, with one space between them.
fn words(page: &str) -> String {
    let mut shown = String::new();
    let mut rest = page;
    while let Some(start) = rest.find('<') {
        push(&mut shown, &rest[..start]);
        if shown.len() >= WORDS_MAX {
            break;
        }
        rest = after_tag(&rest[start..]);
        shown.push(' ');
    }
    if !rest.starts_with('<') {
        push(&mut shown, rest);
    }
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    shown.chars().take(WORDS_MAX).collect()
}

/// What comes after the tag or comment at the start; after its end, for those whose content nobody
/// reads. Empty if it has no end.
fn after_tag(text: &str) -> &str {
    let after = |end: &str| text.find(end).map_or("", |at| &text[at + end.len()..]);
    if text.starts_with("<!--") {
        return after("-->");
    }
    for name in ["script", "style"] {
        let is_it = text.get(1..=name.len()).is_some_and(|tag| tag.eq_ignore_ascii_case(name));
        if is_it {
            let closes = |at: usize| {
                text.get(at + 2..at + 2 + name.len()).is_some_and(|t| t.eq_ignore_ascii_case(name))
            };
            let end = text.match_indices("</").map(|(at, _)| at).find(|at| closes(*at));
            return end.map_or("", |at| text[at..].find('>').map_or("", |to| &text[at + to + 1..]));
        }
    }
    after(">")
}

fn push(shown: &mut String, text: &str) {
    let text: String = text.chars().take(WORDS_MAX).collect();
    let marks = [
        ("&nbsp;", " "),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ];
    let plain = marks.iter().fold(text, |text, (mark, plain)| text.replace(mark, plain));
    shown.push_str(&plain);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_told_by_the_words_that_a_browser_shows() {
        let page = b"<!DOCTYPE html><html><head><style>p{}</style><title>Access &amp; more</title>\
            <SCRIPT>if (a<b) {}</SCRIPT></head><body><!-- x > y --><h1>Blocked</h1>\
            <p>by\n policy &#39;7&#39;</p>";
        assert_eq!(
            told(page),
            "an HTML page: a proxy answers in the API's place; it says: Access & more Blocked by \
             policy '7'"
        );
        let bare = "an HTML page: a proxy answers in the API's place";
        for nothing in ["<", "<html", "<p></p>", "<style>only", "<!-- no end", "<script"] {
            assert_eq!(told(nothing.as_bytes()), bare, "{nothing}");
        }
        let xml = b"<?xml version='1.0'?><Error><Code>Gone</Code></Error>";
        assert!(told(xml).starts_with("an XML document: ") && told(xml).ends_with("says: Gone"));
    }

    #[test]
    fn a_page_can_neither_steer_a_terminal_nor_fill_it() {
        let long = format!("<title>\u{1b}[2J\u{202e}{}</title>", "word ".repeat(40_000));
        let told = told(long.as_bytes());
        assert!(told.chars().count() < 300 && !told.contains('\u{1b}'), "{told}");
        let open = "<".repeat(READ_MAX);
        assert!(super::told(open.as_bytes()).len() < 300);
        let scripts = "<script></script>".repeat(4_000);
        assert!(super::told(scripts.as_bytes()).len() < 300);
    }
}
