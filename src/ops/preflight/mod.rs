//! What is known of the devices before the first order: by the list, by the tenant's inventory and
//! by earlier orders.

pub(crate) mod earlier;
pub mod judge;
mod machines;
mod names;
pub(crate) mod tenant;
