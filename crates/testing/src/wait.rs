//! Waits for what others do.

use std::thread;
use std::time::{Duration, Instant};

/// The longest pause between two looks.
const PAUSE_MAX: Duration = Duration::from_millis(250);

/// Waits until `holds` is true, which is asked again after growing pauses.
///
/// # Panics
/// When it is still false after `limit`. `what` says what was waited for.
#[track_caller]
pub fn wait_until(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) {
    wait_until_ok(
        what,
        limit,
        || if holds() { Ok(()) } else { Err("it is still false".to_owned()) },
    );
}

/// As [`wait_until`], where `check` returns why it does not hold yet.
///
/// # Panics
/// When it is still an error after `limit`, with the last one.
#[track_caller]
pub fn wait_until_ok(what: &str, limit: Duration, mut check: impl FnMut() -> Result<(), String>) {
    let (start, mut pause) = (Instant::now(), Duration::from_millis(1));
    while let Err(why) = check() {
        assert!(start.elapsed() < limit, "{what}: {why}");
        thread::sleep(pause);
        pause = PAUSE_MAX.min(pause * 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_asks_until_it_holds() {
        let mut asked = 0;
        wait_until("the third time", Duration::from_secs(60), || {
            asked += 1;
            asked == 3
        });
        assert_eq!(asked, 3);
    }

    #[test]
    #[should_panic(expected = "the moon: it is far")]
    fn after_the_limit_it_panics_with_the_last_reason() {
        wait_until_ok("the moon", Duration::ZERO, || Err("it is far".to_owned()));
    }
}
