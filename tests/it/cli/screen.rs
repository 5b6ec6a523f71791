//! What stands on a terminal, of several widths, coloured or not; and the README's picture of it.

use std::num::NonZero;
use std::process::{Command, Stdio};

use anstyle::RgbColor;
use anstyle_svg::{Palette, Term};
use vt100::Parser;

use super::{Place, flat, run};
use crate::kit::child::{around, line};

/// The screen after a command ran on a terminal with so many rows and columns.
fn screen_after(place: &Place, mut command: Command, rows: u16, columns: u16) -> Parser {
    command.env("TERM", "xterm-256color");
    let script = format!("stty rows {rows} cols {columns}\n{}\n", line(&command));
    std::fs::write(place.path("on-terminal.sh"), script).unwrap();
    let mut terminal = around("script", &command);
    terminal.args(["-q", "-e", "-c", "exec sh on-terminal.sh", "/dev/null"]);
    terminal.env("SHELL", "/bin/sh").stdin(Stdio::null());
    let shown = terminal.output().unwrap();
    let [rows, columns] = [rows, columns].map(|cells| NonZero::new(cells).unwrap());
    let mut screen = Parser::new(rows, columns, 1_000);
    screen.process(&shown.stdout);
    screen
}

/// The lines of a screen without what is empty at its end.
fn lines(screen: &Parser) -> Vec<String> {
    let text = screen.screen().contents();
    text.trim_end().lines().map(str::to_owned).collect()
}

/// A scan of the portal's export at the embedded emulator, as in the README but faster.
fn scan(place: &Place, more: &[&str]) -> Command {
    let export = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/portal-export-250.csv");
    std::fs::copy(export, place.path("export.csv")).unwrap();
    let scan = ["scan", "export.csv", "--type=quick", "--comment=INC 4711", "--emulator"];
    let fast = ["--limit=100/1s", "--limit=200/2s", "--approve-max=250"];
    place.fleetsweep(&[&scan[..], &fast[..], more].concat())
}

#[test]
fn a_narrow_terminal_gets_lines_that_fit_it_broken_between_words() {
    let place = Place::new();
    for columns in [40, 60, 80] {
        let report = format!("r{columns}.csv");
        let shown = screen_after(&place, scan(&place, &["--report", &report]), 60, columns);
        let lines = lines(&shown);
        let text = lines.join(" ");
        let words = flat(&text);
        assert!(lines.len() > 20 && words.contains("An order is not a scan yet"), "{lines:#?}");
        assert!(words.contains("OS Platform iOS isn't supported for this action"), "{lines:#?}");
        assert!((0..60).all(|row| !shown.screen().row_wrapped(row)), "{columns}: {lines:#?}");
    }
    let wrong = place.fleetsweep(&["scan", "gone.csv", "--type=quick", "--comment=x"]);
    let shown = screen_after(&place, wrong, 60, 40);
    assert!((0..60).all(|row| !shown.screen().row_wrapped(row)), "{:#?}", lines(&shown));
    assert!(lines(&shown)[0].starts_with("error: "), "{:#?}", lines(&shown));
}

#[test]
fn colour_is_for_terminals_alone_and_no_color_switches_it_off() {
    let place = Place::new();
    let is_coloured = |screen: &Parser| {
        let cells = (0..20).flat_map(|row| (0..80).map(move |column| (row, column)));
        cells
            .filter_map(|(row, column)| screen.screen().cell(row, column))
            .any(|cell| cell.bold() || cell.fgcolor() != vt100::Color::Default)
    };
    let dry = |place: &Place| scan(place, &["--dry-run"]);
    assert!(is_coloured(&screen_after(&place, dry(&place), 30, 80)));
    let mut plain = dry(&place);
    plain.env("NO_COLOR", "1");
    assert!(!is_coloured(&screen_after(&place, plain, 30, 80)));
    let piped = run(dry(&place));
    assert!(piped.out.contains("QUICK scan on 250 devices") && !piped.out.contains('\u{1b}'));
}

