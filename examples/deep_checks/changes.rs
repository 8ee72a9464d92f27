//! What is printed from then on: each change, while it happens.

use std::io::{self, Write};

use health_core::{Change, Probe, Status, Subscription, timestamp};

use crate::table::painted;

/// Tells all that changes. What was not known before is in the table already, and so is the whole as it was then.
pub(crate) async fn told(
    mut transitions: Subscription,
    out: &mut impl Write,
    mut whole: Status,
    coloured: bool,
) -> io::Result<()> {
    while let Some(transition) = transitions.next().await {
        let at = timestamp(transition.at());
        match transition.change() {
            Change::Check { name, from: Ok(_), to, summary, .. } => {
                let (to, summary) = (painted(*to, coloured), summary.as_deref().unwrap_or_default());
                writeln!(out, "{}", format!("{at}  {to}  {name}  {summary}").trim_end())?;
            }
            Change::Probe { probe: Probe::Ready, to, .. } if *to != whole => {
                whole = *to;
                writeln!(out, "{at}  {}  all in all", painted(Ok(whole), coloured))?;
            }
            _ => {}
        }
    }
    Ok(())
}
