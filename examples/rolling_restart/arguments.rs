//! What was asked for on the command line.

use std::time::Duration;

use crate::way::Way;

pub(crate) const USAGE: &str = "\
usage: rolling_restart [--way WAY]... [--rounds N] [--drain MS] [--rate R]

  --way WAY     how HAProxy learns that an instance leaves: http, agent or 404 (default: each of them)
  --rounds N    how often every instance is restarted, 1 to 1000 (default 2)
  --drain MS    how long an instance that was told to stop goes on serving, 0 to 600000 (default 2000)
  --rate R      requests per second, 10 to 10000 (default 100)
  --help        this text";

/// What to do.
pub(crate) struct Arguments {
    pub(crate) ways: Vec<Way>,
    pub(crate) rounds: u32,
    pub(crate) drain: Duration,
    pub(crate) rate: u32,
}

/// Reads the arguments; `None` when help is wanted.
pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Arguments>, String> {
    let mut read = Arguments { ways: Vec::new(), rounds: 2, drain: Duration::from_millis(2000), rate: 100 };
    while let Some(argument) = arguments.next() {
        let (key, value) = match argument.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (&*argument, None),
        };
        let mut value =
            || value.clone().or_else(|| arguments.next()).ok_or_else(|| format!("`{key}` needs a value"));
        match key {
            "--help" | "-h" => return Ok(None),
            "--way" => {
                let name = value()?;
                let way = Way::named(&name);
                read.ways.push(way.ok_or_else(|| format!("there is no way `{}`", name.escape_debug()))?);
            }
            "--rounds" => read.rounds = number(key, &value()?, 1, 1000)?,
            "--drain" => read.drain = Duration::from_millis(number(key, &value()?, 0, 600_000)?.into()),
            "--rate" => read.rate = number(key, &value()?, 10, 10_000)?,
            _ => return Err(format!("unexpected argument `{}`", argument.escape_debug())),
        }
    }
    if read.ways.is_empty() {
        read.ways = Way::ALL.to_vec();
    }
    Ok(Some(read))
}

fn number(key: &str, text: &str, least: u32, most: u32) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| {
        format!("`{key}` must be a number from {least} to {most}, not `{}`", text.escape_debug())
    })
}
