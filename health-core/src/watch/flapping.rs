//! A check that flips too often to be worth a line each time.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// More flips than this within the window are flapping.
const TOLERATED: usize = 6;
const WINDOW: Duration = Duration::from_secs(10 * 60);
/// Between two lines about a check that goes on flapping.
const PAUSE: Duration = Duration::from_secs(5 * 60);

/// The flips of one check. Time is handed in.
#[derive(Debug, Default)]
pub(super) struct Flapping {
    /// The newest flips, one more than are tolerated at most.
    flips: VecDeque<Instant>,
    episode: Option<Episode>,
}

#[derive(Debug)]
struct Episode {
    /// Flips since it began to flap, those that made it flapping included.
    flips: u64,
    next_line: Instant,
}

/// What is to be said about a flip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Saying {
    /// A line of its own.
    TheFlip,
    /// That it is flapping.
    Flapping,
    Nothing,
}

/// What is to be said about a check that was flapping, now that time has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    StillFlapping,
    Calm,
}

impl Flapping {
    /// The check has flipped.
    pub(super) fn flips(&mut self, now: Instant) -> Saying {
        if self.flips.len() > TOLERATED {
            self.flips.pop_front();
        }
        self.flips.push_back(now);
        let is_calm = self.is_calm(now);
        match &mut self.episode {
            Some(episode) => {
                episode.flips += 1;
                Saying::Nothing
            }
            None if is_calm => Saying::TheFlip,
            None => {
                self.episode = Some(Episode { flips: self.flips.len() as u64, next_line: now + PAUSE });
                Saying::Flapping
            }
        }
    }

    /// How many flips this episode has had so far.
    pub(super) fn count(&self) -> u64 {
        self.episode.as_ref().map_or(0, |episode| episode.flips)
    }

    /// What has become due by `now`, at most one thing. Whether it is calm is asked once in a pause: a check that
    /// flips just as often as is tolerated would otherwise be calm, and flap again, with every flip.
    pub(super) fn due(&mut self, now: Instant) -> Option<Due> {
        let is_calm = self.is_calm(now);
        let episode = self.episode.as_mut().filter(|episode| episode.next_line <= now)?;
        if is_calm {
            self.episode = None;
            return Some(Due::Calm);
        }
        episode.next_line = next(episode.next_line, PAUSE, now);
        Some(Due::StillFlapping)
    }

    /// When to look again.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.episode.as_ref().map(|episode| episode.next_line)
    }

    /// Whether there are no more flips within the window than are tolerated.
    fn is_calm(&self, now: Instant) -> bool {
        let is_full = self.flips.len() > TOLERATED;
        self.flips.front().filter(|_| is_full).is_none_or(|oldest| *oldest + WINDOW <= now)
    }
}

