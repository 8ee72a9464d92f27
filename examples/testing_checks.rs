//! How to test checks: call the function, or give a whole `Health` a fake.
//!
//! Run with `cargo test --example testing_checks`; `cargo run --example testing_checks` runs the check for real.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use health_core::{Exposure, Health, Outcome, Probe, health_check};

/// Where letters wait to be sent.
trait Spool: Send + Sync {
    fn letters(&self) -> io::Result<usize>;
}

struct FolderSpool(PathBuf);

impl Spool for FolderSpool {
    fn letters(&self) -> io::Result<usize> {
        Ok(std::fs::read_dir(&self.0)?.count())
    }
}

/// Letters do not pile up.
#[health_check(name = "spool", blocking = true)]
fn spool(spool: &dyn Spool) -> io::Result<Outcome> {
    let letters = spool.letters()?;
    let outcome = if letters < 100 { Outcome::healthy() } else { Outcome::degraded("letters pile up") };
    Ok(outcome.data("letters", letters))
}

/// What `main` and the tests have in common: only the resources differ.
fn health(spool: Arc<dyn Spool>) -> Result<Health, health_core::BuildError> {
    Ok(Health::builder().resource(spool).discover().build()?.start())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let health = health(Arc::new(FolderSpool(folder.path().to_owned())))?;
    print!("{}", health.report(Probe::Ready).await.view(Exposure::Checks).text());
    Ok(())
}

#[cfg(test)]
mod tests {
    use health_core::{Ended, Status};

    use super::*;

    struct Fake(Result<usize, &'static str>);

    impl Spool for Fake {
        fn letters(&self) -> io::Result<usize> {
            self.0.map_err(io::Error::other)
        }
    }

    /// An annotated function is still a function.
    #[test]
    fn many_letters_degrade() {
        assert_eq!(spool(&Fake(Ok(99))).unwrap().status(), Status::Healthy);
        let outcome = spool(&Fake(Ok(100))).unwrap();
        assert_eq!(outcome.status(), Status::Degraded);
        assert_eq!(outcome.summary(), Some("letters pile up"));
    }

    #[test]
    fn a_spool_that_cannot_be_read_is_an_error() {
        assert!(spool(&Fake(Err("no such folder"))).is_err());
    }

    /// What a failure does to the whole is a question to the whole.
    #[tokio::test]
    async fn a_spool_that_cannot_be_read_makes_ready_unhealthy() {
        let health = health(Arc::new(Fake(Err("/var/spool: permission denied")))).unwrap();
        let report = health.report(Probe::Ready).await;
        assert_eq!(report.status(), Status::Unhealthy);
        assert_eq!(report.failing().collect::<Vec<_>>(), ["spool"]);
        assert_eq!(report.entry("spool").unwrap().ended(), Some(Ended::Error));
        // And nobody outside learns why.
        assert!(!report.view(Exposure::Checks).text().contains("/var/spool"));
    }

    /// One of several checks, by its name.
    #[tokio::test]
    async fn few_letters_are_healthy() {
        let health = health(Arc::new(Fake(Ok(3)))).unwrap();
        let report = health.check("spool").await.unwrap();
        assert_eq!(report.status(), Status::Healthy);
        assert_eq!(report.entry("spool").unwrap().data()[0].value(), 3);
    }
}
