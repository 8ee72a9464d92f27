//! Playing what happens: after every event the engine is held against the model.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::FutureExt as _;
use health_core::{Phase, Probe, Report, Status, Unknown};
use tokio::time::{advance, sleep, timeout};

use crate::declared::{ALIVE, BLOCKED, CANARY, Drawn, NAMES, PUSHED, Word};
use crate::events::{Event, Question};
use crate::laws::{self, Course};
use crate::model::Known;
use crate::world::{World, fold};

/// Plays a sequence; what was found to be wrong.
pub fn plays(seed: u64, drawn: &[Drawn], sequence: &[Event]) -> Result<(), String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        fastrand::seed(seed);
        let mut play = Play {
            world: World::start(drawn).await,
            course: Course::default(),
            is_draining: false,
            muted_until: BTreeMap::new(),
        };
        for (index, event) in sequence.iter().enumerate() {
            let outcome = play.happens(*event).await.and_then(|()| play.stands());
            outcome.map_err(|fault| {
                format!(
                    "after event {index} ({event:?}), at {} ms: {fault}\n{}",
                    play.world.now(),
                    play.told()
                )
            })?;
        }
        play.has_kept_the_laws().map_err(|fault| format!("{fault}\n{}", play.told()))
    })
}

struct Play {
    world: World,
    course: Course,
    is_draining: bool,
    muted_until: BTreeMap<usize, u64>,
}

impl Play {
    async fn happens(&mut self, event: Event) -> Result<(), String> {
        let world = &self.world;
        match event {
            Event::Turns(check, mood) => world.moods.lock().unwrap()[check] = mood,
            Event::Pushes { to_canary, word } => self.pushes(to_canary, word),
            Event::Sleeps(period) => sleep(Duration::from_millis(period)).await,
            Event::Jumps(period) => {
                let from = world.now();
                let _ = advance(Duration::from_millis(period)).now_or_never();
                self.course.jumps.push((from, world.now()));
                // Whoever asks next asks before the engine has come to itself.
                return Ok(());
            }
            Event::Expires(check, more) => {
                let known = world.rules[check].map(|rules| (rules, world.known(check).raw));
                if let Some((rules, Some((stamp, _)))) = known {
                    let left = (stamp + rules.max_age + more).saturating_sub(world.now());
                    sleep(Duration::from_millis(left)).await;
                }
            }
            Event::Polls { question, deadline, hangs_up, meanwhile } => {
                self.polls(question, deadline, hangs_up, meanwhile).await?;
            }
            Event::Unblocks => self.world.unblocks(),
            Event::Drains => {
                world.health.drain();
                self.is_draining = true;
            }
            Event::Resumes => {
                world.health.resume();
                self.is_draining = false;
            }
            Event::Mutes(check, period) => {
                if world.rules[check].is_some() {
                    world.health.mute(NAMES[check], Duration::from_millis(period), "known").unwrap();
                    self.muted_until.insert(check, world.now() + period);
                }
            }
            Event::Unmutes(check) => {
                let was = self.muted_until.remove(&check).is_some_and(|until| world.now() < until);
                if world.health.unmute(NAMES[check]) != was {
                    return Err(format!("{} was muted: {was}", NAMES[check]));
                }
            }
        }
        self.world.settles().await;
        Ok(())
    }

    fn pushes(&self, to_canary: bool, word: Word) {
        let check = if to_canary { CANARY } else { PUSHED };
        let Some(reporter) = &self.world.reporters[check] else { return };
        match word {
            Word::Beat => reporter.beat(),
            Word::Idle => reporter.idle(),
            Word::Pushed(Status::Healthy) => reporter.healthy(),
            Word::Pushed(Status::Degraded) => reporter.degraded("as told"),
            _ => reporter.unhealthy("as told"),
        }
        self.world.log(check, word);
    }

    fn is_muted(&self, check: usize, now: u64) -> bool {
        self.muted_until.get(&check).is_some_and(|until| now < *until)
    }

    fn part(&self, question: Question) -> Vec<usize> {
        let is_of = |check: &usize| match question {
            Question::Of(Probe::Live) => *check == ALIVE,
            Question::Of(_) => *check != ALIVE,
            Question::Check(one) => *check == one,
            Question::Overview => true,
        };
        (0..NAMES.len()).filter(|check| self.world.rules[*check].is_some()).filter(is_of).collect()
    }

