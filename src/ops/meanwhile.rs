//! Telling what is waited for while it lasts: a screen on which nothing happens looks like a
//! program that hangs.

use std::future::Future;

use super::ui::Ui;
use crate::domain::Timing;

/// Waits for something, and says what it is once that has lasted a while; then at ever longer
/// distances, so that a log does not fill.
pub(super) async fn meanwhile<T>(
    ui: &dyn Ui,
    timing: &Timing,
    words: impl Fn() -> String,
    what: impl Future<Output = T>,
) -> T {
    let mut what = std::pin::pin!(what);
    let mut wait = timing.told_after;
    loop {
        tokio::select! {
            biased;
            done = &mut what => return done,
            () = tokio::time::sleep(wait) => {
                ui.say(&words());
                wait *= 2;
            }
        }
    }
}
