//! The native JSON form. The order of the fields is the order on the wire.

use std::time::{Duration, SystemTime};

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::{EntryView, Exposure, View};
use crate::report::Unknown;
use crate::{Ended, Status};

impl Serialize for View<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let report = self.report;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("status", report.status().as_str())?;
        if self.exposure >= Exposure::Checks {
            let (listed, omitted) = self.listed();
            map.serialize_entry("failing", &Sequence(|| report.failing()))?;
            map.serialize_entry("waiting_for", report.waiting_for())?;
            if let Some(probe) = report.probe() {
                map.serialize_entry("probe", probe.as_str())?;
            }
            map.serialize_entry("phase", report.phase().as_str())?;
            map.serialize_entry("checks", &listed)?;
            if omitted > 0 {
                map.serialize_entry("omitted", &omitted)?;
            }
        }
        map.end()
    }
}

impl Serialize for EntryView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", self.name())?;
        map.serialize_entry("status", self.status().map_or("unknown", Status::as_str))?;
        map.serialize_entry("raw", self.raw().map_or("unknown", Status::as_str))?;
        map.serialize_entry("critical", &self.is_critical())?;
        map.serialize_entry("probes", &Sequence(|| self.probes().iter().map(crate::Probe::as_str)))?;
        map.serialize_entry("ended", ended(*self))?;
        optional(&mut map, "summary", self.summary())?;
        optional(&mut map, "at", self.at().map(timestamp))?;
        optional(&mut map, "duration_ms", self.duration().map(milliseconds))?;
        optional(&mut map, "since", self.since().map(timestamp))?;
        optional(&mut map, "last_success", self.last_success().map(timestamp))?;
        optional(&mut map, "muted_until", self.muted_until().map(timestamp))?;
        optional(&mut map, "queued_ms", self.queued().map(milliseconds))?;
        optional(&mut map, "group", self.group())?;
        if self.because_of().next().is_some() {
            map.serialize_entry("because_of", &Sequence(|| self.because_of()))?;
        }
        optional(&mut map, "error", self.error())?;
        if self.data().next().is_some() {
            map.serialize_entry("data", &Data(*self))?;
        }
        optional(&mut map, "location", self.location().map(|location| location.to_string()))?;
        map.end()
    }
}

fn ended(entry: EntryView<'_>) -> &'static str {
    match entry.status() {
        Err(Unknown::Pending) => "pending",
        Err(Unknown::Stale) => "stale",
        Ok(_) => entry.ended().map_or("pending", Ended::as_str),
    }
}

fn optional<M: SerializeMap, T: Serialize>(
    map: &mut M,
    key: &'static str,
    value: Option<T>,
) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(key, &value))
}

/// A time as every view writes it: RFC 3339 with milliseconds, in UTC. A clock set before 1970 or after 9999 shows the
/// nearest time that has a form.
#[must_use]
pub fn timestamp(at: SystemTime) -> String {
    let last = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    humantime::format_rfc3339_millis(at.clamp(SystemTime::UNIX_EPOCH, last)).to_string()
}

/// Tenths of a millisecond are as fine as a reader can use.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e4).round() / 1e1
}

/// Serialises what an iterator yields, without collecting it.
struct Sequence<F>(F);

impl<I: Iterator<Item: Serialize>, F: Fn() -> I> Serialize for Sequence<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(None)?;
        for item in (self.0)() {
            sequence.serialize_element(&item)?;
        }
        sequence.end()
    }
}

struct Data<'a>(EntryView<'a>);

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.data().map(|datum| (datum.name(), datum.value())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_far_off_still_has_a_form() {
        assert_eq!(timestamp(SystemTime::UNIX_EPOCH - Duration::from_secs(9)), "1970-01-01T00:00:00.000Z");
        assert_eq!(
            timestamp(SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 50)),
            "9999-12-31T23:59:59.000Z"
        );
        assert_eq!(
            timestamp(SystemTime::UNIX_EPOCH + Duration::from_millis(1_763_704_800_042)),
            "2025-11-21T06:00:00.042Z"
        );
        assert_eq!(milliseconds(Duration::from_micros(700_149)).to_string(), "700.1");
    }
}
