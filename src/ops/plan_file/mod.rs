//! `--plan-out`, `--plan` and `--approve-plan`: a plan is written to a file, people approve the
//! file by its digest, and later exactly that is run. What would be ordered is computed afresh
//! then, from the list and the tenant as always; whatever differs is refused before the first
//! order.

pub mod fresh;
pub mod made;
mod write;