/// The time after `due`, on the same beat. Whoever was paused for an hour does not say everything it has not said.
pub(super) fn next(due: Instant, pause: Duration, now: Instant) -> Instant {
    let next = due + pause;
    if next > now { next } else { now + pause }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(60 * minutes)
    }

    #[test]
    fn the_seventh_flip_in_ten_minutes_is_flapping_and_the_eleventh_minute_forgets() {
        let start = Instant::now();
        let mut check = Flapping::default();
        for minute in 0..6 {
            assert_eq!(check.flips(start + minutes(minute)), Saying::TheFlip);
        }
        // The first one is ten minutes ago.
        assert_eq!(check.flips(start + minutes(10)), Saying::TheFlip);
        assert_eq!(check.flips(start + minutes(10)), Saying::Flapping);
        assert_eq!(check.count(), 7);
    }

    #[test]
    fn it_is_said_once_then_every_five_minutes_then_that_it_is_calm() {
        let start = Instant::now();
        let mut check = Flapping::default();
        let mut said = Vec::new();
        for second in 0..3600 {
            let now = start + Duration::from_secs(second);
            said.extend(check.due(now).map(|due| (second, format!("{due:?}"))));
            // Half an hour of a flip every ten seconds.
            if second < 1800 && second % 10 == 0 {
                let saying = check.flips(now);
                said.extend((saying != Saying::Nothing).then(|| (second, format!("{saying:?}"))));
            }
        }
        let said: Vec<_> = said.iter().map(|(second, what)| (*second, &**what)).collect();
        let (single, rest) = said.split_at(6);
        assert_eq!(single, [0, 10, 20, 30, 40, 50].map(|second| (second, "TheFlip")));
        let still = |second| (second, "StillFlapping");
        // The seventh from the end, at 1730 s, leaves the window at 2330 s; the next line is due at 2460 s.
        let expected =
            [(60, "Flapping"), still(360), still(660), still(960), still(1260), still(1560), still(1860)];
        assert_eq!(rest.split_last(), Some((&(2460, "Calm"), &[&expected[..], &[still(2160)]].concat()[..])));
    }

    #[test]
    fn after_a_long_pause_it_says_one_line_not_all_that_were_missed() {
        let start = Instant::now();
        let mut check = Flapping::default();
        assert_eq!((0..7).map(|_| check.flips(start)).last(), Some(Saying::Flapping));
        assert_eq!(check.due(start + minutes(5)), Some(Due::StillFlapping));
        assert_eq!(check.due(start + minutes(60)), Some(Due::Calm));
        assert_eq!(check.due(start + minutes(60)), None);
        assert_eq!(next(start, minutes(5), start + minutes(60)), start + minutes(65));
    }

    proptest! {
        /// Against a model that remembers every flip.
        #[test]
        fn no_flip_is_silent_unless_it_flaps_and_every_episode_ends(
            steps in prop::collection::vec((0_u64..400, any::<bool>()), 1..200),
        ) {
            let mut now = Instant::now();
            let mut check = Flapping::default();
            let mut all: Vec<Instant> = Vec::new();
            let (mut since_line, mut withheld, mut is_flapping) = (now, 0, false);
            for (seconds, flips) in steps {
                // Whoever looks does so when it is due.
                let until = now + Duration::from_secs(seconds);
                while let Some(due) = check.next_due().filter(|due| *due <= until) {
                    now = now.max(due);
                    let recent = all.iter().filter(|flip| now < **flip + WINDOW).count();
                    match check.due(now) {
                        Some(Due::Calm) => {
                            prop_assert!(is_flapping && recent <= TOLERATED);
                            prop_assert_eq!(now - since_line, PAUSE);
                            is_flapping = false;
                        }
                        Some(Due::StillFlapping) => {
                            prop_assert!(is_flapping && recent > TOLERATED);
                            prop_assert_eq!(now - since_line, PAUSE);
                            since_line = now;
                        }
                        None => prop_assert!(false, "nothing was due when it said so"),
                    }
                    if is_flapping {
                        prop_assert_eq!(check.next_due(), Some(now + PAUSE));
                    }
                }
                now = until;
                if flips {
                    all.push(now);
                    let recent = all.iter().filter(|flip| now < **flip + WINDOW).count();
                    let saying = check.flips(now);
                    prop_assert_eq!(saying == Saying::Flapping, !is_flapping && recent > TOLERATED);
                    prop_assert_eq!(saying == Saying::TheFlip, !is_flapping && recent <= TOLERATED);
                    if saying == Saying::Flapping {
                        (is_flapping, since_line, withheld) = (true, now, recent as u64 - 1);
                    }
                    if is_flapping {
                        withheld += 1;
                        prop_assert_eq!(check.count(), withheld);
                    }
                }
                prop_assert_eq!(check.next_due().is_some(), is_flapping);
                prop_assert_eq!(check.due(now), None);
                prop_assert!(check.flips.len() <= TOLERATED + 1);
            }
            if is_flapping {
                prop_assert_eq!(check.due(now + WINDOW), Some(Due::Calm));
                prop_assert_eq!(check.next_due(), None);
            }
        }
    }
}
