//! How much of a file system is used: its space, and its files.
//!
//! # What green proves
//!
//! That a moment ago there was room, for data and for files (inodes), on the file system that the path is on. Room is
//! what an ordinary user may still use, as `df` counts it: what is kept for root does not count, even for a process
//! that is root.
//!
//! # What it costs
//!
//! One `statvfs` per run, which on local disks is answered from memory, on a short-lived thread. On a network file
//! system it is a question to the server.
//!
//! # What it needs
//!
//! Unix: elsewhere the feature adds nothing. To walk to the path; not to list, read or write it.
//!
//! # When it lies
//!
//! Quotas of users are not in it, nor how fast it fills. Btrfs and ZFS guess, and have no fixed number of files, so
//! for them only the space counts. Paths on one file system say the same. That a file system can be written is
//! another question: [`Folder::writable`](super::folder::Folder::writable).
//!
//! # When it hangs
//!
//! As for [folders](super::folder#when-it-hangs), except that it gives up by itself after half a second, with the
//! answer degraded: `the file system does not answer`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use health_core::Failure;
use rustix::fs::{StatVfs, statvfs};
use rustix::io::Errno;

use super::share;
use crate::blocking::look;
use crate::{Gauge, Pressure, Reading, Unit};

/// Well below the timeout of a check, so that the answer is not worse than degraded.
const PATIENCE: Duration = Duration::from_millis(500);

/// The space and the files that are used, of those that there are. Degraded above 90 % of either.
///
/// ```
/// use health_builtins::Recommended as _;
/// use health_builtins::disk::DiskSpace;
/// use health_core::Health;
///
/// let disk = DiskSpace::of("/var/lib/app").degraded_above(0.85).degraded_below_free(10 << 30);
/// Health::builder().check(disk.spec("disk"), disk).build()?;
/// # Ok::<(), health_core::BuildError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct DiskSpace {
    path: PathBuf,
    degraded_below_free: u64,
}

impl DiskSpace {
    /// Of the file system that this path is on.
    pub fn of(path: impl Into<PathBuf>) -> Pressure<Self> {
        Pressure::of(Self { path: path.into(), degraded_below_free: 0 })
    }
}

impl Pressure<DiskSpace> {
    /// Degraded also when fewer bytes than this are free, whatever share of the whole they are.
    pub fn degraded_below_free(self, bytes: u64) -> Self {
        self.map(|disk| DiskSpace { degraded_below_free: bytes, ..disk })
    }
}

impl Gauge for DiskSpace {
    const UNIT: Unit = Unit::Share;
    const DEGRADED_ABOVE: f64 = 0.9;

    async fn read(&self) -> Result<Reading, Failure> {
        let path = self.path.clone();
        let asked = look(&self.path, move || statvfs(&path));
        let Ok(found) = tokio::time::timeout(PATIENCE, asked).await else {
            return Err(Failure::new("the file system does not answer"));
        };
        let found = found?.map_err(unanswered)?;
        Room::of(&found).reading(&self.path, self.degraded_below_free)
    }
}

fn unanswered(error: Errno) -> Failure {
    let summary = match error {
        Errno::NOENT | Errno::NOTDIR => "there is no such path",
        Errno::ACCESS => "the path cannot be walked: permission denied",
        _ => "the file system cannot be asked",
    };
    Failure::new(summary).because(error)
}

/// What there is on a file system.
#[derive(Clone, Copy, Debug)]
struct Room {
    bytes: Part,
    files: Part,
}

#[derive(Clone, Copy, Debug)]
struct Part {
    used: u64,
    /// What an ordinary user may still use.
    free: u64,
}

impl Room {
    fn of(found: &StatVfs) -> Self {
        // In units of `f_frsize`, which the oldest leave out.
        let unit = if found.f_frsize > 0 { found.f_frsize } else { found.f_bsize };
        let used_blocks = found.f_blocks.saturating_sub(found.f_bfree);
        let bytes =
            Part { used: used_blocks.saturating_mul(unit), free: found.f_bavail.saturating_mul(unit) };
        let files = Part { used: found.f_files.saturating_sub(found.f_ffree), free: found.f_favail };
        Self { bytes, files }
    }

