//! One file, made and written and read and deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirEntry, File, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use health_core::Failure;

use crate::Fault;

/// A block of most file systems: what is smaller may find a place where no block is left.
const SIZE: usize = 4096;
const PREFIX: &str = ".health-trial-";
/// Whoever has made a file that is older has ended without deleting it.
const OLD: Duration = Duration::from_secs(600);
/// So many entries of a folder are looked at for files that were left in it.
const LOOKED_AT: usize = 10_000;

/// When the folders were last searched for what others have left in them.
static SEARCHED: Mutex<BTreeMap<PathBuf, Instant>> = Mutex::new(BTreeMap::new());
/// The files of this process that could be made and not deleted.
static LEFT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Writes a file into the folder, reads it back and deletes it.
pub(super) fn write(folder: &Path) -> Result<(), Failure> {
    // Where files cannot be deleted there is one of ours, not one of each run.
    let left = known(&LEFT).iter().find(|path| path.parent() == Some(folder)).cloned();
    if let Some(path) = left {
        delete(&path)?;
    }
    let number = RandomState::new().hash_one(std::process::id());
    let path = folder.join(format!("{PREFIX}{number:016x}.tmp"));
    let file = match made(&path) {
        Ok(file) => file,
        Err(error) => {
            return Err(absent(error).unwrap_or_else(|error| failed("a file cannot be made", error)));
        }
    };
    let written = filled(file, &path, number);
    let deleted = delete(&path);
    search(folder, written?, Instant::now());
    deleted
}

fn made(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// When the file was written, by the clock of its file system.
fn filled(mut file: File, path: &Path, number: u64) -> Result<Option<SystemTime>, Failure> {
    // Other bytes each time: those of an earlier file are noticed.
    let bytes: Vec<u8> = number.to_le_bytes().into_iter().cycle().take(SIZE).collect();
    file.write_all(&bytes).map_err(|error| failed("a file cannot be written", error))?;
    file.sync_all().map_err(|error| failed("a file cannot be brought to the disk", error))?;
    let written = file.metadata().and_then(|metadata| metadata.modified()).ok();
    drop(file);
    let unread = |error| failed("a file cannot be read back", error);
    let mut read = Vec::with_capacity(SIZE);
    let more_than_written = u64::try_from(SIZE).map_or(u64::MAX, |size| size.saturating_add(1));
    File::open(path).map_err(unread)?.take(more_than_written).read_to_end(&mut read).map_err(unread)?;
    if read != bytes {
        return Err(Failure::new("what was read back is not what was written"));
    }
    Ok(written)
}

fn delete(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Ok(()) => {
            known(&LEFT).remove(path);
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::NotFound && known(&LEFT).remove(path) => Ok(()),
        Err(error) => {
            if error.kind() != ErrorKind::NotFound {
                known(&LEFT).insert(path.to_owned());
            }
            Err(failed("a file cannot be deleted", error))
        }
    }
}

/// Deletes what was left by processes that have ended midway, if it has not looked for that just before. What is too
/// young by then, as that of a predecessor that was killed a moment ago, is old the next time.
fn search(folder: &Path, written: Option<SystemTime>, now: Instant) {
    let Some(written) = written else { return };
    let mut searched = known(&SEARCHED);
    if searched.get(folder).is_some_and(|last| now.saturating_duration_since(*last) < OLD) {
        return;
    }
    searched.insert(folder.to_owned(), now);
    drop(searched);
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.take(LOOKED_AT).flatten().filter(|entry| was_left(entry, written)) {
        drop(fs::remove_file(entry.path()));
    }
}

fn was_left(entry: &DirEntry, now: SystemTime) -> bool {
    let name = entry.file_name();
    let is_ours = name.to_str().is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(".tmp"));
    is_ours
        && entry.metadata().is_ok_and(|metadata| {
            let age = metadata.modified().ok().and_then(|modified| now.duration_since(modified).ok());
            metadata.is_file() && age.is_some_and(|age| age > OLD)
        })
}

fn known<T>(files: &Mutex<T>) -> MutexGuard<'_, T> {
    files.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is wrong when it is not a folder that one may look into. Else the error as it was.
pub(super) fn absent(error: io::Error) -> Result<Failure, io::Error> {
    match error.kind() {
        ErrorKind::NotFound => Ok(Failure::new("there is no such folder").because(error)),
        ErrorKind::NotADirectory => Ok(Failure::new("it is no folder").because(error)),
        _ => Err(error),
    }
}

/// What could not be done, and why in words that name nothing.
pub(super) fn failed(what: &'static str, error: io::Error) -> Failure {
    let why = match error.kind() {
        ErrorKind::ReadOnlyFilesystem => return Fault::ReadOnly.because(error),
        ErrorKind::NotFound => "there is no such file",
        ErrorKind::PermissionDenied => "permission denied",
        ErrorKind::StorageFull => "no space is left",
        ErrorKind::QuotaExceeded => "the quota is used up",
        ErrorKind::FileTooLarge => "it is too large",
        ErrorKind::StaleNetworkFileHandle => "the file system is another one now",
        _ => return Failure::new(what).because(error),
    };
    Failure::new(format!("{what}: {why}")).because(error)
}

#[cfg(test)]
mod tests {
    use super::super::super::recorded::Recorded;
    use super::*;

    fn folder_of(recorded: &Recorded) -> PathBuf {
        recorded.tree().at(Path::new("/"))
    }

    fn entries(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_others_have_left_is_deleted_once_it_is_old() {
        let recorded = Recorded::of([
            ("/.health-trial-old.tmp", "half of a"),
            ("/.health-trial-young.tmp", "somebody is writing"),
            ("/.health-trial-old.txt", "not ours"),
            ("/old.tmp", "not ours"),
        ]);
        let folder = folder_of(&recorded);
        fs::create_dir(folder.join(".health-trial-folder.tmp")).unwrap();
        let long_ago = SystemTime::now() - OLD - Duration::from_secs(60);
        for name in [".health-trial-old.tmp", ".health-trial-old.txt", "old.tmp", ".health-trial-folder.tmp"]
        {
            File::open(folder.join(name)).unwrap().set_modified(long_ago).unwrap();
        }
        write(&folder).unwrap();
        let kept =
            [".health-trial-folder.tmp", ".health-trial-old.txt", ".health-trial-young.tmp", "old.tmp"];
        assert_eq!(entries(&folder), kept);
    }

    #[test]
    fn a_folder_is_searched_now_and_then() {
        let recorded = Recorded::of([("/a", "")]);
        let folder = folder_of(&recorded);
        write(&folder).unwrap();
        recorded.write("/.health-trial-old.tmp", "");
        let long_ago = SystemTime::now() - OLD - Duration::from_secs(60);
        File::open(folder.join(".health-trial-old.tmp")).unwrap().set_modified(long_ago).unwrap();
        write(&folder).unwrap();
        assert_eq!(entries(&folder), [".health-trial-old.tmp", "a"]);
        search(&folder, Some(SystemTime::now()), Instant::now() + OLD);
        assert_eq!(entries(&folder), ["a"]);
    }

    #[test]
    fn other_bytes_are_noticed() {
        let recorded = Recorded::of([("/other", "other bytes")]);
        let (one, other) = (folder_of(&recorded).join("one"), folder_of(&recorded).join("other"));
        let failure = filled(made(&one).unwrap(), &other, 7).unwrap_err();
        assert_eq!(failure.summary(), Some("what was read back is not what was written"));
        assert_eq!(fs::read(&one).unwrap().len(), SIZE);
    }
}
