//! What was asked for on the command line.

use std::time::Duration;

pub(crate) const USAGE: &str = "\
usage: storm [--pollers N] [--checks M] [--seconds T]

  --pollers N   how many ask at the same time, 1 to 100000 (default 64)
  --checks M    how many checks there are, 1 to 100000 (default 100)
  --seconds T   how long they ask, 1 to 86400 (default 5)
  --help        this text";

/// How hard it blows, and how long.
pub(crate) struct Storm {
    pub(crate) pollers: usize,
    pub(crate) checks: usize,
    pub(crate) duration: Duration,
}

/// Reads the arguments; `None` when help is wanted.
pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Storm>, String> {
    let mut storm = Storm { pollers: 64, checks: 100, duration: Duration::from_secs(5) };
    while let Some(argument) = arguments.next() {
        let (key, value) = match argument.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (&*argument, None),
        };
        let mut number = |most: u32| {
            let text = value.clone().or_else(|| arguments.next());
            let text = text.ok_or_else(|| format!("`{key}` needs a number"))?;
            let number = text.parse().ok().filter(|number| (1..=most).contains(number));
            number.ok_or_else(|| {
                format!("`{key}` must be a number from 1 to {most}, not `{}`", text.escape_debug())
            })
        };
        match key {
            "--help" | "-h" => return Ok(None),
            "--pollers" => storm.pollers = number(100_000)? as usize,
            "--checks" => storm.checks = number(100_000)? as usize,
            "--seconds" => storm.duration = Duration::from_secs(number(86_400)?.into()),
            _ => return Err(format!("unexpected argument `{}`", argument.escape_debug())),
        }
    }
    Ok(Some(storm))
}
