//! Pictures of a campaign as SVG text, for pages and reports: calls against both limits, devices
//! left, what became of them. They are made of values alone, and their classes get their colours
//! from `style.css`; each has words beside it that say the same.

mod axis;
pub mod bands;
pub mod bar;
pub mod burn;
pub mod calls;
#[cfg(test)]
mod contrast;
mod hatch;
pub mod minutes;

pub use bands::{Band, BandKind, bands};
pub use bar::{bar, key};
pub use burn::BurnDown;
pub use calls::CallsPicture;

/// The colours, the shapes and the print rules of pages and reports.
pub const STYLE: &str = include_str!("style.css");

/// A number in a path, with one digit behind its point at most.
fn short(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}
