//! Markdown as a terminal shows it: headings, paragraphs, lists of one level and commands. What a
//! topic does not use is not known here.

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use crate::report::human::wrapped_to;

const BOLD: &str = "\x1b[1m";
const PLAIN: &str = "\x1b[0m";

/// The text in lines of at most that many columns. Commands stay as they are.
pub(super) fn text(markdown: &str, columns: usize, bold: bool) -> String {
    let mut screen = Screen { columns, bold, ..Screen::default() };
    Parser::new(markdown).for_each(|event| screen.take(event));
    screen.lines
}

#[derive(Default)]
struct Screen {
    columns: usize,
    bold: bool,
    lines: String,
    /// The paragraph, heading or item that is being read.
    block: String,
    in_item: bool,
}

impl Screen {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(Tag::Item) => self.in_item = true,
            Event::Start(Tag::Heading { .. } | Tag::List(_)) => self.gap(),
            Event::Start(Tag::Paragraph) if !self.in_item => self.gap(),
            Event::Text(text) => self.block += &text,
            Event::Code(text) => self.block += &format!("`{text}`"),
            Event::SoftBreak => self.block.push(' '),
            Event::End(TagEnd::Heading(_)) => self.end_heading(),
            Event::End(TagEnd::Paragraph) if !self.in_item => self.end_paragraph("", 0),
            Event::End(TagEnd::Item) => {
                self.end_paragraph("- ", 2);
                self.in_item = false;
            }
            Event::End(TagEnd::CodeBlock) => self.end_command(),
            _ => {}
        }
    }

    /// A blank line between two blocks.
    fn gap(&mut self) {
        if !self.lines.is_empty() {
            self.lines.push('\n');
        }
    }

    fn end_heading(&mut self) {
        let heading = wrapped_to(&std::mem::take(&mut self.block), 0, self.columns);
        let heading = if self.bold { format!("{BOLD}{heading}{PLAIN}") } else { heading };
        self.lines += &format!("{heading}\n");
    }

    fn end_paragraph(&mut self, mark: &str, indent: usize) {
        let block = format!("{mark}{}", std::mem::take(&mut self.block));
        self.lines += &format!("{}\n", wrapped_to(&block, indent, self.columns));
    }

    fn end_command(&mut self) {
        self.gap();
        let block = std::mem::take(&mut self.block);
        block.lines().for_each(|line| self.lines += &format!("    {line}\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_and_items_are_broken_and_commands_stay() {
        let markdown = "# Nights\n\nOne two three\nfour five.\n\n- `a b`: six seven eight\n\
                        - nine\n\n<!-- -->\n\n    command --with many words\n\n## More\n\nTen.\n";
        let told = "Nights\n\nOne two three\nfour five.\n\n- `a b`: six\n  seven eight\n- nine\n\n\
                    \x20   command --with many words\n\nMore\n\nTen.\n";
        assert_eq!(text(markdown, 14, false), told);
        assert!(text(markdown, 14, true).starts_with("\x1b[1mNights\x1b[0m\n"));
    }
}
