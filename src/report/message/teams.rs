//! A message as a workflow of Microsoft Teams takes it: an Adaptive Card in `attachments`, without
//! which the workflow fails after it has answered 202 ("Adaptive Cards" and "Create incoming
//! webhooks with Workflows" pages). What comes from elsewhere stands in text runs, in which nothing
//! is markup.

use serde_json::{Value, json};

use super::{Message, text};
use crate::domain::text::printable;

/// The body of the request.
pub fn card(message: &Message) -> String {
    let colour = if message.attention { "Attention" } else { "Default" };
    let mut body = vec![
        json!({
            "type": "TextBlock", "text": message.title(), "weight": "Bolder", "size": "Medium",
            "wrap": true, "style": "heading", "color": colour,
        }),
        plain(&message.sentence()),
        plain(&message.whose()),
    ];
    if let Some(next) = &message.next {
        body.push(plain(&format!("Next: {}", printable(next))));
    }
    text(&json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "msteams": { "width": "Full" },
                "fallbackText": message.title(),
                "body": body,
            },
        }],
    }))
}

/// Text in which nothing is markup, unlike that of a `TextBlock`.
fn plain(words: &str) -> Value {
    json!({ "type": "RichTextBlock", "inlines": [{ "type": "TextRun", "text": words }] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::message::tests::hostile;

    #[test]
    fn only_our_own_words_stand_where_markup_is_read() {
        let card: Value = serde_json::from_str(&card(&hostile())).unwrap();
        let body = card["attachments"][0]["content"]["body"].as_array().unwrap().clone();
        assert_eq!(body[0]["text"], "! fleetsweep: stopped, somebody should look");
        for block in &body[1..] {
            assert_eq!(block["type"], "RichTextBlock", "{block}");
        }
        let sentence = body[1]["inlines"][0]["text"].as_str().unwrap();
        assert!(sentence.contains("[here](https://evil.example)"), "{sentence}");
    }
}
