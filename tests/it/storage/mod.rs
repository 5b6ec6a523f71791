//! What may happen to a store and to the processes on it: many runners that are killed and stopped,
//! a disk that is full or may not be written, files that are damaged, clocks that are set. One file
//! a subject. Faults of single system calls are not played here.

mod clocks;
mod damage;
pub(crate) mod faults;
mod many_tenants;
mod places;
mod runners;
mod walls;
mod workers;
