//! Where the engine says what has changed, and from where it is told to everybody else.

use std::borrow::Cow;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::SystemTime;

use tokio::time::Instant;

use super::crowd::{Crowd, Place};
use super::foreign::contained;
use super::history::Flips;
use super::line::{Line, Stand, Unsaid};
use super::notes::{Noted, Notes};
use super::probes::Course;
use super::transition::Topic;
use super::{Change, Subscription, TimeIn, Transition, log, observer};
use crate::engine::Observation;
use crate::probe::PerProbe;
use crate::{Phase, Probe, Report, ShutdownStep, Spec, Status, Unknown};

/// What the engine notices.
#[derive(Debug)]
pub(crate) enum News {
    /// The held status of a check. The observation is the one that made it so; none is needed for a stale one.
    Check {
        check: usize,
        from: Result<Status, Unknown>,
        to: Result<Status, Unknown>,
        observation: Option<Arc<Observation>>,
    },
    /// Still not healthy: the last two observations that were not. A line only if they say something else.
    Cause {
        check: usize,
        before: Arc<Observation>,
        now: Arc<Observation>,
    },
    /// The status of a probe, with its report as it stands.
    Probe {
        probe: Probe,
        from: Status,
        to: Status,
        report: Box<Report>,
    },
    Phase {
        from: Phase,
        to: Phase,
    },
    /// The reason is shown as it is: redacted before it comes here.
    Muted {
        check: usize,
        until: SystemTime,
        reason: Arc<str>,
    },
    Unmuted {
        check: usize,
    },
    /// With how much is under way, by name.
    Shutdown {
        step: ShutdownStep,
        under_way: Vec<(Cow<'static, str>, u64)>,
    },
}

/// Hears of every change, remembers it, logs it, and tells it to whoever has subscribed.
pub(crate) struct Journal {
    specs: Vec<Arc<Spec>>,
    notes: Mutex<Notes>,
    /// The readers of whom there may be only so many.
    crowd: Crowd,
}

impl Journal {
    /// The specs in the order in which checks are numbered.
    pub(crate) fn new(specs: Vec<Arc<Spec>>) -> Self {
        let checks = specs.iter().map(|_| Noted::default()).collect();
        let unsaid = Unsaid::about(specs.len());
        let notes = Mutex::new(Notes { checks, unsaid, ..Notes::default() });
        Self { specs, notes, crowd: Crowd::default() }
    }

    /// How the probes stand when the engine starts, which is no news.
    pub(crate) fn begin(&self, statuses: PerProbe<Status>) {
        let (now, at) = (Instant::now(), SystemTime::now());
        let course = |probe| Some(Course::begins(*statuses.get(probe), now, at));
        self.notes().probes = PerProbe::new(course);
    }

    /// Takes note of a change, in the order of the calls. Runs no foreign code, so locks may be held; whoever calls
    /// it calls [`say`](Self::say) once they are not. After [`close`](Self::close) nothing is noted any more.
    pub(crate) fn note(&self, news: News) {
        let name = |check: usize| self.name(check);
        let mut notes = self.notes();
        if notes.is_closed {
            return;
        }
        // Under the lock, so that time never goes back from one note to the next.
        let (now, at) = (Instant::now(), SystemTime::now());
        match news {
            News::Check { check, from, to, observation } => {
                let stand = Stand { status: to, observation };
                let Some(flip) = notes.remember(check, from, &stand, at) else { return };
                notes.weigh_flip(check, from, stand, now);
                notes.tell(Topic::Check(check), || flip.of(name(check)));
            }
            News::Cause { check, before, now } => notes.note_cause(check, before, now),
            News::Probe { probe, from, to, report } => {
                let mut course = notes.probes.get(probe).unwrap_or_else(|| Course::begins(from, now, at));
                course.changes(to, now, at);
                notes.probes.set(probe, Some(course));
                notes.unsaid.push(Line::Probe { probe, from, to, report });
                notes.tell_change(Topic::Probe(probe), at, || Change::Probe { probe, from, to });
            }
            News::Phase { from, to } => {
                notes.unsaid.push(Line::Phase { from, to });
                notes.tell_change(Topic::Phase, at, || Change::Phase { from, to });
            }
            News::Muted { check, until, reason } => {
                notes.unsaid.push(Line::Muted { check, until, reason: Arc::clone(&reason) });
                let change = || Change::Muted { name: name(check), until, reason };
                notes.tell_change(Topic::Mute(check), at, change);
            }
            News::Unmuted { check } => {
                notes.unsaid.push(Line::Unmuted { check });
                notes.tell_change(Topic::Mute(check), at, || Change::Unmuted { name: name(check) });
            }
            News::Shutdown { step, under_way } => {
                let sum = under_way.iter().map(|(_, count)| count).sum();
                notes.unsaid.push(Line::Shutdown { step, under_way });
                notes.tell_change(Topic::Shutdown, at, || Change::Shutdown { step, under_way: sum });
            }
        }
    }

