//! Certificates of chosen dates.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SerialNumber};
use time::OffsetDateTime;
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::CertificateDer;

/// An authority with one below it.
pub struct Authority {
    root: CertifiedIssuer<'static, KeyPair>,
    below: CertifiedIssuer<'static, KeyPair>,
}

/// What a server shows, the server's own first, and the key of that.
pub struct Shown {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: KeyPair,
}

/// Valid for so many days from and to now.
pub fn days(from: i64, to: i64, name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    params.distinguished_name.push(DnType::CommonName, name);
    let now = OffsetDateTime::now_utc();
    // Somewhat later than the full day, so that a day has not passed when it is asked.
    params.not_before = now + time::Duration::days(from) - time::Duration::minutes(5);
    params.not_after = now + time::Duration::days(to) + time::Duration::minutes(5);
    params
}

pub fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

impl Authority {
    /// The lower one ends in so many days.
    pub fn below_for(ends: i64) -> Self {
        Self::with(ends, None)
    }

    /// The lower one has a number that RFC 5280, section 4.1.2.2, calls too long.
    pub fn with_a_long_number_for(ends: i64) -> Self {
        Self::with(ends, Some(long_number()))
    }

    fn with(ends: i64, number: Option<SerialNumber>) -> Self {
        let of = |ends, name| {
            let mut params = days(-400, ends, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.subject_alt_names.clear();
            params
        };
        let root = CertifiedIssuer::self_signed(of(4000, "the root"), key()).expect("a root");
        let mut below = of(ends, "below the root");
        below.serial_number = number;
        let below = CertifiedIssuer::signed_by(below, key(), &root).expect("one below");
        Self { root, below }
    }

    /// A server, for `localhost`.
    pub fn signs(&self, from: i64, to: i64) -> Shown {
        self.signed(days(from, to, "the server"))
    }

    /// The same, with a number that is too long.
    pub fn signs_with_a_long_number(&self, from: i64, to: i64) -> Shown {
        let mut params = days(from, to, "the server");
        params.serial_number = Some(long_number());
        self.signed(params)
    }

    fn signed(&self, params: CertificateParams) -> Shown {
        let key = key();
        let own = params.signed_by(&key, &self.below).expect("a certificate");
        Shown { chain: vec![own.der().clone(), self.below.der().clone()], key }
    }

    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.der().clone()).expect("a root");
        roots
    }
}

fn long_number() -> SerialNumber {
    SerialNumber::from_slice(&[7; 30])
}

/// A server, for `localhost`, that nobody knows.
pub fn self_signed(from: i64, to: i64) -> Shown {
    let key = key();
    let own = days(from, to, "nobody else").self_signed(&key).expect("a certificate");
    Shown { chain: vec![own.der().clone()], key }
}