    /// What everybody may see at any time.
    fn stands(&self) -> Result<(), String> {
        let (world, now) = (&self.world, self.world.now());
        let phase = if self.is_draining { Phase::Draining } else { Phase::Running };
        equal("the phase", world.health.phase(), phase)?;
        for probe in [Probe::Live, Probe::Ready] {
            let is_held = self.is_draining && probe == Probe::Ready;
            let expected = |has_noticed: bool| {
                let weight = |check: usize| {
                    let rules = world.rules[check].as_ref().unwrap();
                    let mut known = world.known(check);
                    if has_noticed && known.is_overdue(rules, now) {
                        known.hear(rules, now, Word::Late);
                    }
                    known.weight(rules, now, probe == Probe::Live, false, self.is_muted(check, now))
                };
                let weights = self.part(Question::Of(probe)).into_iter().map(weight);
                if is_held { Status::Unhealthy } else { Status::worst(weights) }
            };
            // An engine that has just come to itself may not have noticed yet which runs are past their timeouts.
            let (seen, possible) = (world.health.status(probe), expected(false)..=expected(true));
            if !possible.contains(&seen) {
                return Err(format!(
                    "{probe:?} for whoever just looks: {seen:?}, and by the model {possible:?}"
                ));
            }
        }
        for check in self.part(Question::Overview) {
            let rules = self.world.rules[check].as_ref().unwrap();
            let known = world.known(check);
            // One run must have ended before the next begins, so what takes longer than its interval cannot be kept fresh.
            let is_kept = rules.is_kept && rules.timeout <= rules.interval && check != BLOCKED;
            let has_lived = |stamp| self.course.jumps.iter().all(|(_, end)| *end < stamp);
            let is_stale = known.status(rules, now) == Err(Unknown::Stale);
            if is_kept && is_stale && known.raw.is_some_and(|(stamp, _)| has_lived(stamp)) {
                return Err(format!("{}: stale although the engine was running", NAMES[check]));
            }
        }
        Ok(())
    }

    /// What the log must look like in the end.
    fn has_kept_the_laws(&self) -> Result<(), String> {
        for check in self.part(Question::Overview) {
            let (world, rules) = (&self.world, self.world.rules[check].as_ref().unwrap());
            if world.said.lock().unwrap()[check].overlaps {
                return Err(format!("{}: two runs at once", NAMES[check]));
            }
            if check == BLOCKED {
                continue;
            }
            let fault = laws::broken(check, rules, &world.words(check), &self.course, world.now());
            fault.map_or(Ok(()), |fault| Err(format!("{}: {fault}", NAMES[check])))?;
        }
        Ok(())
    }

    async fn polls(
        &mut self,
        question: Question,
        deadline: Option<u64>,
        hangs_up: Option<u64>,
        meanwhile: Option<(u64, bool, Word)>,
    ) -> Result<(), String> {
        let world = &self.world;
        let asked_at = world.now();
        let part = self.part(question);
        let is_loose = self.course.jumps.last().is_some_and(|(_, end)| *end == asked_at)
            || part.iter().any(|check| world.is_loose(*check));
        let mut awaited = Vec::new();
        for check in &part {
            let (rules, known) = (world.rules[*check].unwrap(), world.known(*check));
            if !world.is_loose(*check) && known.is_asked(&rules, asked_at) {
                let words = world.words(*check).len();
                awaited.push((*check, words));
                if known.running.is_none() {
                    self.course.asked.push((*check, words));
                }
            }
        }
        let limit = deadline.map_or(800, |deadline| deadline.min(800));
        let within = Duration::from_millis(deadline.unwrap_or(1_000_000));
        let health = world.health.clone();
        let answer = async move {
            match question {
                Question::Of(probe) => Some(health.report_within(probe, within).await),
                Question::Check(check) => health.check_within(NAMES[check], within).await,
                Question::Overview => Some(health.overview_within(within).await),
            }
        };
        let patience = Duration::from_millis(hangs_up.unwrap_or(1_000_000));
        let answer = async {
            let report = timeout(patience, answer).await.unwrap_or_default();
            (report, world.now())
        };
        let meanwhile = async {
            if let Some((after, to_canary, word)) = meanwhile {
                sleep(Duration::from_millis(after)).await;
                world.settles().await;
                self.pushes(to_canary, word);
            }
        };
        let ((report, answered_at), ()) = tokio::join!(answer, meanwhile);
        world.settles().await;
        let Some(report) = report else { return Ok(()) };
        let ended = |(check, from): &(usize, usize)| {
            let words = world.words(*check);
            words[*from..]
                .iter()
                .find(|(_, word)| matches!(word, Word::Ran(_) | Word::Late))
                .map(|(at, _)| *at)
        };
        let all_ended = awaited.iter().map(ended).try_fold(asked_at, |latest, at| Some(latest.max(at?)));
        let expected = all_ended.map_or(asked_at + limit, |ended| ended.min(asked_at + limit));
        if is_loose {
            if answered_at > asked_at + limit {
                return Err(format!("asked at {asked_at} ms and answered only at {answered_at} ms"));
            }
        } else {
            equal("the time of the answer", answered_at, expected)?;
        }
        for (check, from) in &awaited {
            let is_begun = world.words(*check).len() > *from || world.known(*check).running.is_some();
            if !is_begun {
                return Err(format!("{} was to be asked and was not", NAMES[*check]));
            }
        }
        self.answers(question, &report, &part, answered_at)
    }

