//! An engine whose checks say what they are told to and log what they say, in paused time.

use std::cell::RefCell;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use health_core::{Failure, Health, Outcome, Reporter, Status};
use tokio::time::{Instant, sleep, sleep_until};

use crate::declared::{BLOCKED, Drawn, Mood, NAMES, PUSHED, Rules, Word};
use crate::model::Known;

/// Everything that was said about one check, in the order in which it was.
#[derive(Debug, Default)]
pub struct Said {
    pub words: Vec<(u64, Word)>,
    /// Two runs of it were in flight at once.
    pub overlaps: bool,
    is_running: bool,
}

pub struct World {
    began: Instant,
    pub health: Health,
    pub rules: Vec<Option<Rules>>,
    pub said: Arc<Mutex<Vec<Said>>>,
    pub moods: Arc<Mutex<Vec<Mood>>>,
    pub reporters: Vec<Option<Reporter>>,
    /// The run that blocks its thread from the start, until it is let go.
    block: Option<Block>,
    /// What the model makes of how much of the log.
    folded: RefCell<Vec<(usize, Known)>>,
}

/// One run: logs its beginning, and its end also when it is dropped.
struct Run {
    check: usize,
    began: Instant,
    said: Arc<Mutex<Vec<Said>>>,
    status: Status,
}

impl Run {
    fn begins(check: usize, began: Instant, said: &Arc<Mutex<Vec<Said>>>) -> Self {
        let mut all = said.lock().unwrap();
        all[check].overlaps |= std::mem::replace(&mut all[check].is_running, true);
        all[check].words.push((since(began), Word::Begun));
        Self { check, began, said: Arc::clone(said), status: Status::Unhealthy }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let mut all = self.said.lock().unwrap();
        all[self.check].is_running = false;
        all[self.check].words.push((since(self.began), Word::Ran(self.status)));
    }
}

fn since(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap()
}

impl World {
    pub async fn start(drawn: &[Drawn]) -> Self {
        let said = Arc::new(Mutex::new(NAMES.iter().map(|_| Said::default()).collect::<Vec<_>>()));
        let moods = Arc::new(Mutex::new(drawn.iter().map(|drawn| drawn.first).collect::<Vec<_>>()));
        let began = Instant::now();
        let (mut builder, mut rules, mut pushed) = (Health::builder(), Vec::new(), None);
        let (block, stuck) = Block::new(&said);
        let mut stuck = Some(stuck);
        for (check, drawn) in drawn.iter().enumerate() {
            let (spec, declared) = drawn.declares(check);
            rules.push(Some(declared).filter(|_| drawn.takes_part));
            if !drawn.takes_part {
                continue;
            }
            if check == PUSHED {
                let reporter = Reporter::new(spec);
                builder = builder.reporter(&reporter);
                pushed = Some(reporter);
                continue;
            }
            if let Some(stuck) = stuck.take_if(|_| check == BLOCKED) {
                builder = builder.check_blocking(spec, move || stuck.run());
                continue;
            }
            let (said, moods) = (Arc::clone(&said), Arc::clone(&moods));
            builder = builder.check_fn(spec, move || {
                let run = Run::begins(check, began, &said);
                let mood = moods.lock().unwrap()[check];
                async move {
                    // All of it, so that its end is the end of the run.
                    let mut run = run;
                    let work = match mood {
                        Mood::Says(_, work) | Mood::Fails(work) | Mood::Panics(work) => work,
                        Mood::Hangs => return std::future::pending().await,
                    };
                    if work > 0 {
                        sleep(Duration::from_millis(work)).await;
                    }
                    match mood {
                        Mood::Panics(_) => panic!("on purpose"),
                        Mood::Says(status, _) => {
                            run.status = status;
                            Ok(Outcome::of(status))
                        }
                        Mood::Fails(_) | Mood::Hangs => Err(Failure::new("as told")),
                    }
                }
            });
        }
        let health = builder.build().unwrap().start();
        let reporters = (0..NAMES.len())
            .map(|check| if check == PUSHED { pushed.clone() } else { health.reporter(NAMES[check]) })
            .collect();
        let folded = RefCell::new(vec![Default::default(); NAMES.len()]);
        let world = Self { began, health, rules, said, moods, reporters, block: Some(block), folded };
        world.settles().await;
        world.sees_it_block();
        world.settles().await;
        world
    }

