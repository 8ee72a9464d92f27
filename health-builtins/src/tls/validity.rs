//! From when to when certificates are valid, and what that means now.

use std::iter::once;
use std::time::{Duration, SystemTime};

use health_core::{Failure, Outcome};
use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::time::{self, Time};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// One certificate of a chain.
#[derive(Clone, Copy)]
pub(super) struct Validity {
    /// The first one, which the server itself is known by.
    is_own: bool,
    begins: Time,
    ends: Time,
}

impl Validity {
    /// A root at the end is looked at by nobody: whoever trusts it has it already. Of the others those that cannot be
    /// read are not missed either.
    ///
    /// # Errors
    ///
    /// If there is no certificate, or the first one cannot be read: that is how it was written, and says nothing about
    /// what it is worth.
    pub(super) fn of_chain(chain: &[CertificateDer<'_>]) -> Result<Vec<Self>, Failure> {
        let Some((own, others)) = chain.split_first() else {
            return Err(Failure::new("there is no certificate"));
        };
        let own = Certificate::from_der(own)
            .map_err(|error| Failure::new("the certificate cannot be read").because(error))?;
        let others = others.iter().filter_map(|other| Certificate::from_der(other).ok());
        let others = others.map(|other| other.tbs_certificate).filter(|other| other.issuer != other.subject);
        let of =
            |is_own, from: &time::Validity| Self { is_own, begins: from.not_before, ends: from.not_after };
        let own = of(true, &own.tbs_certificate.validity);
        Ok(once(own).chain(others.map(|other| of(false, &other.validity))).collect())
    }

    fn name(&self) -> &'static str {
        if self.is_own { "the certificate" } else { "an intermediate certificate" }
    }

    /// Whole seconds until it ends, negative once it has ended.
    fn left(&self, now: SystemTime) -> i128 {
        seconds(self.ends) - since_1970(now)
    }

    /// Whole seconds until it begins, negative once it has begun.
    fn ahead(&self, now: SystemTime) -> i128 {
        seconds(self.begins) - since_1970(now)
    }

    /// What is said first of all that is to say.
    fn urgency(&self, now: SystemTime) -> (u8, i128) {
        let is_valid = self.left(now) >= 0 && self.ahead(now) <= 0;
        let class = match (is_valid, self.is_own) {
            (false, true) => 0,
            (false, false) => 1,
            (true, _) => 2,
        };
        (class, self.left(now))
    }
}

/// What is left before it is said, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) degraded: Duration,
    pub(super) louder: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { degraded: 14 * DAY, louder: 3 * DAY }
    }
}

impl Limits {
    /// Only its own is unhealthy: that another has ended does no harm while clients find a way around it, which many
    /// chains leave them.
    pub(super) fn judge(&self, chain: &[Validity], now: SystemTime) -> Result<Outcome, Failure> {
        let Some(first) = chain.iter().min_by_key(|one| one.urgency(now)) else {
            return Err(Failure::new("there is no certificate"));
        };
        let (of, left, ahead) = (first.name(), first.left(now), first.ahead(now));
        let not_valid: fn(String) -> Outcome =
            if first.is_own { Outcome::unhealthy } else { Outcome::degraded };
        let within = |limit: Duration| left <= i128::from(limit.as_secs());
        let outcome = if left < 0 {
            not_valid(format!("{of} ended {} ago", in_words(-left)))
        } else if ahead > 0 {
            not_valid(format!("{of} is not valid yet: it begins in {}", in_words(ahead)))
        } else if within(self.degraded) {
            let now = if within(self.louder) { ": renew it now" } else { "" };
            Outcome::degraded(format!("{of} ends in {}{now}", in_words(left)))
        } else {
            Outcome::healthy()
        };
        let days = i64::try_from(left.div_euclid(i128::from(DAY.as_secs()))).unwrap_or(i64::MAX);
        Ok(outcome.data("not_after", first.ends.to_date_time().to_string()).data("days_left", days))
    }
}

fn seconds(time: Time) -> i128 {
    i128::from(time.to_unix_duration().as_secs())
}

/// Rounded down, as the clock of a certificate is.
fn since_1970(now: SystemTime) -> i128 {
    now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| i128::from(since.as_secs()))
}

/// One number and its unit, rounded down.
fn in_words(seconds: i128) -> String {
    let (day, hour) = (i128::from(DAY.as_secs()), i128::from(HOUR.as_secs()));
    let (count, unit) = match seconds {
        _ if seconds >= 2 * day => (seconds / day, "day"),
        _ if seconds >= 2 * hour => (seconds / hour, "hour"),
        _ if seconds >= 60 => (seconds / 60, "minute"),
        _ => (seconds, "second"),
    };
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{s}")
}

#[cfg(test)]
mod tests {
    use health_core::Status;
    use x509_cert::der::DateTime;
    use x509_cert::der::asn1::GeneralizedTime;

    use super::*;

