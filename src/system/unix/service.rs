//! The service manager that started this program, if one did: systemd.

use sd_notify::NotifyState;

pub use crate::system::values::State;

/// Tells it. Without a service manager nothing is sent; one that is gone misses it.
pub fn tell(state: State<'_>) {
    let state = match state {
        State::Ready => NotifyState::Ready,
        State::Doing(text) => NotifyState::Status(text),
        State::Stopping => NotifyState::Stopping,
    };
    sd_notify::notify(&[state]).ok();
}