    /// Waits until the thread is blocked, and notes when the engine must have noticed.
    fn sees_it_block(&self) {
        let (Some(rules), Some(block)) = (self.rules[BLOCKED], &self.block) else { return };
        block.entered.recv().unwrap();
        self.log(BLOCKED, Word::Begun);
        let (said, began) = (Arc::clone(&self.said), self.began);
        tokio::spawn(async move {
            sleep_until(began + Duration::from_millis(rules.timeout)).await;
            let words = &mut said.lock().unwrap()[BLOCKED].words;
            if words.len() == 1 {
                words.push((since(began), Word::Late));
            }
        });
    }

    /// Lets the run that blocks its thread come to its end. Those after it block for good.
    pub fn unblocks(&mut self) {
        if let (Some(_), Some(block)) = (self.rules[BLOCKED], self.block.take()) {
            // Its late end is as good as can be, and is not to be heard.
            let is_late = self.words(BLOCKED).iter().any(|(_, word)| *word == Word::Late);
            let says = if is_late { Status::Healthy } else { Status::Unhealthy };
            block.leave.send(says).unwrap();
            block.left.recv().unwrap();
            self.log(BLOCKED, Word::Ran(Status::Unhealthy));
        }
    }

    /// Whether the check that blocks is run by threads that keep no paused time: only that it is bad is certain then.
    pub fn is_loose(&self, check: usize) -> bool {
        check == BLOCKED && self.block.is_none()
    }

    pub fn now(&self) -> u64 {
        since(self.began)
    }

    pub fn log(&self, check: usize, word: Word) {
        let now = self.now();
        self.said.lock().unwrap()[check].words.push((now, word));
    }

    pub fn words(&self, check: usize) -> Vec<(u64, Word)> {
        self.said.lock().unwrap()[check].words.clone()
    }

    pub fn known(&self, check: usize) -> Known {
        let rules = self.rules[check].as_ref().unwrap();
        let (heard, known) = &mut self.folded.borrow_mut()[check];
        for (at, word) in &self.said.lock().unwrap()[check].words[*heard..] {
            known.hear(rules, *at, *word);
            *heard += 1;
        }
        known.clone()
    }

    /// Lets everything happen that is due at this very moment.
    pub async fn settles(&self) {
        for _ in 0..24 {
            tokio::task::yield_now().await;
        }
    }
}

/// This side of a run that blocks.
struct Block {
    entered: Receiver<()>,
    leave: Sender<Status>,
    left: Receiver<()>,
}

/// The other side.
struct Stuck {
    entered: Sender<()>,
    leave: Mutex<Receiver<Status>>,
    left: Sender<()>,
    said: Arc<Mutex<Vec<Said>>>,
}

thread_local! {
    static LEAVES: RefCell<Option<Leaves>> = const { RefCell::new(None) };
}

/// Says that its thread is gone.
struct Leaves(Sender<()>);

impl Drop for Leaves {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

impl Block {
    fn new(said: &Arc<Mutex<Vec<Said>>>) -> (Self, Stuck) {
        let ((enters, entered), (leave, leaves), (lets_go, left)) = (channel(), channel(), channel());
        let stuck =
            Stuck { entered: enters, leave: Mutex::new(leaves), left: lets_go, said: Arc::clone(said) };
        (Self { entered, leave, left }, stuck)
    }
}

impl Stuck {
    fn run(&self) -> Status {
        // The thread is gone when the engine has heard of its end.
        LEAVES.set(Some(Leaves(self.left.clone())));
        let _ = self.entered.send(());
        // Over when it is told to leave, or when the case is over.
        let told = match self.leave.try_lock() {
            Ok(leave) => leave.recv().ok(),
            Err(_) => {
                self.said.lock().unwrap()[BLOCKED].overlaps = true;
                None
            }
        };
        told.unwrap_or(Status::Unhealthy)
    }
}

pub fn fold(rules: &Rules, words: &[(u64, Word)]) -> Known {
    let mut known = Known::default();
    for (at, word) in words {
        known.hear(rules, *at, *word);
    }
    known
}
