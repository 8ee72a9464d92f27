//! Whether a folder can be read, or written.
//!
//! # What green proves
//!
//! [`Folder::readable`]: that it is there and its first entry could be listed. [`Folder::writable`]: that 4 KiB could
//! be written into a new file in it, brought to the disk (`fsync`), read back, compared, and deleted.
//!
//! # What it costs
//!
//! One listing that is given up after its first entries; or one file made, one block written and flushed, read and
//! deleted, every 30 s. A flush waits for what others have written to the same disk. Each run is a short-lived
//! thread, because a network file system that hangs gives nothing back: see below.
//!
//! # What it needs
//!
//! To list the folder; or to make and delete files in it. The file is called `.health-trial-`, a random number and
//! `.tmp`, and may be read by its owner alone. Who lists the folder may see it for a moment.
//!
//! # When it lies
//!
//! What can be written here may not be permitted there, and 4 KiB may fit where a megabyte does not: add a
//! [`DiskSpace`](crate::disk::DiskSpace). What was read back came from the memory of the kernel. A process that is
//! killed midway leaves its file. Every process that checks whether the folder can be written looks for such files
//! among its first 10 000 entries, at its first run and then every ten minutes, and removes those that are older than
//! ten minutes.
//!
//! A folder counts as the instance's own, and critical. One on a network file system belongs to all instances: with its
//! server each of them would be unhealthy at once, and taken out of traffic. Say so:
//!
//! ```
//! use health_builtins::Recommended as _;
//! use health_builtins::folder::Folder;
//! use health_core::{Health, Scope};
//!
//! let uploads = Folder::writable("/mnt/uploads");
//! let spec = uploads.spec("uploads").scope(Scope::Shared).critical(false);
//! Health::builder().check(spec, uploads).build()?;
//! # Ok::<(), health_core::BuildError>(())
//! ```
//!
//! # When it hangs
//!
//! A check that is cut off by its timeout leaves its thread where it hangs. When that has been so for five seconds no
//! other is begun for the same folder and depth, and runs say at once `the last look has not come back for 10.5s`;
//! before, there are four such threads at most, and who comes then waits. When the file system comes back, that thread
//! cleans up after itself and ends, and the next run is a new look. None of them holds up the exit of the process.

mod trial;

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use health_core::{Failure, HealthCheck, Outcome, Spec};

use crate::Recommended;
use crate::blocking::look;
use crate::recommended::on_this_machine;

/// A folder can be read or written.
///
/// ```
/// use health_builtins::Recommended as _;
/// use health_builtins::folder::Folder;
/// use health_core::Health;
///
/// let uploads = Folder::writable("/var/lib/app/uploads");
/// Health::builder().check(uploads.spec("uploads"), uploads).build()?;
/// # Ok::<(), health_core::BuildError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Folder {
    path: PathBuf,
    depth: Depth,
}

#[derive(Clone, Copy, Debug)]
enum Depth {
    List,
    Write,
}

impl Folder {
    /// It can be listed. Nothing is written.
    pub fn readable(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), depth: Depth::List }
    }

    /// A file can be written into it, read back and deleted.
    pub fn writable(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), depth: Depth::Write }
    }
}

impl HealthCheck for Folder {
    /// Cancelled, it leaves the look to a thread, which cleans up when it comes back.
    async fn check(&self) -> Result<Outcome, Failure> {
        let path = self.path.clone();
        match self.depth {
            Depth::List => look(&self.path, move || list(&path)).await??,
            Depth::Write => look(&self.path, move || trial::write(&path)).await??,
        }
        Ok(Outcome::healthy())
    }

    fn defaults() -> Spec {
        on_this_machine("").timeout("2s")
    }
}

impl Recommended for Folder {
    #[track_caller]
    fn spec(&self, name: impl Into<Cow<'static, str>>) -> Spec {
        let spec = on_this_machine(name).timeout("2s");
        match self.depth {
            Depth::List => spec,
            Depth::Write => spec.interval("30s"),
        }
    }
}

fn list(path: &Path) -> Result<(), Failure> {
    let listed = fs::read_dir(path).and_then(|mut entries| entries.next().transpose());
    match listed {
        Ok(_) => Ok(()),
        Err(error) => Err(trial::absent(error)
            .unwrap_or_else(|error: io::Error| trial::failed("the folder cannot be listed", error))),
    }
}
