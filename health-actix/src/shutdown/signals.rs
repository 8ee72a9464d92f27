//! What tells the process to leave, and the thread that hears it whatever else is stuck.
//!
//! That thread runs nothing of anybody else, not even the log, so a second signal and the last resort always work.

use std::io::{self, Write as _};
use std::process;
use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::timeout_at;

use super::Exit;
use super::sequence::{Event, FOR_EVER};

/// How long whoever is cut off by a second signal has for a last word.
const LAST_WORD: Duration = Duration::from_millis(100);

/// Of the process: there is one disposition for each signal.
static HEARD: Mutex<Heard> =
    Mutex::new(Heard { is_leaving: false, who_hears: Vec::new(), runs: Vec::new(), begun: 0 });
/// That an end was set.
static END_CHANGES: Notify = Notify::const_new();

struct Heard {
    is_leaving: bool,
    /// Every `run` that goes on.
    who_hears: Vec<UnboundedSender<Event>>,
    /// How each of them, by its number, wants the process to end.
    runs: Vec<(u64, Ending)>,
    /// How many there have been.
    begun: u64,
}

impl Heard {
    /// When the process has to end, and how: not while there is a single one that nobody may cut off.
    fn forced_end(&self) -> Option<(Instant, Exit)> {
        let mut last: Option<(Instant, Exit)> = None;
        for (_, ending) in &self.runs {
            let Ending::At(then, exit) = *ending else {
                return None;
            };
            last = Some(last.map_or((then, exit), |(time, worst)| {
                (time.max(then), if worst.is_clean() { exit } else { worst })
            }));
        }
        last
    }
}

/// How a `run` wants the process to end.
#[derive(Clone, Copy, Debug)]
enum Ending {
    /// It serves.
    Open,
    /// It leaves, and ends nothing by force.
    ByItself,
    /// At the latest then, whatever is stuck.
    At(Instant, Exit),
}

fn heard() -> MutexGuard<'static, Heard> {
    HEARD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hears signals from now on, for the rest of the process. While nobody listens, one ends the process.
pub(super) fn hear() -> io::Result<()> {
    static IS_HEARD: OnceLock<Result<(), (io::ErrorKind, String)>> = OnceLock::new();
    let outcome = IS_HEARD.get_or_init(|| start().map_err(|error| (error.kind(), error.to_string())));
    outcome.clone().map_err(|(kind, text)| io::Error::new(kind, text))
}

/// Has SIGTERM and SIGINT end the process from now on, with 128 and the number of the signal as its exit code, until
/// [`run`](crate::run) takes over.
///
/// That is what the system does anyway, unless the process is the first one of a container: then it would ignore them
/// for as long as nobody hears them, and a program that takes its time before it comes to `run` could only be killed.
/// Called first thing in `main`.
///
/// # Errors
///
/// If the system refuses the thread or the handlers.
pub fn hear_signals() -> io::Result<()> {
    hear()
}

/// Is told of the first signal, also of one that came before.
pub(super) fn listen(events: UnboundedSender<Event>) {
    let mut heard = heard();
    if heard.is_leaving {
        drop(events.send(Event::Signal));
    }
    heard.who_hears.retain(|events| !events.is_closed());
    heard.who_hears.push(events);
}

/// How one of those who hear wants the process to end; open until it is told.
#[derive(Debug)]
pub(super) struct End {
    number: u64,
    /// Whether what it wants outlives it, because it has returned to its program.
    is_final: bool,
}

impl End {
    pub(super) fn new() -> Self {
        let mut heard = heard();
        heard.begun += 1;
        let number = heard.begun;
        heard.runs.push((number, Ending::Open));
        Self { number, is_final: false }
    }

    /// Ends the process after this time if it has not ended by itself, and nobody else wants it to go on; `None` leaves
    /// that to the program. What was said before is taken back.
    pub(super) fn at_the_latest(&self, after: Option<Duration>, exit: Exit) {
        let now = Instant::now();
        let then = |after| now.checked_add(after).unwrap_or_else(|| now + FOR_EVER);
        let wanted = after.map_or(Ending::ByItself, |after| Ending::At(then(after), exit));
        if let Some((_, ending)) = heard().runs.iter_mut().find(|(number, _)| *number == self.number) {
            *ending = wanted;
        }
        END_CHANGES.notify_one();
    }

    /// The last one, which stays when this is gone.
    pub(super) fn finally(mut self, after: Option<Duration>, exit: Exit) {
        self.at_the_latest(after, exit);
        self.is_final = true;
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if !self.is_final {
            heard().runs.retain(|(number, _)| *number != self.number);
            END_CHANGES.notify_one();
        }
    }
}

fn start() -> io::Result<()> {
    let (begun, has_begun) = sync_channel(1);
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        match runtime {
            Ok(runtime) => runtime.block_on(async {
                if let Err(error) = register() {
                    return drop(begun.send(Err(error)));
                }
                drop(begun.send(Ok(())));
                end_in_time().await;
            }),
            Err(error) => drop(begun.send(Err(error))),
        }
    };
    thread::Builder::new().name("health-signals".into()).spawn(run)?;
    has_begun.recv().unwrap_or_else(|_| Err(io::Error::other("the thread that hears signals has ended")))
}

#[cfg(unix)]
fn register() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let mut comes = signal(kind)?;
        tokio::spawn(async move {
            while comes.recv().await.is_some() {
                signalled(kind.as_raw_value());
            }
        });
    }
    Ok(())
}

#[cfg(windows)]
fn register() -> io::Result<()> {
    const SIGINT: i32 = 2;
    let mut comes = tokio::signal::windows::ctrl_c()?;
    tokio::spawn(async move {
        while comes.recv().await.is_some() {
            signalled(SIGINT);
        }
    });
    Ok(())
}

/// The first one tells everybody to leave; the second one ends the process, as does one that nobody hears.
fn signalled(number: i32) {
    let mut heard = heard();
    heard.who_hears.retain(|events| !events.is_closed());
    let hurries = heard.is_leaving || heard.who_hears.is_empty();
    heard.is_leaving = true;
    let (says, has_said) = sync_channel::<()>(0);
    for events in &heard.who_hears {
        let event = if hurries { Event::Hurry(says.clone()) } else { Event::Signal };
        drop(events.send(event));
    }
    drop((heard, says));
    if hurries {
        // Whoever has said it lets go of its sender.
        let _ = has_said.recv_timeout(LAST_WORD);
        process::exit(128 + number);
    }
}

async fn end_in_time() {
    loop {
        let forced = heard().forced_end();
        let Some((then, exit)) = forced else {
            END_CHANGES.notified().await;
            continue;
        };
        if timeout_at(then.into(), END_CHANGES.notified()).await.is_err() {
            say_that_it_is_ended(exit);
            process::exit(exit.code().into());
        }
    }
}

/// Whoever reads the standard error may be stuck as well, so it is said on a thread of its own.
fn say_that_it_is_ended(exit: Exit) {
    let (says, has_said) = sync_channel(1);
    let say = move || {
        let line = "health: the program has not ended within its limit, so its process is ended";
        let written = writeln!(io::stderr(), "{line}, with code {}", exit.code());
        let _ = says.send(written.is_ok());
    };
    if thread::Builder::new().name("health-last-word".into()).spawn(say).is_ok() {
        let _said = has_said.recv_timeout(LAST_WORD);
    }
}
