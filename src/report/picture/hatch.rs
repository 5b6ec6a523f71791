//! Hatches as lines that are cut to their box: SVG's own patterns make a printed page forty times
//! as large.

use std::fmt::Write as _;

use super::short;

/// The box that is filled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Area {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// How a box is filled, so that nobody has to tell colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hatch {
    Plain,
    /// Lines that rise to the right.
    Rising,
    /// Lines that fall to the right.
    Falling,
    /// Lines up and down, and across.
    Grid,
    /// Lines across.
    Across,
    /// Points.
    Dots,
}

impl Hatch {
    /// The path of the lines, this far apart; empty for a plain box.
    pub(super) fn path(self, area: Area, apart: f64) -> String {
        let mut path = String::new();
        match self {
            Hatch::Plain => {}
            Hatch::Rising => slanted(&mut path, area, apart, true),
            Hatch::Falling => slanted(&mut path, area, apart, false),
            Hatch::Across => across(&mut path, area, apart),
            Hatch::Grid => {
                across(&mut path, area, apart);
                for x in steps(area.x, area.width, apart) {
                    line(&mut path, (x, area.y), (x, area.y + area.height));
                }
            }
            Hatch::Dots => {
                for x in steps(area.x, area.width, apart) {
                    for y in steps(area.y, area.height, apart) {
                        write!(path, "M{} {}h.01", short(x), short(y)).expect(STRING);
                    }
                }
            }
        }
        path
    }
}

const STRING: &str = "a String takes any text";

fn across(path: &mut String, area: Area, apart: f64) {
    for y in steps(area.y, area.height, apart) {
        line(path, (area.x, y), (area.x + area.width, y));
    }
}

/// The lines on which `x + y` or `x - y` is one number, cut to the box.
fn slanted(path: &mut String, area: Area, apart: f64, rising: bool) {
    let Area { x, y, width, height } = area;
    for along in steps(0.0, width + height, apart) {
        // From the bottom or the left side to the top or the right side.
        let (from, to) = ((along - height).max(0.0), along.min(width));
        let (low, high) = (along - from, along - to);
        if rising {
            line(path, (x + from, y + low), (x + to, y + high));
        } else {
            line(path, (x + from, y + height - low), (x + to, y + height - high));
        }
    }
}

/// Numbers this far apart within a length, the first half as far from its begin.
fn steps(begin: f64, length: f64, apart: f64) -> impl Iterator<Item = f64> {
    let many = (length / apart - 0.5).max(0.0).ceil() as u32;
    (0..many).map(move |number| begin + apart * (f64::from(number) + 0.5))
}

fn line(path: &mut String, from: (f64, f64), to: (f64, f64)) {
    let [from, to] = [from, to].map(|(x, y)| format!("{} {}", short(x), short(y)));
    write!(path, "M{from}L{to}").expect(STRING);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_leaves_its_box() {
        let area = Area { x: 10.0, y: 20.0, width: 31.0, height: 12.0 };
        for hatch in [Hatch::Rising, Hatch::Falling, Hatch::Grid, Hatch::Across, Hatch::Dots] {
            let path = hatch.path(area, 5.0);
            assert!(!path.is_empty(), "{hatch:?}");
            for point in path.split(['M', 'L']).filter(|point| !point.is_empty()) {
                let (x, y) = point.split_once(' ').unwrap();
                let [x, y] = [x, y.trim_end_matches("h.01")].map(|one| one.parse::<f64>().unwrap());
                assert!((10.0..=41.05).contains(&x) && (20.0..=32.05).contains(&y), "{path}");
            }
        }
        assert_eq!(Hatch::Plain.path(area, 5.0), "");
    }
}
