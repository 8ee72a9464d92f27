//! From when to when certificates are valid, and what that means now.

use std::time::{Duration, SystemTime};

use health_core::{Failure, Outcome};
use tokio_rustls::rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::time::Time;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// One certificate of a chain.
#[derive(Clone, Copy)]
pub(super) struct Validity {
    of: &'static str,
    begins: Time,
    ends: Time,
}

impl Validity {
    /// The first one is the server's own. A root at the end is looked at by nobody: whoever trusts it has it already.
    pub(super) fn of_chain(chain: &[CertificateDer<'_>]) -> Result<Vec<Self>, Failure> {
        let mut found = Vec::with_capacity(chain.len());
        for certificate in chain {
            let certificate = Certificate::from_der(certificate)
                .map_err(|error| Failure::new("the certificate cannot be read").because(error))?
                .tbs_certificate;
            let of = if found.is_empty() { "the certificate" } else { "an intermediate certificate" };
            if found.is_empty() || certificate.issuer != certificate.subject {
                let validity = certificate.validity;
                found.push(Self { of, begins: validity.not_before, ends: validity.not_after });
            }
        }
        Ok(found)
    }

    /// Whole seconds until it ends, negative once it has ended.
    fn left(&self, now: SystemTime) -> i128 {
        seconds(self.ends) - since_1970(now)
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
    /// The earliest end counts.
    pub(super) fn judge(&self, chain: &[Validity], now: SystemTime) -> Result<Outcome, Failure> {
        let Some(first) = chain.iter().min_by_key(|one| one.left(now)) else {
            return Err(Failure::new("there is no certificate"));
        };
        let (of, left) = (first.of, first.left(now));
        let begins_in = |one: &Validity| seconds(one.begins) - since_1970(now);
        let not_yet = chain.iter().find(|one| begins_in(one) > 0);
        let within = |limit: Duration| left <= i128::from(limit.as_secs());
        let outcome = if left < 0 {
            Outcome::unhealthy(format!("{of} ended {} ago", in_words(-left)))
        } else if let Some(one) = not_yet {
            let of = one.of;
            Outcome::unhealthy(format!("{of} is not valid yet: it begins in {}", in_words(begins_in(one))))
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
        Validity { of: "the certificate", begins: at(begins), ends: at(ends) }
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
    fn the_earliest_end_of_a_chain_counts() {
        let of = "an intermediate certificate";
        let chain = [own(-DAYS, 90 * DAYS), Validity { of, ..own(-DAYS, 10 * DAYS) }];
        let soon = "an intermediate certificate ends in 10 days";
        assert_eq!(said(Limits::default(), &chain), (Status::Degraded, Some(soon.into())));
        let chain = [own(-DAYS, 90 * DAYS), Validity { of, ..own(-DAYS, -DAYS) }];
        let over = "an intermediate certificate ended 24 hours ago";
        assert_eq!(said(Limits::default(), &chain), (Status::Unhealthy, Some(over.into())));
        assert!(Limits::default().judge(&[], SystemTime::now()).is_err());
    }
}
