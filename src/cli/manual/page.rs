//! Pages of the manual: those of commands, made from the definition that parses them, and those of
//! topics, made from their Markdown.

use clap::Command;
use clap_mangen::Man;
use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use roff::{Inline, Roff, bold, roman};

use crate::cli::args::exit_codes;
use crate::cli::settings::keys::{KEYS, Key};

/// The day of this version, and its name.
const RELEASED: &str = "2026-11-27";
const SOURCE: &str = concat!("fleetsweep ", env!("CARGO_PKG_VERSION"));

/// Where the program finds things of its own accord, for the manual.
const FILES: &str = "  ~/.config/fleetsweep/config.toml
      the settings, unless --config names another file
  /var/lib/fleetsweep/fleetsweep.db
      the store, if that folder is writable
  ~/.local/state/fleetsweep/fleetsweep.db
      else the store, unless --store names another one";

/// The file name of a command's page, and its text.
///
/// # Errors
/// None, since it is written into memory; the writer's type has one.
pub(crate) fn page(command: Command) -> std::io::Result<(String, Vec<u8>)> {
    let examples = command.get_after_long_help().map(ToString::to_string);
    let has_commands = command.get_subcommands().next().is_some();
    let page = Man::new(command).date(RELEASED).source(SOURCE).manual("fleetsweep");
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    if has_commands {
        page.render_subcommands_section(&mut text)?;
    }
    let sections = [
        ("EXAMPLES", examples.unwrap_or_default()),
        ("EXIT STATUS", exit_codes()),
        ("ENVIRONMENT", environment()),
        ("FILES", FILES.to_owned()),
    ];
    for (name, section) in sections.iter().filter(|(_, section)| !section.is_empty()) {
        text.extend(verbatim(name, section).bytes());
    }
    Ok((page.get_filename(), text))
}

/// The variables that settings are read from.
fn environment() -> String {
    let of_key = |key: &Key| {
        let names = key.variables.iter();
        names.map(|name| format!("  {name}\n      as --{}", key.name)).collect::<Vec<_>>()
    };
    let mut lines: Vec<String> = KEYS.iter().flat_map(of_key).collect();
    lines.push("  AZURE_CLIENT_SECRET\n      the client secret, for which there is no flag".into());
    lines.push("  FLEETSWEEP_CONFIG, FLEETSWEEP_PROFILE\n      as --config, --profile".into());
    lines.push("  NO_COLOR\n      neither colour nor bold text".into());
    lines.join("\n")
}

/// A section whose lines are not filled, without the heading that the text itself begins with.
fn verbatim(name: &str, text: &str) -> String {
    let lines = text.lines().filter(|line| !matches!(*line, "Examples:" | "Exit codes:"));
    let lines: Vec<String> = lines.map(str::to_owned).collect();
    let mut page = Roff::new();
    page.control("SH", [name]).control("nf", []).text([roman(lines.join("\n"))]).control("fi", []);
    page.to_roff()
}

/// The page of a topic.
pub(super) fn topic(name: &str, title: &str, markdown: &str) -> String {
    let mut page = Roff::new();
    page.control("TH", [&format!("fleetsweep-{name}"), "7", RELEASED, SOURCE, "fleetsweep"]);
    page.control("SH", ["NAME"]).text([roman(format!("fleetsweep-{name} - {title}"))]);
    page.control("SH", ["DESCRIPTION"]);
    let mut section = Section { is_new: true, ..Section::default() };
    // The title is said above.
    let body = markdown.split_once('\n').map_or("", |(_, rest)| rest);
    Parser::new(body).for_each(|event| section.take(event, &mut page));
    page.render()
}

/// The block that is being read.
#[derive(Default)]
struct Section {
    block: Vec<Inline>,
    in_item: bool,
    /// A heading is the last thing that was written.
    is_new: bool,
}

impl Section {
    fn take(&mut self, event: Event<'_>, page: &mut Roff) {
        match event {
            Event::Start(Tag::Item) => self.in_item = true,
            Event::Text(text) => self.block.push(roman(text.into_string())),
            Event::Code(text) => self.block.push(bold(text.into_string())),
            Event::SoftBreak => self.block.push(roman(" ")),
            Event::End(TagEnd::Heading(_)) => {
                let words = std::mem::take(&mut self.block);
                let heading: String = words.iter().map(plain).collect();
                page.control("SH", [heading.to_uppercase().as_str()]);
                self.is_new = true;
            }
            Event::End(TagEnd::Paragraph) if !self.in_item => {
                self.begin_paragraph(page);
                page.text(std::mem::take(&mut self.block));
            }
            Event::End(TagEnd::Item) => {
                self.is_new = false;
                page.control("IP", ["\\(bu", "2"]).text(std::mem::take(&mut self.block));
                self.in_item = false;
            }
            Event::End(TagEnd::CodeBlock) => {
                let lines = std::mem::take(&mut self.block);
                self.begin_paragraph(page);
                page.control("nf", []).control("RS", ["4"]);
                page.text(lines).control("RE", []).control("fi", []);
            }
            _ => {}
        }
    }

    /// A heading begins a paragraph itself.
    fn begin_paragraph(&mut self, page: &mut Roff) {
        if !std::mem::take(&mut self.is_new) {
            page.control("PP", []);
        }
    }
}

fn plain(inline: &Inline) -> &str {
    match inline {
        Inline::Roman(text) | Inline::Bold(text) | Inline::Italic(text) => text,
        Inline::LineBreak => " ",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_a_section_stay_as_they_are_and_are_no_requests() {
        let text = verbatim("EXAMPLES", "Examples:\n  a --b \\\n.c\n'd");
        assert!(text.contains(".nf\n  a \\-\\-b \\\\\n\\&.c\n\\&'d\n.fi"), "{text}");
    }

    #[test]
    fn a_topic_has_sections_items_and_commands() {
        let text =
            topic("x", "Ten words", "# Ten words\n\n## Why\n\nSay `it`.\n\n- one\n\n    do --it\n");
        for part in
            [".TH fleetsweep-x 7", "fleetsweep\\-x \\- Ten words", ".SH WHY", "Say \\fBit\\fR."]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
