//! Known mistakes of a program, which a watched store makes. They test nothing by themselves.

/// Known mistakes of a program, which tests play to show that their checks find them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mistake {
    #[default]
    None,
    /// A campaign is called finished while rows are open.
    FinishesEarly,
    /// The claims of dead runners stay claimed.
    ForgetsClaims,
    /// A call without an answer is taken for one that never left.
    SilenceIsNeverLeft,
    /// Doubtful devices are asked again, whatever the list says.
    NeverLooks,
    /// What a look or an answer told of the server's time is gone with the run.
    ForgetsContact,
    /// Whatever action a success tells is called ours.
    AnyActionIsOurs,
    /// A device that nothing can be known of is called accepted.
    UnknownIsAccepted,
    /// Devices of all waves are claimed at once.
    ClaimsBeyondTheWave,
    /// A wave is opened without being judged.
    OpensWithoutJudging,
}
