//! Seeded chance. Every draw comes from the seed and from what is asked about, never from the order
//! in which calls happen to arrive, so that a seed gives the same answers under any concurrency.

/// A hash of the seed and some words, well mixed (FNV-1a, then the splitmix64 finaliser).
pub(super) fn hash(seed: u64, words: &[&str]) -> u64 {
    let mut state = 0xcbf2_9ce4_8422_2325_u64 ^ mix(seed);
    for word in words {
        for byte in word.bytes().chain([0xff]) {
            state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    mix(state)
}

/// The splitmix64 finaliser: neighbouring numbers become unrelated ones.
pub(super) fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number in `0.0..1.0` from a hash.
pub(super) fn unit(hash: u64) -> f64 {
    // 53 bits are what an f64 holds exactly.
    (hash >> 11) as f64 / (1_u64 << 53) as f64
}

/// What a draw in `0.0..1.0` falls on, of things with their shares; `None` if on what is left of 1.
pub(super) fn pick<T, const N: usize>(draw: f64, from: [(f64, T); N]) -> Option<T> {
    let mut rest = draw;
    for (share, what) in from {
        if rest < share {
            return Some(what);
        }
        rest -= share;
    }
    None
}

/// A GUID, as text, from a hash.
pub(super) fn guid(hash: u64) -> String {
    let (a, b) = (mix(hash), mix(hash ^ 0xa5a5_a5a5_a5a5_a5a5));
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0xfff,
        0x8000 | ((b >> 48) & 0x3fff),
        b & 0xffff_ffff_ffff
    )
}

/// The id of the `index`-th machine of the emulated fleet: 40 hexadecimal characters.
pub(super) fn machine_id(seed: u64, index: u64) -> String {
    let first = mix(seed ^ mix(index));
    let (second, third) = (mix(first), mix(first ^ index ^ 0x5bd1));
    format!("{first:016x}{second:016x}{:08x}", third >> 32)
}

/// Draws in sequence for one call.
pub(super) struct Dice(fastrand::Rng);

impl Dice {
    /// The dice for this hash.
    pub(super) fn new(hash: u64) -> Dice {
        Dice(fastrand::Rng::with_seed(hash))
    }

    /// A number in `0.0..1.0`.
    pub(super) fn unit(&mut self) -> f64 {
        self.0.f64()
    }

    /// True in that share of the draws.
    pub(super) fn happens(&mut self, share: f64) -> bool {
        self.0.f64() < share
    }

    /// A number between the two, evenly.
    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low).max(0.0) * self.0.f64()
    }

    /// A draw of the normal distribution (Box and Muller).
    pub(super) fn normal(&mut self) -> f64 {
        let (a, b) = (1.0 - self.0.f64(), self.0.f64());
        (-2.0 * a.ln()).sqrt() * (std::f64::consts::TAU * b).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_give_the_same_number_and_their_borders_count() {
        assert_eq!(hash(7, &["scan", "a"]), hash(7, &["scan", "a"]));
        assert_ne!(hash(7, &["scan", "a"]), hash(8, &["scan", "a"]));
        assert_ne!(hash(7, &["ab", "c"]), hash(7, &["a", "bc"]));
    }

    #[test]
    fn units_are_spread_evenly() {
        let low = (0..10_000).filter(|i: &u64| unit(hash(1, &[&i.to_string()])) < 0.1).count();
        assert!((850..1150).contains(&low), "{low} of 10,000 below a tenth");
    }

    #[test]
    fn guids_and_machine_ids_have_their_form() {
        assert_eq!(guid(3).len(), 36);
        assert_eq!(guid(3).split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert_eq!(machine_id(1, 2).len(), 40);
        assert!(machine_id(1, 2).bytes().all(|b| b.is_ascii_hexdigit()));
    }
}
