//! Who goes first, in which waves, and what stops it: from what was typed to the file, and from the
//! file to what nobody typed. How two of them differ is `domain::plan_file`'s.

use super::fill::duration;
use super::{Fresh, Held, list};
use crate::cli::args::{ScanArgs, Sizes, WaveArgs};
use crate::cli::failure::Failure;
use crate::domain::OrderBy;
use crate::domain::plan_file::{Canary, Course, First, Who, hash_in_order};

impl Fresh<'_> {
    /// The course as the plan's file says it; of a campaign that is open already as far as that
    /// fixed it.
    ///
    /// # Errors
    /// `Failure` if the path of a list is no text.
    pub(super) fn course(&self, args: &ScanArgs, held: Option<&Held>) -> Result<Course, Failure> {
        let Self { listing, speed, waves: (wish, dealt), .. } = self;
        let typed = wish.course(dealt);
        let named = held.map_or_else(|| listing.queue.named(), |held| held.first.clone());
        let lists: Result<Vec<String>, Failure> =
            args.order.first.iter().map(|path| list(path)).collect();
        let lists = lists?;
        let some = !lists.is_empty() || !named.is_empty();
        let first = some.then(|| First {
            lists,
            devices: named.len() as u64,
            ids_hash: hash_in_order(named),
        });
        // A tenant tells its devices in no order of their own, and another order goes by facts.
        let by_rows = args.order.by == OrderBy::List && !args.from_tenant;
        let by_rows = by_rows && typed.dealt.len() > usize::from(chosen(typed.canary.as_ref()));
        let priority = match held {
            Some(held) => speed.new_priority.unwrap_or(held.priority),
            None => speed.priority,
        };
        let canary = match typed.canary {
            Some(Canary { most, who: Who::Listed { file, ids_hash }, wait }) => {
                let file = list(file.as_ref())?;
                Some(Canary { most, who: Who::Listed { file, ids_hash }, wait })
            }
            canary => canary,
        };
        Ok(Course {
            first,
            order: args.order.by.name().to_owned(),
            priority: priority.name().to_owned(),
            expire_pending: speed.expire_pending,
            canary,
            rows_hash: by_rows.then(|| hash_in_order(listing.ids.iter().copied())),
            ..typed
        })
    }
}

/// Whether the rows' order has no say in who the canary is.
fn chosen(canary: Option<&Canary>) -> bool {
    canary
        .is_some_and(|Canary { most, who, .. }| most.is_none() || matches!(who, Who::Drawn { .. }))
}

/// Takes from the plan what was not typed.
///
/// # Errors
/// What of the plan this version does not understand.
pub(super) fn fill(args: &mut ScanArgs, plan: &Course) -> Result<(), String> {
    // Every field is named, so that none that is added can be forgotten here.
    let Course {
        first,
        order,
        priority,
        expire_pending,
        canary,
        waves,
        wave_wait,
        dealt: _,
        begins_with_canary: _,
        rows_hash: _,
        max_failures,
    } = plan;
    if let (true, Some(first)) = (args.order.first.is_empty(), first) {
        args.order.first = first.lists.iter().map(Into::into).collect();
    }
    if args.order.by == OrderBy::default() {
        let by = OrderBy::named(order);
        args.order.by = by.ok_or_else(|| format!("there is no order `{order}`"))?;
    }
    let typed = &mut args.run.speed.priority.priority;
    if typed.is_none() {
        let known = priority.parse().map_err(|()| format!("there is no priority `{priority}`"));
        *typed = Some(known?);
    }
    args.run.speed.hours.expire_pending |= expire_pending;
    if let Some(planned) = canary {
        self::canary(&mut args.waves, planned)?;
    }
    if args.waves.waves.is_none() && !waves.is_empty() {
        args.waves.waves = Some(Sizes(waves.clone()));
    }
    if let (None, true, Some(wait)) = (args.waves.wave_wait, args.waves.waves.is_some(), wave_wait)
    {
        args.waves.wave_wait = Some(duration(wait)?);
    }
    args.run.rules.max_failures = args.run.rules.max_failures.or(*max_failures);
    Ok(())
}

/// Who the canary is, if nobody typed it. What was typed without a seed is drawn with the plan's.
fn canary(args: &mut WaveArgs, planned: &Canary) -> Result<(), String> {
    let Canary { most, who, wait } = planned;
    if !args.has_canary() {
        args.canary = *most;
        match who {
            Who::First => {}
            Who::Drawn { seed } => args.canary_seed = Some(*seed),
            Who::Tagged { tag } => args.canary_tag = Some(tag.clone()),
            Who::Listed { file, .. } => args.canary_file = Some(file.into()),
        }
    } else if let (Who::Drawn { seed }, true, None) = (who, args.canary_random, args.canary_seed) {
        args.canary_seed = Some(*seed);
    }
    if args.canary_wait.is_none() {
        args.canary_wait = Some(duration(wait)?);
    }
    Ok(())
}