    /// A moment in 2023.
    const NOW: u64 = 1_700_000_000;
    const DAYS: i64 = 86_400;

    fn at(offset: i64) -> Time {
        let since = Duration::from_secs(NOW.saturating_add_signed(offset));
        let date = DateTime::from_unix_duration(since).expect("a date");
        Time::GeneralTime(GeneralizedTime::from_date_time(date))
    }

    fn own(begins: i64, ends: i64) -> Validity {
        Validity { is_own: true, begins: at(begins), ends: at(ends) }
    }

    fn said(limits: Limits, chain: &[Validity]) -> (Status, Option<String>) {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW) + Duration::from_millis(999);
        let outcome = limits.judge(chain, now).expect("there is a certificate");
        (outcome.status(), outcome.summary().map(ToOwned::to_owned))
    }

    #[test]
    fn it_is_degraded_near_its_end_and_unhealthy_only_when_it_is_not_valid() {
        for (begins, ends, status, summary) in [
            (-DAYS, 14 * DAYS + 1, Status::Healthy, None),
            (-DAYS, 14 * DAYS, Status::Degraded, Some("the certificate ends in 14 days")),
            (-DAYS, 3 * DAYS + 1, Status::Degraded, Some("the certificate ends in 3 days")),
            (-DAYS, 3 * DAYS, Status::Degraded, Some("the certificate ends in 3 days: renew it now")),
            (-DAYS, 2 * DAYS - 1, Status::Degraded, Some("the certificate ends in 47 hours: renew it now")),
            (-DAYS, 61, Status::Degraded, Some("the certificate ends in 1 minute: renew it now")),
            // RFC 5280, section 4.1.2.5: through its last second.
            (-DAYS, 0, Status::Degraded, Some("the certificate ends in 0 seconds: renew it now")),
            (-DAYS, -1, Status::Unhealthy, Some("the certificate ended 1 second ago")),
            (-9 * DAYS, -5 * DAYS, Status::Unhealthy, Some("the certificate ended 5 days ago")),
            (0, 90 * DAYS, Status::Healthy, None),
            (
                1,
                90 * DAYS,
                Status::Unhealthy,
                Some("the certificate is not valid yet: it begins in 1 second"),
            ),
            (7_200, DAYS, Status::Unhealthy, Some("the certificate is not valid yet: it begins in 2 hours")),
        ] {
            let expected = (status, summary.map(ToOwned::to_owned));
            assert_eq!(said(Limits::default(), &[own(begins, ends)]), expected, "{begins}..{ends}");
        }
    }

    #[test]
    fn the_limits_are_those_that_are_set() {
        let of = |degraded, louder| Limits { degraded, louder };
        let ends_in_five = [own(-DAYS, 5 * DAYS)];
        assert_eq!(said(of(4 * DAY, 3 * DAY), &ends_in_five).0, Status::Healthy);
        // Louder is never worse, and never sooner.
        assert_eq!(said(of(4 * DAY, 9 * DAY), &ends_in_five), (Status::Healthy, None));
        let loud = "the certificate ends in 5 days: renew it now";
        assert_eq!(said(of(9 * DAY, 9 * DAY), &ends_in_five), (Status::Degraded, Some(loud.into())));
        assert_eq!(said(of(Duration::MAX, Duration::ZERO), &ends_in_five).0, Status::Degraded);
    }

    #[test]
    fn of_a_chain_the_servers_own_is_said_first_and_the_others_are_never_unhealthy() {
        let other = |begins, ends| Validity { is_own: false, ..own(begins, ends) };
        let (degraded, unhealthy) = (Status::Degraded, Status::Unhealthy);
        for (chain, status, summary) in [
            (
                vec![own(-DAYS, 90 * DAYS), other(-DAYS, 10 * DAYS), other(-DAYS, 12 * DAYS)],
                degraded,
                "an intermediate certificate ends in 10 days",
            ),
            (vec![own(-DAYS, 9 * DAYS), other(-DAYS, 10 * DAYS)], degraded, "the certificate ends in 9 days"),
            (
                vec![own(-DAYS, DAYS), other(-DAYS, -DAYS)],
                degraded,
                "an intermediate certificate ended 24 hours ago",
            ),
            (
                vec![own(-DAYS, DAYS), other(7_200, 90 * DAYS)],
                degraded,
                "an intermediate certificate is not valid yet: it begins in 2 hours",
            ),
            (vec![own(-DAYS, -1), other(-DAYS, -DAYS)], unhealthy, "the certificate ended 1 second ago"),
            (
                vec![own(60, DAYS), other(-DAYS, -DAYS)],
                unhealthy,
                "the certificate is not valid yet: it begins in 1 minute",
            ),
        ] {
            assert_eq!(said(Limits::default(), &chain), (status, Some(summary.into())));
        }
        assert!(Limits::default().judge(&[], SystemTime::now()).is_err());
    }
}
