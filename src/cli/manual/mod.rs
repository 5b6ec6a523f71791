//! Topics on a screen and as pages of the manual, and the pages of commands. What the program's own
//! tables say is filled in from them; the texts themselves are `topics`.

mod page;
mod screen;

use clap::{Command, CommandFactory};

use super::args::{Cli, exit_codes};
use super::settings::keys::{KEYS, Key};
use super::topics::Topic;

pub(super) use page::page;

/// A topic for a screen of that many columns, with bold headings if they can be shown.
pub(super) fn on_screen(topic: Topic, columns: usize, is_bold: bool) -> String {
    screen::text(&filled(topic), columns, is_bold)
}

/// A topic as a page of the manual, in section 7.
pub(super) fn topic_page(topic: Topic) -> String {
    page::topic(topic.name, topic.title(), &filled(topic))
}

/// A topic's text, with what stands in tables of the program.
fn filled(topic: Topic) -> String {
    let program = Cli::command();
    let settings = |of_tenants: bool| {
        let keys = KEYS.iter().filter(|key| key.tenants == of_tenants);
        let lines: Vec<String> = keys.map(|key| setting(&program, key)).collect();
        lines.join("\n")
    };
    let codes = exit_codes();
    let codes = codes.lines().skip(1).map(|line| format!("  {line}"));
    let codes: Vec<String> = codes.collect();
    topic
        .markdown
        .replace("{exit codes}", &codes.join("\n"))
        .replace("{general settings}", &settings(false))
        .replace("{profile settings}", &settings(true))
}

/// A setting as an item of a list: its names, and what the help of its option says.
fn setting(program: &Command, key: &Key) -> String {
    let scan = program.find_subcommand("scan");
    let option = scan.and_then(|scan| {
        scan.get_arguments().find(|argument| argument.get_long() == Some(key.name))
    });
    let help = option.and_then(|option| option.get_help()).map(ToString::to_string);
    let help = help.unwrap_or_default();
    let help = help.split(['[', ';']).next().unwrap_or_default().trim();
    let variables: Vec<String> = key.variables.iter().map(|name| format!("`{name}`")).collect();
    format!("- `{}` ({}): {help}", key.name, variables.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::topics::TOPICS;

    #[test]
    fn every_topic_fits_its_screen_and_has_a_title() {
        for topic in TOPICS {
            assert!(topic.title().len() > 10, "{}", topic.name);
            for columns in [40, 80] {
                let text = on_screen(topic, columns, false);
                assert!(text.starts_with(topic.title().split(' ').next().unwrap()), "{text}");
                let wide = text.lines().find(|line| {
                    // A command stays on its line, also within backticks.
                    !line.starts_with("    ") && !line.contains('`') && line.len() > columns
                });
                assert_eq!(wide, None, "{}", topic.name);
            }
        }
    }

    #[test]
    fn tables_of_the_program_stand_in_their_topics() {
        let settings = filled(Topic::named("settings").unwrap());
        for key in KEYS {
            let line = settings.lines().find(|line| line.starts_with(&format!("- `{}`", key.name)));
            assert!(line.is_some_and(|line| line.len() > key.name.len() + 40), "{}", key.name);
        }
        let codes = filled(Topic::named("exit-codes").unwrap());
        assert!(codes.contains("    130") && !codes.contains('{'), "{codes}");
    }
}
