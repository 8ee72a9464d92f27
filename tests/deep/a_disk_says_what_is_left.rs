//! Real file systems that are filled up, made read-only, taken away and hung: what `DiskSpace` and `Folder` say.

#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use health_builtins::Recommended as _;
use health_builtins::disk::DiskSpace;
use health_builtins::folder::Folder;
use health_core::Status;
use health_deep_tests::asked::{Deep, Told};
use health_deep_tests::own_mounts::{Mounted, apart};
use health_tests::servers::not_permitted;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    Space,
    List,
    Write,
}

#[derive(Clone, Copy, Debug)]
enum Trouble {
    None,
    AlmostFull,
    Full,
    Crowded,
    ReadOnly,
    Gone,
    NoFolder,
}

use Depth::{List, Space, Write};
use Trouble::{AlmostFull, Crowded, Full, Gone, NoFolder, None as Well, ReadOnly};

type Expected = (Status, Option<&'static str>);
const HEALTHY: Expected = (Status::Healthy, None);
const fn degraded(summary: &'static str) -> Expected {
    (Status::Degraded, Some(summary))
}
const fn unhealthy(summary: &'static str) -> Expected {
    (Status::Unhealthy, Some(summary))
}

/// What each depth says of each trouble.
const TABLE: &[(Trouble, Depth, Expected)] = &[
    (Well, Space, HEALTHY),
    (Well, List, HEALTHY),
    (Well, Write, HEALTHY),
    (AlmostFull, Space, degraded("95.3 % of the space of the file system is used, more than 90 %")),
    (AlmostFull, List, HEALTHY),
    (AlmostFull, Write, HEALTHY),
    (Full, Space, degraded("100 % of the space of the file system is used, more than 90 %")),
    (Full, List, HEALTHY),
    (Full, Write, unhealthy("a file cannot be written: no space is left")),
    (Crowded, Space, degraded("100 % of the files (inodes) of the file system is used, more than 90 %")),
    (Crowded, List, HEALTHY),
    (Crowded, Write, unhealthy("a file cannot be made: no space is left")),
    (ReadOnly, Space, HEALTHY),
    (ReadOnly, List, HEALTHY),
    (ReadOnly, Write, unhealthy("read-only: writes are refused")),
    (Gone, Space, degraded("there is no such path")),
    (Gone, List, unhealthy("there is no such folder")),
    (Gone, Write, unhealthy("there is no such folder")),
    (NoFolder, Space, HEALTHY),
    (NoFolder, List, unhealthy("it is no folder")),
    (NoFolder, Write, unhealthy("it is no folder")),
];

fn asked(depth: Depth, path: &Path) -> Deep {
    match depth {
        Space => {
            let check = DiskSpace::of(path);
            Deep::started("disk", check.spec("disk"), check)
        }
        List => {
            let check = Folder::readable(path);
            Deep::started("folder", check.spec("folder").timeout("700ms"), check)
        }
        Write => {
            let check = Folder::writable(path);
            Deep::started("folder", check.spec("folder").timeout("700ms"), check)
        }
    }
}

impl Trouble {
    /// Makes it, and says which path is asked about.
    fn made(self, disk: &Mounted) -> PathBuf {
        let folder = disk.path().join("folder");
        match self {
            Self::None => {}
            Self::AlmostFull => fs::write(disk.path().join("much"), vec![7; 244 * 4096]).unwrap(),
            Self::Full => drop(disk.filled()),
            Self::Crowded => disk.crowded(),
            Self::ReadOnly => disk.again("remount,ro"),
            Self::Gone => fs::remove_dir(&folder).unwrap(),
            Self::NoFolder => {
                fs::remove_dir(&folder).unwrap();
                fs::write(&folder, "").unwrap();
            }
        }
        folder
    }

    fn mended(self, disk: &Mounted) {
        let folder = disk.path().join("folder");
        match self {
            Self::None => {}
            Self::AlmostFull => fs::remove_file(disk.path().join("much")).unwrap(),
            Self::Full => fs::remove_file(disk.path().join("filling")).unwrap(),
            Self::Crowded => fs::remove_file(disk.path().join("file-0"))
                .and_then(|()| fs::remove_file(disk.path().join("file-1")))
                .and_then(|()| fs::remove_file(disk.path().join("file-2")))
                .unwrap(),
            Self::ReadOnly => disk.again("remount,rw"),
            Self::Gone => fs::create_dir(&folder).unwrap(),
            Self::NoFolder => {
                fs::remove_file(&folder).unwrap();
                fs::create_dir(&folder).unwrap();
            }
        }
    }
}

fn block_on(body: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(body);
}

fn names(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn each_trouble_is_told_in_its_own_words() {
    apart("each_trouble_is_told_in_its_own_words", &[], || {
        block_on(async {
            for (trouble, depth, (status, summary)) in TABLE {
                let disk = Mounted::memory("size=1m,nr_inodes=24");
                fs::create_dir(disk.path().join("folder")).unwrap();
                let path = trouble.made(&disk);
                let deep = asked(*depth, &path);
                let told = deep.told().await;
                assert_eq!(told.said(), (Ok(*status), *summary), "{trouble:?}, {depth:?}: {told:?}");
                let path = path.display().to_string();
                assert!(!told.summary.as_deref().unwrap_or_default().contains(&path), "{told:?}");
                trouble.mended(&disk);
                deep.recovers().await;
                assert_eq!(names(&disk.path().join("folder")), [""; 0], "{trouble:?}, {depth:?}");
            }
        });
    });
}

#[test]
fn bytes_that_are_free_are_a_limit_of_their_own() {
    apart("bytes_that_are_free_are_a_limit_of_their_own", &[], || {
        block_on(async {
            let disk = Mounted::memory("size=1m");
            fs::write(disk.path().join("much"), vec![7; 128 * 4096]).unwrap();
            let check = DiskSpace::of(disk.path()).degraded_below_free(512 << 10);
            let deep = Deep::started("disk", check.spec("disk"), check);
            deep.told().await.is_healthy();
            fs::write(disk.path().join("more"), "x").unwrap();
            deep.told().await.is_degraded("508.0 KiB are free, less than 512.0 KiB");
            // Another path on it says the same.
            fs::create_dir(disk.path().join("below")).unwrap();
            let check = DiskSpace::of(disk.path().join("below")).degraded_above(0.4).unhealthy_above(0.5);
            let told = Deep::started("disk", check.spec("disk"), check).told().await;
            told.is_unhealthy("50.4 % of the space of the file system is used, more than 50 %");
            assert_eq!(told.data["free_bytes"], 508 << 10, "{told:?}");
        });
    });
}

#[test]
fn what_may_not_be_done_is_said() {
    // Root may do it all, unless it gives that up.
    let below = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"];
    apart("what_may_not_be_done_is_said", &below, || {
        block_on(async {
            let disk = Mounted::memory("size=1m");
            let folder = disk.path().join("folder");
            fs::create_dir(&folder).unwrap();
            let may = |mode| fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
            let (list, write) = (asked(List, &folder), asked(Write, &folder));
            may(0o500);
            list.told().await.is_healthy();
            write.told().await.is_unhealthy("a file cannot be made: permission denied");
            may(0o300);
            list.told().await.is_unhealthy("the folder cannot be listed: permission denied");
            write.told().await.is_healthy();
            may(0);
            let space = asked(Space, &folder.join("below"));
            space.told().await.is_degraded("the path cannot be walked: permission denied");
            may(0o700);
            assert_eq!(names(&folder), [""; 0]);
        });
    });
}

#[test]
fn where_files_cannot_be_deleted_there_is_one_of_ours() {
    apart("where_files_cannot_be_deleted_there_is_one_of_ours", &[], || {
        block_on(async {
            let disk = Mounted::memory("size=1m");
            let change = |how: &str| {
                Command::new("chattr").arg(how).arg(disk.path()).status().is_ok_and(|done| done.success())
            };
            if !change("+a") {
                return not_permitted("`chattr +a` on tmpfs");
            }
            let deep = asked(Write, disk.path());
            for _ in 0..5 {
                let told = deep.told().await;
                assert_eq!(told.status, Ok(Status::Unhealthy), "{told:?}");
                assert!(told.summary.as_deref().unwrap().starts_with("a file cannot be deleted"), "{told:?}");
            }
            assert_eq!(names(disk.path()).len(), 1);
            assert!(change("-a"));
            deep.told().await.is_healthy();
            assert_eq!(names(disk.path()), [""; 0]);
        });
    });
}

#[test]
fn a_file_system_that_hangs_holds_on_to_a_few_threads() {
    apart("a_file_system_that_hangs_holds_on_to_a_few_threads", &[], || {
        if !Path::new("/dev/fuse").exists() {
            return not_permitted("FUSE");
        }
        block_on(async {
            for depth in [Space, List, Write] {
                let mut disk = Mounted::hung();
                let deep = asked(depth, disk.path());
                match depth {
                    Space => deep.told().await.is_degraded("the file system does not answer"),
                    List | Write => deep.told().await.timed_out(),
                }
                // Until it is certain that it hangs, another may be begun.
                let refused = |told: &Told| {
                    told.summary
                        .as_deref()
                        .is_some_and(|summary| summary.starts_with("the last look has not come back for "))
                };
                let mut told = deep.told().await;
                let until = Instant::now() + Duration::from_secs(30);
                while !refused(&told) {
                    assert!(Instant::now() < until, "{depth:?}: {told:?}");
                    told = deep.told().await;
                }
                let stuck = threads_that_look();
                assert!((1..=4).contains(&stuck), "{depth:?}: {stuck}");
                for _ in 0..50 {
                    told = deep.told().await;
                    assert!(refused(&told), "{told:?}");
                }
                let milder = if depth == Space { Status::Degraded } else { Status::Unhealthy };
                assert_eq!(told.status, Ok(milder));
                assert_eq!(threads_that_look(), stuck, "{depth:?}");
                disk.is_given_up();
                disk.unmounted();
                deep.recovers().await;
                let until = Instant::now() + Duration::from_secs(30);
                while threads_that_look() > 0 {
                    assert!(Instant::now() < until, "{depth:?}: {}", threads_that_look());
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            }
        });
    });
}

fn threads_that_look() -> usize {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    let names = threads.filter_map(|thread| fs::read_to_string(thread.unwrap().path().join("comm")).ok());
    names.filter(|name| name.trim() == "health-look").count()
}

/// A runtime waits for its pool when it ends. What hangs here is not in it.
#[test]
fn a_file_system_that_hangs_does_not_hold_up_the_exit() {
    apart("a_file_system_that_hangs_does_not_hold_up_the_exit", &[], || {
        if !Path::new("/dev/fuse").exists() {
            return not_permitted("FUSE");
        }
        let mut disk = Mounted::hung();
        let (ended, end) = std::sync::mpsc::channel();
        let path = disk.path().to_owned();
        std::thread::spawn(move || {
            block_on(async { asked(Write, &path).told().await.timed_out() });
            ended.send(()).unwrap();
        });
        assert_eq!(end.recv_timeout(Duration::from_secs(30)), Ok(()));
        disk.is_given_up();
    });
}