    /// Says what was noted: one thread at a time logs the lines in their order, then wakes those who listen. Both are
    /// foreign code, so nothing may be locked meanwhile; what they change themselves is said after they return, and
    /// a panic of theirs is theirs alone.
    pub(crate) fn say(&self) {
        let mut notes = self.notes();
        if !notes.is_saying {
            notes.is_saying = true;
            while let Some(line) = notes.unsaid.pop() {
                drop(notes);
                contained(|| log::say(&self.specs, line));
                notes = self.notes();
            }
            // Under the same lock as the look at what is left, so that nobody leaves a line behind.
            notes.is_saying = false;
        }
        // Whoever does not log because another one does still wakes: a log that blocks does not hold up its readers.
        let readers = notes.readers_to_wake();
        drop(notes);
        for reader in readers {
            contained(|| reader.wake());
        }
    }

    /// When [`due`](Self::due) has to be called next; earlier only when something is noted.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let notes = self.notes();
        let reminders =
            Probe::ALL.into_iter().filter_map(|probe| notes.probes.get(probe).as_ref()?.next_due());
        let look = notes.looks.first().map(|(at, _)| *at);
        reminders.chain(look).min()
    }

    /// Says what is said because time has passed: which checks still flap or are calm again, which probes are still
    /// not healthy. The report of such a probe is asked for with nothing locked.
    pub(crate) fn due(&self, now: Instant, report: impl Fn(Probe) -> Report) {
        let mut notes = self.notes();
        if notes.is_closed {
            return;
        }
        notes.look_at_flapping(now);
        let mut due = Vec::new();
        for probe in Probe::ALL {
            let Some(mut course) = *notes.probes.get(probe) else { continue };
            if course.take_due(now) {
                due.extend(course.in_trouble_since().map(|since| (probe, since)));
            }
            notes.probes.set(probe, Some(course));
        }
        drop(notes);
        for (probe, since) in due {
            let report = Box::new(report(probe));
            // Being on the way out is no trouble by itself.
            let is_asked_for = report.phase() == Phase::Draining && report.failing().next().is_none();
            if !is_asked_for && !report.status().is_healthy() {
                self.notes().unsaid.push(Line::Reminder { probe, since, report });
            }
        }
        self.say();
    }

    /// Hears of everything noted from now on.
    pub(crate) fn subscribe(&self) -> Subscription {
        self.admit(None)
    }

    /// Hears of everything noted from now on, if fewer than this many do that have come this way.
    pub(crate) fn subscribe_if_fewer_than(&self, limit: usize) -> Option<Subscription> {
        Some(self.admit(Some(self.crowd.place(limit)?)))
    }

    fn admit(&self, place: Option<Place>) -> Subscription {
        let mut notes = self.notes();
        let subscription = Subscription::new(notes.sequence, place);
        if notes.is_closed {
            subscription.mailbox().close();
        } else {
            if notes.readers.len() == notes.readers.capacity() {
                notes.readers.retain(|reader| reader.strong_count() > 0);
            }
            notes.readers.push(Arc::downgrade(subscription.mailbox()));
        }
        drop(notes);
        subscription
    }

    /// Calls `observe` with everything noted from now on, on a thread of its own that ends when this is closed and
    /// everything has been heard.
    pub(crate) fn observe(&self, observe: impl FnMut(&Transition) + Send + 'static) -> io::Result<()> {
        observer::start(self.subscribe(), observe)
    }

    /// Whether everybody who listens has heard everything and waits for more.
    pub(crate) fn has_been_heard(&self) -> bool {
        let readers = self.notes().readers.clone();
        readers.iter().filter_map(Weak::upgrade).all(|reader| reader.is_heard())
    }

    /// What is remembered of a check.
    pub(crate) fn flips(&self, check: usize) -> Flips {
        let name = self.name(check);
        let notes = self.notes();
        let noted = notes.checks.get(check);
        Flips {
            last: noted.map(|noted| noted.ring.transitions(&name)).unwrap_or_default(),
            entered: noted.map(|noted| noted.entered).unwrap_or_default(),
        }
    }

    /// How often a check came to this status.
    pub(crate) fn times_entered(&self, check: usize, status: Result<Status, Unknown>) -> u64 {
        self.notes().checks.get(check).map_or(0, |noted| noted.entered.of(status))
    }

    /// How long a probe was in each status until now.
    pub(crate) fn time_in(&self, probe: Probe) -> TimeIn {
        let now = Instant::now();
        self.notes().probes.get(probe).map(|course| course.time_in(now)).unwrap_or_default()
    }

    /// The engine has stopped: those who listen hear what is pending, then the end.
    pub(crate) fn close(&self) {
        let mut notes = self.notes();
        notes.is_closed = true;
        notes.has_news_for_readers = true;
        let readers: Vec<_> = notes.readers.iter().filter_map(Weak::upgrade).collect();
        readers.iter().for_each(|reader| reader.close());
        drop(notes);
        self.say();
        self.notes().readers = Vec::new();
    }

    fn name(&self, check: usize) -> Arc<str> {
        self.specs.get(check).map_or_else(Arc::default, |spec| Arc::from(&*spec.name))
    }

    /// Nothing that can panic runs under the lock, so what it guards is whole even if it were poisoned.
    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
impl Journal {
    pub(super) fn known_readers(&self) -> usize {
        self.notes().readers.len()
    }

    pub(super) fn size_of_a_check() -> usize {
        size_of::<Noted>()
    }

    pub(super) fn heap_of_a_check(&self, check: usize) -> usize {
        let notes = self.notes();
        let noted = &notes.checks[check];
        noted.ring.heap() + noted.wobble.as_ref().map_or(0, |wobble| size_of_val(&**wobble))
    }
}
