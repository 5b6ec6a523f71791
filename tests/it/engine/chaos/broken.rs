//! Negative controls: each known mistake of a program makes the same judge report the invariant
//! that it breaks. And what happens beyond the assumptions, which is told and not forbidden.

use fleetsweep::store::memory::Stamping;

use super::*;
use crate::kit::mistake::Mistake;

/// Seeds within which a mistake must be found.
const SEEDS: u64 = 60;

/// The judge reports this invariant for one of the first seeds.
fn caught(invariant: &str, name: &str, plan: Plan) {
    let found = (0..SEEDS).find_map(|seed| {
        let mut found = in_virtual_time(storm(seed, plan)).found.into_iter();
        Some((seed, found.find(|violation| violation.invariant == invariant)?))
    });
    let Some((seed, violation)) = found else {
        panic!("{name} was not caught in {SEEDS} seeds");
    };
    println!("{name}: seed {seed} breaks {violation}");
}

fn mistake(mistake: Mistake) -> Plan {
    Plan { mistake, ..Plan::default() }
}

#[test]
fn a_campaign_that_finishes_early_and_a_claim_that_is_forgotten_are_lost_rows() {
    caught("I1", "finished while rows are open", mistake(Mistake::FinishesEarly));
    caught("I1", "claims of dead runners are forgotten", mistake(Mistake::ForgetsClaims));
}

#[test]
fn an_order_that_is_repeated_without_a_look_is_a_second_order() {
    caught("I2", "no answer is taken for never left", mistake(Mistake::SilenceIsNeverLeft));
    caught("I2", "asked again whatever the list says", mistake(Mistake::NeverLooks));
}

#[test]
fn a_limiter_that_stamps_wrongly_is_over_the_limit() {
    let stamping = |stamping| Plan { stamping, ..Plan::default() };
    caught("I3", "stamped at the claim", stamping(Stamping::AtClaim));
    caught("I3", "never stamped", stamping(Stamping::Never));
}

#[test]
fn an_older_action_and_an_unknown_one_that_are_called_ours_are_misreported() {
    caught("I5", "any action is called ours", mistake(Mistake::AnyActionIsOurs));
    caught("I5", "what is unknown is called accepted", mistake(Mistake::UnknownIsAccepted));
}

/// Beyond the assumption of I2 a device can be ordered twice, and nothing else breaks.
#[test]
fn a_list_that_lags_beyond_the_looks_can_double_an_order_and_breaks_nothing_else() {
    let plan = Plan { beyond: true, ..Plan::default() };
    let seeds = number("FLEETSWEEP_SEEDS").unwrap_or(2 * SEEDS);
    let found: Vec<_> =
        (0..seeds).map(|seed| (seed, in_virtual_time(storm(seed, plan)).found)).collect();
    let broken = |invariant| {
        let with = |(_, all): &&(u64, Vec<Violation>)| {
            all.iter().any(|violation| violation.invariant == invariant)
        };
        found.iter().filter(with).count()
    };
    let lags = weather::LAG_MAX.as_secs();
    println!(
        "{seeds} seeds with lags of {lags} to {} s: {} with a second order, {} that deny one",
        lags * 6,
        broken("I2"),
        broken("I5"),
    );
    for invariant in ["I1", "I3", "I6"] {
        assert_eq!(broken(invariant), 0, "{invariant}: {found:?}");
    }
}
