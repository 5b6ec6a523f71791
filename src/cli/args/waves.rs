//! What the user typed about waves: a canary, who it is, and further waves. Nothing is checked here
//! beyond its form.

use std::path::PathBuf;

use super::typed::typed;

use crate::domain::request::Wait;
use crate::ops::failure::Failure;

/// Waves that a campaign can have.
const MOST: usize = 100;

typed! {
    /// A canary and waves.
    WaveArgs => WaveRequest {
        /// Order N devices first, the others if those did well
        ///
        /// See --canary-wait and --max-failures. They are the first N in the order of the list,
        /// unless one of the next options says otherwise
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
        canary: Option<u64>,

        /// The canary is devices with this tag, by the tenant's inventory or the list's own column;
        /// at most --canary N of them
        #[arg(long, value_name = "TAG", conflicts_with_all = ["canary_file", "canary_random"])]
        canary_tag: Option<String>,

        /// The canary is the devices of this list of ids, all of which must be among those that are
        /// scanned; at most --canary N of them
        #[arg(long, value_name = "FILE", conflicts_with = "canary_random")]
        canary_file: Option<PathBuf>,

        /// Draw the canary at random; the plan tells the seed
        #[arg(long)]
        canary_random: bool,

        /// Draw the canary with this seed: the same one draws the same devices from the same list
        #[arg(long, value_name = "N",
            conflicts_with_all = ["canary_tag", "canary_file"])]
        canary_seed: Option<u64>,

        /// How long to wait after the canary's last outcome, before its scans are looked at and it
        /// is judged; with 0s its answers alone are judged [default: 30m]
        #[arg(long, value_name = "TIME")]
        canary_wait: Option<Wait>,

        /// Order in waves of these sizes, such as 10,100,rest: each begins once the one before has
        /// passed
        #[arg(long, value_name = "SIZES", value_parser = sizes)]
        waves: Option<Sizes> => sizes_of,

        /// How long to wait after each wave [default: 0s]
        #[arg(long, value_name = "TIME")]
        wave_wait: Option<Wait>,
    }
}

/// Sizes of waves; what remains is one more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sizes(pub Vec<u64>);

fn sizes_of(typed: Option<Sizes>) -> Result<Vec<u64>, Failure> {
    Ok(typed.unwrap_or_default().0)
}

fn sizes(text: &str) -> Result<Sizes, String> {
    let wrong = || "write sizes such as 10,100,rest; the last one may be rest".to_owned();
    let mut words: Vec<&str> = text.split(',').map(str::trim).collect();
    if words.last().is_some_and(|last| last.eq_ignore_ascii_case("rest")) {
        words.pop();
    }
    let sizes = words.iter().map(|word| word.parse().ok().filter(|size| *size > 0));
    let sizes: Option<Vec<u64>> = sizes.collect();
    match sizes {
        Some(sizes) if sizes.len() > MOST => Err(format!("use at most {MOST} waves")),
        Some(sizes) if !sizes.is_empty() => Ok(Sizes(sizes)),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_waves_are_numbers_and_the_rest_comes_last() {
        assert_eq!(sizes("10,100,rest"), Ok(Sizes(vec![10, 100])));
        assert_eq!(sizes("10, 100"), Ok(Sizes(vec![10, 100])));
        for wrong in ["", "rest", "10,rest,100", "0,rest", "ten", "10,,rest", "-1", "10%"] {
            assert!(sizes(wrong).is_err(), "{wrong}");
        }
        assert!(sizes(&"1,".repeat(101)).is_err());
    }
}