    /// A report says of every check what was known when it was made, and of the whole what follows.
    fn answers(&self, question: Question, report: &Report, part: &[usize], at: u64) -> Result<(), String> {
        let mut verdicts = Vec::new();
        equal("the number of entries", report.entries().len(), part.len())?;
        for check in part {
            let rules = self.world.rules[*check].as_ref().unwrap();
            let entry =
                report.entry(NAMES[*check]).ok_or_else(|| format!("{} is not there", NAMES[*check]))?;
            let is_muted = self.is_muted(*check, at);
            if self.world.is_loose(*check) && entry.raw().is_ok_and(|raw| raw < Status::Unhealthy) {
                return Err("a run that blocked for ever is well".into());
            }
            let words = self.world.words(*check);
            let certain = words.iter().take_while(|(said, _)| *said < at).count();
            let said = |known: &Known| {
                let status = known.status(rules, at);
                let in_live = *check == ALIVE && !matches!(question, Question::Check(_));
                let contribution = match question {
                    Question::Check(_) => status.unwrap_or(Status::Unhealthy),
                    _ => known.weight(rules, at, in_live, true, is_muted),
                };
                (
                    status,
                    known.raw.ok_or(Unknown::Pending).and_then(|(_, raw)| status.map(|_| raw)),
                    contribution,
                    is_muted,
                )
            };
            let seen = (entry.status(), entry.raw(), entry.contribution(), entry.muted_until().is_some());
            // What was said at the very moment of the answer may be in it or not.
            let mut possible = Vec::new();
            let all = words.iter().take_while(|(said, _)| *said <= at).count();
            for end in certain..=all {
                let mut known = fold(rules, &words[..end]);
                possible.push(said(&known));
                if known.is_overdue(rules, at) {
                    known.hear(rules, at, Word::Late);
                    possible.push(said(&known));
                }
            }
            if !possible.contains(&seen) && !self.world.is_loose(*check) {
                return Err(format!("{}: it says {seen:?}, and the model {possible:?}", NAMES[*check]));
            }
            verdicts.push(seen.2);
        }
        let is_held = self.is_draining && matches!(question, Question::Of(Probe::Ready) | Question::Overview);
        let whole = if is_held { Status::Unhealthy } else { Status::worst(verdicts) };
        equal("the whole", report.status(), whole)
    }

    /// Everything that was said, for whoever looks at a failure.
    fn told(&self) -> String {
        let told = |check: &usize| {
            format!(
                "  {}: {:?}\n    {:?}\n",
                NAMES[*check],
                self.world.rules[*check],
                self.world.words(*check)
            )
        };
        self.part(Question::Overview).iter().map(told).collect()
    }
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, seen: T, expected: T) -> Result<(), String> {
    if seen == expected { Ok(()) } else { Err(format!("{what}: {seen:?}, and by the model {expected:?}")) }
}
