//! Whether the process was paused, told from the beats of a thread that only keeps time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A beat that comes later than this was held up by more than a busy machine: the process was stopped, its virtual
/// machine frozen, or its share of the processor used up.
pub(super) const LATE: Duration = Duration::from_millis(500);

/// The beats, in one word, so that who reads it sees a pause either not at all or with the beat that ended it.
pub(super) struct Pulse {
    /// What beats are counted from.
    base: Instant,
    word: AtomicU64,
}

/// How many pauses there had been at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(u64);

const AWAKE: u64 = 1 << 63;
/// Milliseconds for 34 years below it, pauses above.
const ONE_PAUSE: u64 = 1 << 40;
/// Counted in the bits that are left, and then from zero again.
const PAUSES: u64 = AWAKE / ONE_PAUSE;

#[derive(Clone, Copy)]
struct Word {
    is_awake: bool,
    pauses: u64,
    /// The last beat, in milliseconds since the base.
    beat: u64,
}

impl Word {
    fn unpack(word: u64) -> Self {
        Self { is_awake: word & AWAKE != 0, pauses: (word & !AWAKE) / ONE_PAUSE, beat: word % ONE_PAUSE }
    }

    fn pack(self) -> u64 {
        let awake = if self.is_awake { AWAKE } else { 0 };
        awake | (self.pauses * ONE_PAUSE) | self.beat
    }

    /// Late, when nobody beats; a clock read before the last beat is not.
    fn is_late(self, now: u64) -> bool {
        self.is_awake && u128::from(now.saturating_sub(self.beat)) > LATE.as_millis()
    }

    /// The pause ends here, for whoever looks later.
    fn after_pause(self, now: u64) -> Self {
        Self { pauses: (self.pauses + 1) % PAUSES, beat: now, ..self }
    }
}

impl Pulse {
    /// At rest.
    pub(super) fn new(base: Instant) -> Self {
        Self { base, word: AtomicU64::new(0) }
    }

