//! Telling a slow sender from one that stalls.

use std::time::Duration;

use tokio::time::Instant;

/// One window after the other, in each of which enough must come.
pub(crate) struct Pace {
    window: Duration,
    /// End of this window.
    pub deadline: Instant,
    /// What has come in it.
    pub bytes: u64,
}

impl Pace {
    pub fn new(window: Duration) -> Pace {
        Pace { window, deadline: Instant::now() + window, bytes: 0 }
    }

    /// At the end of a window: begins the next one, unless less than one byte a second came.
    pub fn next_window(&mut self) -> bool {
        if self.bytes == 0 || (self.bytes as f64) < self.window.as_secs_f64() {
            return false;
        }
        *self = Pace::new(self.window);
        true
    }
}
