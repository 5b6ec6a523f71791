//! How far a user wants a run to stop. Signals set it; what it does is the loop's.

/// How far the user wants to stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum StopLevel {
    /// Go on.
    #[default]
    Run,
    /// Begin no more calls, and let those in flight finish.
    Soft,
    /// Leave at once.
    Now,
}
