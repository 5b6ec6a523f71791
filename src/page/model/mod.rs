//! What pages show, as values: read from the store once for each request, computed by pure
//! functions. How it looks is `view`'s.

pub(super) mod campaign;
pub(super) mod campaigns;
pub(super) mod coverage;
pub(super) mod devices;
mod foresight;
pub(super) mod limits;
pub(super) mod nights;
pub(super) mod tenants;
