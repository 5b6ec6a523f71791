//! The contrasts of `style.css`, by the rule of WCAG 2.2 (1.4.3 and 1.4.11): no tool judges the
//! text in a picture. It holds tests alone.

use std::collections::BTreeMap;

use super::STYLE;

/// Texts and what they stand on.
const TEXTS: [(&str, &str); 14] = [
    ("ink", "bg"),
    ("ink", "panel"),
    ("mute", "bg"),
    ("mute", "panel"),
    ("link", "bg"),
    ("link", "panel"),
    ("limit", "bg"),
    ("okink", "okbg"),
    ("attink", "attbg"),
    ("stopink", "stopbg"),
    ("runink", "runbg"),
    ("ink", "okbg"),
    ("ink", "attbg"),
    ("ink", "runbg"),
];

/// Shapes that tell something, against the page. What waits is told by what is not there.
const SHAPES: [&str; 12] =
    ["ok", "cov", "busy", "rej", "nf", "unk", "can", "bar", "hour", "limit", "fore", "focus"];

/// The colours of a theme by their names.
fn theme(block: &str) -> BTreeMap<String, [f64; 3]> {
    let lines = block.lines().filter_map(|line| line.trim().strip_prefix("--"));
    let colours = lines.filter_map(|line| {
        let (name, colour) = line.trim_end_matches(';').split_once(": #")?;
        Some((name.to_owned(), rgb(colour)))
    });
    colours.collect()
}

fn rgb(hex: &str) -> [f64; 3] {
    let wide: String = match hex.len() {
        3 => hex.chars().flat_map(|digit| [digit, digit]).collect(),
        _ => hex.to_owned(),
    };
    [0, 2, 4].map(|at| f64::from(u8::from_str_radix(&wide[at..at + 2], 16).unwrap()) / 255.0)
}

fn luminance(colour: [f64; 3]) -> f64 {
    let linear = |part: f64| {
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    };
    let [red, green, blue] = colour.map(linear);
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// The pairs that are too close to each other.
fn too_close(style: &str) -> Vec<String> {
    let mut blocks = style.split(":root {").skip(1).map(|block| block.split('}').next().unwrap());
    let light = theme(blocks.next().unwrap());
    let mut dark = light.clone();
    dark.extend(theme(blocks.next().unwrap()));
    let mut found = Vec::new();
    for (name, theme) in [("light", light), ("dark", dark)] {
        let shapes = SHAPES.iter().map(|shape| (*shape, "bg", 3.0));
        let texts = TEXTS.iter().map(|(text, under)| (*text, *under, 4.5));
        for (over, under, least) in texts.chain(shapes) {
            let is = contrast(theme[over], theme[under]);
            if is < least {
                found.push(format!("{name}: {over} on {under} is {is:.2}, at least {least}"));
            }
        }
    }
    found
}

#[test]
fn texts_and_shapes_can_be_told_from_what_they_stand_on_in_both_themes() {
    assert_eq!(too_close(STYLE), Vec::<String>::new());
    let grey = STYLE.replacen("--mute: #545c66", "--mute: #999999", 1);
    assert_eq!(too_close(&grey).len(), 2, "{:?}", too_close(&grey));
    assert!((contrast(rgb("fff"), rgb("000000")) - 21.0).abs() < 0.001);
}
