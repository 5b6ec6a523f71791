//! A message as an incoming webhook of Slack takes it: blocks of plain text, in which no name
//! becomes markup or calls anybody ("Incoming webhooks" and "Text object" pages).

use serde_json::{Value, json};

use super::{Message, text};
use crate::domain::text::printable;

/// The body of the request.
pub fn blocks(message: &Message) -> String {
    let first = format!("{}\n{}", message.title(), message.sentence());
    let mut blocks = vec![json!({ "type": "section", "text": plain(&first) })];
    let mut aside = vec![plain(&message.whose())];
    if let Some(next) = &message.next {
        aside.push(plain(&format!("Next: {}", printable(next))));
    }
    blocks.push(json!({ "type": "context", "elements": aside }));
    // What is shown where blocks are not; here alone markup is read.
    let escaped = message.title().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text(&json!({ "text": escaped, "blocks": blocks }))
}

fn plain(words: &str) -> Value {
    json!({ "type": "plain_text", "text": words, "emoji": false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::message::tests::hostile;

    #[test]
    fn every_text_is_plain_and_what_is_not_holds_our_own_words_alone() {
        let body: Value = serde_json::from_str(&blocks(&hostile())).unwrap();
        assert_eq!(body["text"], "! fleetsweep: stopped, somebody should look");
        let section = &body["blocks"][0]["text"];
        assert_eq!(section["type"], "plain_text");
        assert!(section["text"].as_str().unwrap().contains("<!channel>"), "{section}");
        for element in body["blocks"][1]["elements"].as_array().unwrap() {
            assert_eq!(
                (&element["type"], &element["emoji"]),
                (&json!("plain_text"), &json!(false))
            );
        }
    }
}
