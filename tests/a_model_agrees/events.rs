//! What can happen, in any order.

use health_core::Probe;
use proptest::prelude::*;

use crate::declared::{Mood, NAMES, Word, mood, status};

#[derive(Clone, Copy, Debug)]
pub enum Question {
    Of(Probe),
    Check(usize),
    Overview,
}

#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// From now on the check does this when it is run.
    Turns(usize, Mood),
    /// The application reports about the reporter or the canary.
    Pushes {
        to_canary: bool,
        word: Word,
    },
    /// Time passes and the engine lives through it.
    Sleeps(u64),
    /// Time passes and the engine is not running.
    Jumps(u64),
    /// Time passes until what is known of the check is as old as it may be, or older by this.
    Expires(usize, u64),
    /// Somebody asks, for so long at most, and may hang up; something may be reported while he waits.
    Polls {
        question: Question,
        deadline: Option<u64>,
        hangs_up: Option<u64>,
        meanwhile: Option<(u64, bool, Word)>,
    },
    /// The run that blocks its thread comes to its end.
    Unblocks,
    Drains,
    Resumes,
    Mutes(usize, u64),
    Unmutes(usize),
}

/// Few enough for things to fall on the same moment.
fn period() -> impl Strategy<Value = u64> {
    prop_oneof![prop::sample::select(&[1_u64, 20, 300, 1_000][..]), 1..1_500_u64, 1_000..30_000_u64]
}

pub fn event() -> impl Strategy<Value = Event> {
    let check = || 0..NAMES.len();
    let word =
        || prop_oneof![3 => status().prop_map(Word::Pushed), 1 => Just(Word::Beat), 1 => Just(Word::Idle)];
    let question = prop_oneof![
        4 => Just(Question::Of(Probe::Ready)),
        1 => Just(Question::Of(Probe::Live)),
        2 => check().prop_map(Question::Check),
        1 => Just(Question::Overview),
    ];
    let deadline = proptest::option::weighted(0.3, prop::sample::select(&[0_u64, 200, 5_000][..]));
    let meanwhile =
        proptest::option::weighted(0.2, (prop::sample::select(&[0_u64, 20, 400][..]), any::<bool>(), word()));
    let hangs_up = proptest::option::weighted(0.2, prop::sample::select(&[0_u64, 50, 500][..]));
    prop_oneof![
        6 => (check(), mood()).prop_map(|(check, mood)| Event::Turns(check, mood)),
        6 => (any::<bool>(), word())
            .prop_map(|(to_canary, word)| Event::Pushes { to_canary, word }),
        6 => period().prop_map(Event::Sleeps),
        1 => period().prop_map(Event::Jumps),
        2 => (check(), 0..3_u64).prop_map(|(check, more)| Event::Expires(check, more)),
        6 => (question, deadline, hangs_up, meanwhile).prop_map(|(question, deadline, hangs_up, meanwhile)| {
            Event::Polls { question, deadline, hangs_up, meanwhile }
        }),
        1 => Just(Event::Unblocks),
        1 => Just(Event::Drains),
        1 => Just(Event::Resumes),
        1 => (check(), period()).prop_map(|(check, period)| Event::Mutes(check, period)),
        1 => check().prop_map(Event::Unmutes),
    ]
}
