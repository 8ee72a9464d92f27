//! A transition as JSON. The order of the fields is the order on the wire.

use std::sync::Arc;
use std::time::SystemTime;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::{Change, Transition};
use crate::{Status, Unknown, timestamp};

/// What [`Exposure::Checks`](crate::Exposure::Checks) shows of it, which leaves out the reason of a mute. When, of which
/// `check`, `probe` or of the `phase`, and what has changed; for a phase, which has no name, what it is; or how far the
/// process is on its way out. `missed` only if there is something to count.
///
/// ```text
/// {"at":"2026-11-21T06:00:00.000Z","check":"db","from":"healthy","to":"unhealthy","summary":"no route","missed":2}
/// {"at":"2026-11-21T06:00:00.000Z","probe":"ready","from":"healthy","to":"unhealthy"}
/// {"at":"2026-11-21T06:00:00.000Z","phase":"draining","from":"running","to":"draining"}
/// {"at":"2026-11-21T06:00:00.000Z","check":"db","muted_until":"2026-11-21T07:00:00.000Z"}
/// {"at":"2026-11-21T06:00:00.000Z","check":"db","muted_until":null}
/// {"at":"2026-11-21T06:00:00.000Z","shutdown":"finishing","under_way":3}
/// ```
impl Serialize for Transition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("at", &timestamp(self.at))?;
        match &self.change {
            Change::Check { name, from, to, summary } => {
                map.serialize_entry("check", &**name)?;
                flip(&mut map, word(*from), word(*to))?;
                if let Some(summary) = summary {
                    map.serialize_entry("summary", &**summary)?;
                }
            }
            Change::Probe { probe, from, to } => {
                map.serialize_entry("probe", probe.as_str())?;
                flip(&mut map, from.as_str(), to.as_str())?;
            }
            Change::Phase { from, to } => {
                map.serialize_entry("phase", to.as_str())?;
                flip(&mut map, from.as_str(), to.as_str())?;
            }
            Change::Muted { name, until, .. } => mute(&mut map, name, Some(*until))?,
            Change::Unmuted { name } => mute(&mut map, name, None)?,
            Change::Shutdown { step, under_way } => {
                map.serialize_entry("shutdown", step.as_str())?;
                map.serialize_entry("under_way", under_way)?;
            }
        }
        if self.missed > 0 {
            map.serialize_entry("missed", &self.missed)?;
        }
        map.end()
    }
}

fn flip<M: SerializeMap>(map: &mut M, from: &str, to: &str) -> Result<(), M::Error> {
    map.serialize_entry("from", from)?;
    map.serialize_entry("to", to)
}

fn mute<M: SerializeMap>(map: &mut M, name: &Arc<str>, until: Option<SystemTime>) -> Result<(), M::Error> {
    map.serialize_entry("check", &**name)?;
    map.serialize_entry("muted_until", &until.map(timestamp))
}

fn word(status: Result<Status, Unknown>) -> &'static str {
    status.map_or("unknown", Status::as_str)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Phase, Probe, ShutdownStep};

    fn written(missed: u64, change: Change) -> String {
        let transition = Transition { sequence: 7, at: SystemTime::UNIX_EPOCH, missed, change };
        let json = serde_json::to_string(&transition).unwrap();
        json.strip_prefix(r#"{"at":"1970-01-01T00:00:00.000Z","#).unwrap().into()
    }

    #[test]
    fn each_change_has_its_fields_in_their_order() {
        use Status::{Healthy, Unhealthy};
        let check = |summary: Option<&str>, from| Change::Check {
            name: "a/b".into(),
            from,
            to: Ok(Unhealthy),
            summary: summary.map(Into::into),
        };
        assert_eq!(
            written(2, check(Some("line\r\n\"end\""), Ok(Healthy))),
            r#""check":"a/b","from":"healthy","to":"unhealthy","summary":"line\r\n\"end\"","missed":2}"#
        );
        assert_eq!(
            written(0, check(None, Err(Unknown::Pending))),
            r#""check":"a/b","from":"unknown","to":"unhealthy"}"#
        );
        assert_eq!(
            written(1, Change::Probe { probe: Probe::Ready, from: Healthy, to: Unhealthy }),
            r#""probe":"ready","from":"healthy","to":"unhealthy","missed":1}"#
        );
        assert_eq!(
            written(0, Change::Phase { from: Phase::Running, to: Phase::Draining }),
            r#""phase":"draining","from":"running","to":"draining"}"#
        );
        let until = SystemTime::UNIX_EPOCH + Duration::from_secs(60);
        assert_eq!(
            written(0, Change::Muted { name: "a/b".into(), until, reason: "who may know?".into() }),
            r#""check":"a/b","muted_until":"1970-01-01T00:01:00.000Z"}"#
        );
        assert_eq!(
            written(0, Change::Unmuted { name: "a/b".into() }),
            r#""check":"a/b","muted_until":null}"#
        );
        assert_eq!(
            written(0, Change::Shutdown { step: ShutdownStep::CutOff, under_way: 3 }),
            r#""shutdown":"cut_off","under_way":3}"#
        );
    }
}
