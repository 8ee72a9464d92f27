//! How a thread that keeps time goes to work and to rest.

use std::time::{Duration, Instant};

/// How often it looks while it is awake, and while somebody may be stuck.
pub(super) const SLOW: Duration = Duration::from_millis(100);
const FAST: Duration = Duration::from_millis(5);
/// How long nobody has needed it before it rests.
const CALM: Duration = Duration::from_secs(1);

/// How soon the next tick is wanted. The fastest that anybody wants is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pace {
    /// Not at all, until the vigil is armed again.
    Rest,
    /// Within 100 ms.
    Slow,
    /// Within 5 ms.
    Fast,
}

/// When to tick next, and when to rest.
#[derive(Default)]
pub(super) struct Rhythm {
    /// Since when nobody has wanted a tick.
    calm_since: Option<Instant>,
    /// Since when it has said that it rests, and has yet to see whether somebody armed it at the same moment.
    lying_since: Option<Instant>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Wait(Duration),
    /// The same, as somebody needs it who found it awake when it was about to rest.
    Rouse(Duration),
    /// Says that it rests, and looks once more after this time: who was told that it was awake has begun by then.
    LieDown(Duration),
    /// Without an end.
    Sleep,
}

impl Rhythm {
    pub(super) fn after(&mut self, pace: Pace, is_awake: bool, now: Instant) -> Next {
        if is_awake && self.lying_since.take().is_some() {
            self.calm_since = None;
        }
        let period = if pace == Pace::Fast { FAST } else { SLOW };
        if pace != Pace::Rest {
            *self = Self::default();
            return if is_awake { Next::Wait(period) } else { Next::Rouse(period) };
        }
        if is_awake {
            let calm_since = *self.calm_since.get_or_insert(now);
            if now.saturating_duration_since(calm_since) < CALM {
                return Next::Wait(period);
            }
            self.lying_since = Some(now);
            return Next::LieDown(period);
        }
        let looked_for = self.lying_since.map_or(period, |since| now.saturating_duration_since(since));
        if looked_for < period {
            return Next::Wait(period.saturating_sub(looked_for));
        }
        *self = Self::default();
        Next::Sleep
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(rhythm: &mut Rhythm, pace: Pace, is_awake: bool, start: Instant, millis: u64) -> Next {
        rhythm.after(pace, is_awake, start + Duration::from_millis(millis))
    }

    #[test]
    fn it_rests_when_nobody_has_needed_it_for_a_while() {
        let (start, mut rhythm) = (Instant::now(), Rhythm::default());
        let mut next = |pace, is_awake, millis| after(&mut rhythm, pace, is_awake, start, millis);
        assert_eq!(next(Pace::Rest, true, 0), Next::Wait(SLOW));
        assert_eq!(next(Pace::Fast, true, 900), Next::Wait(FAST));
        assert_eq!(next(Pace::Slow, true, 905), Next::Wait(SLOW));
        assert_eq!(next(Pace::Rest, true, 1_000), Next::Wait(SLOW));
        assert_eq!(next(Pace::Rest, true, 1_999), Next::Wait(SLOW));
        assert_eq!(next(Pace::Rest, true, 2_000), Next::LieDown(SLOW));
        assert_eq!(next(Pace::Rest, false, 2_040), Next::Wait(Duration::from_millis(60)), "woken too soon");
        assert_eq!(next(Pace::Rest, false, 2_100), Next::Sleep);
        assert_eq!(next(Pace::Rest, false, 9_000), Next::Sleep, "woken for nothing");
        assert_eq!(next(Pace::Rest, true, 9_100), Next::Wait(SLOW));
        assert_eq!(next(Pace::Rest, true, 10_000), Next::Wait(SLOW), "the calm is counted anew");
    }

    #[test]
    fn who_comes_when_it_lies_down_is_not_forgotten() {
        for (is_awake, expected) in [(true, Next::Wait(FAST)), (false, Next::Rouse(FAST))] {
            let (start, mut rhythm) = (Instant::now(), Rhythm::default());
            let mut next = |pace, is_awake, millis| after(&mut rhythm, pace, is_awake, start, millis);
            next(Pace::Rest, true, 0);
            assert_eq!(next(Pace::Rest, true, 1_000), Next::LieDown(SLOW));
            assert_eq!(next(Pace::Fast, is_awake, 1_100), expected);
            assert_eq!(next(Pace::Rest, true, 1_105), Next::Wait(SLOW), "the calm is counted anew");
        }
        let (start, mut rhythm) = (Instant::now(), Rhythm::default());
        let mut next = |pace, is_awake, millis| after(&mut rhythm, pace, is_awake, start, millis);
        next(Pace::Rest, true, 0);
        assert_eq!(next(Pace::Rest, true, 1_000), Next::LieDown(SLOW));
        assert_eq!(next(Pace::Rest, true, 1_050), Next::Wait(SLOW), "armed for what has ended again");
        assert_eq!(next(Pace::Rest, true, 2_000), Next::Wait(SLOW));
    }
}