/// Where the README's picture is.
const PICTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/pictures/scan.svg");

/// What `scan` runs, as somebody types it.
const TYPED: &str = r#"$ fleetsweep scan export.csv --type quick --comment "INC 4711" --emulator \
    --limit 100/1s --limit 200/2s --approve-max 250 --report report.csv
"#;

/// Makes it again if this is set.
const MAKE: &str = "FLEETSWEEP_PICTURE";

#[test]
fn the_readmes_picture_shows_what_the_program_shows() {
    let place = Place::new();
    let shown = screen_after(&place, scan(&place, &["--report=report.csv"]), 40, 80);
    let rows = lines(&shown).len();
    let mut painted = TYPED.to_owned();
    for row in shown.screen().rows_formatted(0, 80).take(rows) {
        painted += &format!("{}\x1b[0m\n", row);
    }
    let picture = in_both_themes(&painted);
    if std::env::var_os(MAKE).is_some() {
        std::fs::write(PICTURE, &picture).unwrap();
    }
    let kept = std::fs::read_to_string(PICTURE).unwrap();
    let again = format!("{MAKE}=make cargo test --locked --test it the_readmes_picture");
    assert_eq!(shapes(&kept), shapes(&picture), "make it again: {again}");
}

/// One picture for light and for dark pages.
fn in_both_themes(painted: &str) -> String {
    let picture = |palette, front, back| {
        let term = Term::new().palette(palette).fg_color(front).bg_color(back);
        term.min_width_px(690).render_svg(painted)
    };
    let rgb = |red, green, blue| RgbColor(red, green, blue).into();
    let light = picture(LIGHT, rgb(31, 35, 40), rgb(246, 248, 250));
    let dark = picture(DARK, rgb(230, 237, 243), rgb(13, 17, 23));
    let fills = dark.lines().filter(|line| line.contains("{ fill: ")).collect::<Vec<_>>();
    let style = format!(
        "    @media (prefers-color-scheme: dark) {{\n{}\n    }}\n  </style>",
        fills.join("\n")
    );
    light.replacen("  </style>", &style, 1)
}

const fn palette(red: RgbColor, green: RgbColor, yellow: RgbColor, cyan: RgbColor) -> Palette {
    let mut colours = anstyle_svg::VGA.0;
    (colours[1], colours[2], colours[3], colours[6]) = (red, green, yellow, cyan);
    Palette(colours)
}

/// Each can be read on its background: at least 4.5 to 1.
const LIGHT: Palette = palette(
    RgbColor(207, 34, 46),
    RgbColor(17, 99, 41),
    RgbColor(125, 78, 0),
    RgbColor(3, 102, 114),
);
const DARK: Palette = palette(
    RgbColor(255, 123, 114),
    RgbColor(63, 185, 80),
    RgbColor(210, 153, 34),
    RgbColor(57, 197, 207),
);

/// The lines of a picture without what differs from run to run: numbers, names, dates.
fn shapes(picture: &str) -> Vec<String> {
    let text = picture.split_once("<text").unwrap().1;
    let mut shapes = Vec::new();
    for line in text.lines().filter(|line| line.contains("<tspan x=")) {
        let mut plain = String::new();
        for part in line.split('<') {
            plain += part.split_once('>').map_or("", |(_, text)| text);
        }
        let name = |word: &str| word.starts_with("quick-");
        let word = |word: &str| match word {
            word if name(word) => "NAME".to_owned(),
            word => word.replace(|c: char| c.is_ascii_digit(), "0"),
        };
        let shape = plain.split_whitespace().map(word).collect::<Vec<_>>().join(" ");
        let dated = ["takes", "250 calls", "Actions when"];
        match dated.iter().find(|begin| plain.trim_start().starts_with(*begin)) {
            Some(begin) => shapes.push((*begin).to_owned()),
            None => shapes.push(shape),
        }
    }
    shapes
}