    fn reading(self, path: &Path, degraded_below_free: u64) -> Result<Reading, Failure> {
        let space = self.bytes.share_used();
        let Some(space) = space else {
            return Err(Failure::new("the file system does not say how large it is"));
        };
        // Where their number is not limited there are none to be counted.
        let files = self.files.share_used().filter(|files| *files > space);
        let (level, what) = files.map_or((space, "space"), |files| (files, "files (inodes)"));
        let percent = Unit::Share.write(level);
        let mut reading = Reading::of(level, format!("{percent} of the {what} of the file system is used"))
            .data("path", path.display().to_string())
            .data("free_bytes", self.bytes.free)
            .data("used_bytes", self.bytes.used);
        if self.files.share_used().is_some() {
            reading = reading.data("free_inodes", self.files.free).data("used_inodes", self.files.used);
        }
        if self.bytes.free < degraded_below_free {
            let (free, limit) = (written(self.bytes.free), written(degraded_below_free));
            reading = reading.degraded_because(format!("{free} are free, less than {limit}"));
        }
        Ok(reading)
    }
}

impl Part {
    fn share_used(self) -> Option<f64> {
        let all = self.used.saturating_add(self.free);
        (all > 0).then(|| share(self.used, all))
    }
}

/// In the largest unit of which there is at least one.
fn written(bytes: u64) -> String {
    let units = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    match units.into_iter().find(|(_, shift)| bytes >> shift > 0) {
        Some((name, shift)) => format!("{:.1} {name}", share(bytes, 1 << shift)),
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    fn told(room: Room, degraded_below_free: u64) -> String {
        match room.reading(Path::new("/data"), degraded_below_free) {
            Ok(reading) => format!("{reading:?}"),
            Err(failure) => failure.summary().unwrap_or_default().to_owned(),
        }
    }

    #[test]
    fn where_files_are_not_counted_they_are_not_used_up() {
        let none = Part { used: 0, free: 0 };
        let said = told(Room { bytes: Part { used: 1, free: 3 }, files: none }, 0);
        assert!(said.contains("25 % of the space") && !said.contains("inodes"), "{said}");
        let files = Part { used: 9, free: 1 };
        let said = told(Room { bytes: Part { used: 1, free: 3 }, files }, 0);
        assert!(said.contains("90 % of the files (inodes)"), "{said}");
        let said = told(Room { bytes: none, files }, 0);
        assert_eq!(said, "the file system does not say how large it is");
    }

    #[test]
    fn what_is_kept_for_root_is_not_free() {
        let mut found = statvfs("/").unwrap();
        (found.f_frsize, found.f_bsize) = (1024, 4096);
        (found.f_blocks, found.f_bfree, found.f_bavail) = (1000, 60, 10);
        let room = Room::of(&found);
        assert_eq!((room.bytes.used, room.bytes.free), (940 << 10, 10 << 10));
        let said = told(room, 11 << 10);
        assert!(said.contains("98.9 % of the space"), "{said}");
        assert!(said.contains("10.0 KiB are free, less than 11.0 KiB"), "{said}");
        found.f_frsize = 0;
        assert_eq!(Room::of(&found).bytes.free, 40 << 10);
    }

    proptest! {
        #[test]
        fn odd_numbers_are_no_panic(numbers in any::<[u64; 8]>(), limit: u64) {
            let mut found = statvfs("/").unwrap();
            let [size, unit, blocks, free, available, files, free_files, available_files] = numbers;
            (found.f_bsize, found.f_frsize) = (size, unit);
            (found.f_blocks, found.f_bfree, found.f_bavail) = (blocks, free, available);
            (found.f_files, found.f_ffree, found.f_favail) = (files, free_files, available_files);
            let room = Room::of(&found);
            drop(told(room, limit));
            assert!(room.bytes.share_used().is_none_or(|share| (0.0..=1.0).contains(&share)));
        }
    }
}