    fn millis(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.base).as_millis()).unwrap_or(u64::MAX) % ONE_PAUSE
    }

    /// Changes the word unless there is nothing to change, and returns the one that holds now.
    fn update(&self, change: impl Fn(Word) -> Option<Word>) -> Word {
        let changed = |word| change(Word::unpack(word)).map(Word::pack);
        match self.word.fetch_update(Ordering::AcqRel, Ordering::Acquire, changed) {
            Ok(before) => change(Word::unpack(before)).unwrap_or(Word::unpack(before)),
            Err(same) => Word::unpack(same),
        }
    }

    /// Whether beats are expected.
    pub(super) fn is_awake(&self) -> bool {
        Word::unpack(self.word.load(Ordering::Acquire)).is_awake
    }

    /// From now on beats are expected; true for the one caller who ended the rest. The time at rest is no pause.
    pub(super) fn rouse(&self, now: Instant) -> bool {
        let beat = self.millis(now);
        let roused = |word| {
            (!Word::unpack(word).is_awake).then(|| Word { is_awake: true, beat, ..Word::unpack(word) }.pack())
        };
        self.word.fetch_update(Ordering::AcqRel, Ordering::Acquire, roused).is_ok()
    }

    /// No beat is expected until somebody rouses it.
    pub(super) fn rest(&self, now: Instant) {
        let millis = self.millis(now);
        self.update(|word| {
            let word = if word.is_late(millis) { word.after_pause(millis) } else { word };
            Some(Word { is_awake: false, ..word })
        });
    }

    /// Somebody who keeps time has come by.
    pub(super) fn beat(&self, now: Instant) -> Stamp {
        let millis = self.millis(now);
        let beaten = self.update(|word| {
            if word.is_late(millis) {
                return Some(word.after_pause(millis));
            }
            Some(Word { beat: word.beat.max(millis), ..word })
        });
        Stamp(beaten.pauses)
    }

    /// What [`was_paused_since`](Self::was_paused_since) compares with. After a pause the first to look ends it, so
    /// that what begins before the next beat is not taken for part of it.
    pub(super) fn stamp(&self, now: Instant) -> Stamp {
        let millis = self.millis(now);
        Stamp(self.update(|word| word.is_late(millis).then(|| word.after_pause(millis))).pauses)
    }

    pub(super) fn was_paused_since(&self, stamp: Stamp, now: Instant) -> bool {
        self.stamp(now) != stamp
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pulse and a clock that moves when it is told to.
    struct Bench {
        pulse: Pulse,
        now: Instant,
    }

    impl Bench {
        fn awake() -> Self {
            let now = Instant::now();
            let bench = Self { pulse: Pulse::new(now), now };
            assert!(bench.pulse.rouse(now));
            bench
        }

        fn pass(&mut self, millis: u64) -> &Self {
            self.now += Duration::from_millis(millis);
            self
        }

        /// Time in which the thread beats as it should.
        fn keep_time(&mut self, beats: u32) {
            for _ in 0..beats {
                self.pass(100);
                self.beat();
            }
        }

        fn beat(&self) -> Stamp {
            self.pulse.beat(self.now)
        }

        fn stamp(&self) -> Stamp {
            self.pulse.stamp(self.now)
        }

        fn was_paused_since(&self, stamp: Stamp) -> bool {
            self.pulse.was_paused_since(stamp, self.now)
        }
    }

    #[test]
    fn while_the_beat_is_kept_there_is_no_pause() {
        let mut bench = Bench::awake();
        let stamp = bench.stamp();
        bench.keep_time(10_000);
        assert!(!bench.was_paused_since(stamp));
        bench.pass(500).beat();
        assert!(!bench.was_paused_since(stamp), "a beat as late as a busy machine makes it");
    }

    #[test]
    fn a_pause_is_seen_by_whoever_asks_first() {
        let mut bench = Bench::awake();
        let stamp = bench.stamp();
        bench.keep_time(3);
        bench.pass(501);
        assert!(bench.was_paused_since(stamp), "before the next beat");
        bench.beat();
        assert!(bench.was_paused_since(stamp), "after it");
        bench.keep_time(100);
        assert!(bench.was_paused_since(stamp), "and for good");
    }

    #[test]
    fn a_pause_that_only_the_thread_has_seen_is_kept() {
        let mut bench = Bench::awake();
        let stamp = bench.stamp();
        assert_eq!(bench.beat(), stamp);
        bench.pass(60_000);
        assert_ne!(bench.beat(), stamp);
        assert!(bench.was_paused_since(stamp));
    }

    #[test]
    fn what_begins_after_a_pause_was_not_in_it() {
        for beats_before_asking in [0, 1] {
            let mut bench = Bench::awake();
            bench.pass(60_000);
            let stamp = bench.stamp();
            bench.keep_time(beats_before_asking);
            assert!(!bench.was_paused_since(stamp), "{beats_before_asking} beats after the resumption");
            bench.beat();
            assert!(!bench.was_paused_since(stamp), "one pause is counted once");
        }
    }

    #[test]
    fn a_rest_is_no_pause() {
        let mut bench = Bench::awake();
        let stamp = bench.stamp();
        bench.keep_time(3);
        bench.pulse.rest(bench.now);
        bench.pass(3_600_000);
        assert!(!bench.was_paused_since(stamp), "while it lasts");
        assert!(bench.pulse.rouse(bench.now));
        assert!(!bench.pulse.rouse(bench.now), "one caller has ended it");
        assert!(!bench.was_paused_since(stamp), "after it");
        bench.pass(501);
        assert!(bench.was_paused_since(stamp), "a pause of one who is awake");
    }

    #[test]
    fn a_pause_just_before_a_rest_is_kept() {
        let mut bench = Bench::awake();
        let stamp = bench.stamp();
        bench.pass(501);
        bench.pulse.rest(bench.now);
        assert!(bench.was_paused_since(stamp));
    }

    #[test]
    fn a_clock_that_was_read_before_the_last_beat_harms_nobody() {
        let mut bench = Bench::awake();
        let (stamp, early) = (bench.stamp(), bench.now);
        bench.keep_time(100);
        assert!(!bench.pulse.was_paused_since(stamp, early));
        bench.pulse.beat(early);
        assert!(!bench.was_paused_since(stamp), "a beat does not go back in time");
    }

    #[test]
    fn pauses_beyond_the_last_bit_touch_nothing_else() {
        let bench = Bench::awake();
        let before = Word { is_awake: true, pauses: PAUSES - 1, beat: 7 };
        bench.pulse.word.store(before.pack(), Ordering::Release);
        let stamp = bench.stamp();
        let later = bench.pulse.base + Duration::from_secs(1);
        assert_eq!(bench.pulse.stamp(later), Stamp(0));
        assert!(bench.pulse.was_paused_since(stamp, later));
        assert!(bench.pulse.is_awake());
    }
}
