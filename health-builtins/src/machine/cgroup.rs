//! Where the control group of this process is.
//!
//! `/proc/self/cgroup` names it, `/proc/self/mountinfo` says where its files are: cgroups(7), proc_pid_mountinfo(5).

use std::path::{Component, Path, PathBuf};

use super::tree::Tree;

/// A control group with a folder of files.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) version: Version,
    /// Where the outermost group that can be seen from here is mounted.
    mount: PathBuf,
    /// The way from there to the group of this process.
    below: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// One hierarchy for each controller.
    One,
    /// One hierarchy for all.
    Two,
}

impl Group {
    /// The group that limits memory: of version 1 where that hierarchy exists, for memory is limited in one only.
    pub(super) fn of_memory(tree: &Tree) -> Option<Self> {
        Self::found(tree, Version::One).or_else(|| Self::of_all(tree))
    }

    /// The group of version 2.
    pub(super) fn of_all(tree: &Tree) -> Option<Self> {
        Self::found(tree, Version::Two)
    }

    fn found(tree: &Tree, version: Version) -> Option<Self> {
        let name = name_in(&tree.text("/proc/self/cgroup").ok()?, version)?;
        let mounts = mounts_in(&tree.text("/proc/self/mountinfo").ok()?, version);
        // One is mounted more than once where a container was given a part of it.
        let below = mounts.iter().find_map(|(root, mount)| Some((mount, below(&name, root)?)));
        let (mount, below) = match below {
            Some((mount, below)) => (mount.clone(), below),
            // The name is told from a place that cannot be seen from here, and what is mounted is the group.
            None => (mounts.first()?.1.clone(), PathBuf::new()),
        };
        Some(Self { version, mount, below })
    }

    /// The folders of the group and of those around it, innermost first.
    pub(super) fn folders(&self) -> impl Iterator<Item = PathBuf> {
        self.below.ancestors().map(|below| self.mount.join(below))
    }
}

/// In lines like `4:memory:/a/b`, or `0::/a/b` in version 2.
fn name_in(text: &str, version: Version) -> Option<PathBuf> {
    text.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (number, controllers, name) = (parts.next()?, parts.next()?, parts.next()?);
        let is_it = match version {
            Version::One => controllers.split(',').any(|controller| controller == "memory"),
            Version::Two => number == "0" && controllers.is_empty(),
        };
        is_it.then(|| PathBuf::from(name))
    })
}

/// The group at the root of each mount, and where it is mounted, in lines like
/// `35 31 0:32 /root /mounted/at rw,relatime shared:9 - cgroup cgroup rw,memory`.
fn mounts_in(text: &str, version: Version) -> Vec<(PathBuf, PathBuf)> {
    let mount = |line: &str| {
        let (place, kind) = line.split_once(" - ")?;
        let mut place = place.split(' ').skip(3);
        let (root, mount) = (place.next()?, place.next()?);
        let mut kind = kind.split(' ');
        let (kind, options) = (kind.next()?, kind.nth(1).unwrap_or_default());
        let is_it = match version {
            Version::One => kind == "cgroup" && options.split(',').any(|option| option == "memory"),
            Version::Two => kind == "cgroup2",
        };
        is_it.then(|| (unescaped(root), unescaped(mount)))
    };
    text.lines().filter_map(mount).collect()
}

/// The way from one group to another inside it. None leads out of what can be seen.
fn below(name: &Path, root: &Path) -> Option<PathBuf> {
    let below = name.strip_prefix(root).ok()?;
    below.components().all(|part| matches!(part, Component::Normal(_))).then(|| below.to_owned())
}

/// Spaces and backslashes are written as `\040` and `\134`.
fn unescaped(path: &str) -> PathBuf {
    let mut parts = path.split('\\');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let escaped = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match escaped.zip(part.get(3..)) {
            Some((byte, rest)) if byte.is_ascii() => {
                plain.push(char::from(byte));
                plain.push_str(rest);
            }
            _ => {
                plain.push('\\');
                plain.push_str(part);
            }
        }
    }
    plain.into()
}

#[cfg(test)]
mod tests {
    use super::super::recorded::Recorded;
    use super::*;

    fn folders(cgroup: &str, mountinfo: &str) -> Option<Vec<String>> {
        let tree = Recorded::of([("/proc/self/cgroup", cgroup), ("/proc/self/mountinfo", mountinfo)]);
        let group = Group::of_memory(&tree.tree())?;
        Some(group.folders().map(|folder| folder.display().to_string()).collect())
    }

    const TWO: &str =
        "25 21 0:22 / /proc rw - proc proc rw\n30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";

    #[test]
    fn it_is_found_with_all_around_it() {
        let found = folders("0::/system.slice/app.service\n", TWO).unwrap();
        let all =
            ["/sys/fs/cgroup/system.slice/app.service", "/sys/fs/cgroup/system.slice", "/sys/fs/cgroup/"];
        assert_eq!(found, all);
    }

    #[test]
    fn a_container_sees_its_own_as_the_outermost() {
        let outermost = Some(vec!["/sys/fs/cgroup/".to_owned()]);
        // With a namespace of its own.
        assert_eq!(folders("0::/\n", TWO), outermost);
        // Moved out of the group that its namespace begins at.
        assert_eq!(folders("0::/../sibling\n", TWO), outermost);
        // Without a namespace, and with its own group mounted.
        let mounted =
            "9 8 0:29 /docker/5c0f /sys/fs/cgroup/memory ro,nosuid master:11 - cgroup cgroup rw,memory\n";
        let found = folders("11:cpu,cpuacct:/docker/5c0f\n4:memory:/docker/5c0f\n", mounted);
        assert_eq!(found, Some(vec!["/sys/fs/cgroup/memory/".to_owned()]));
        // The same, and the name leads elsewhere.
        assert_eq!(
            folders("4:memory:/kubepods/pod1/a\n", mounted),
            Some(vec!["/sys/fs/cgroup/memory/".to_owned()])
        );
    }

    #[test]
    fn of_two_hierarchies_the_one_that_limits_memory_counts() {
        let hybrid = format!("35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n{TWO}");
        let found = folders("4:memory:/a\n1:name=systemd:/b\n0::/b\n", &hybrid).unwrap();
        assert_eq!(found, ["/sys/fs/cgroup/memory/a", "/sys/fs/cgroup/memory/"]);
        let group_of_all = {
            let files = [("/proc/self/cgroup", "4:memory:/a\n0::/b\n"), ("/proc/self/mountinfo", &hybrid)];
            Group::of_all(&Recorded::of(files).tree())
        };
        assert_eq!(group_of_all.unwrap().folders().next(), Some("/sys/fs/cgroup/b".into()));
    }

    #[test]
    fn of_several_mounts_that_counts_which_leads_to_it() {
        let bound = format!("8 7 0:26 /other /elsewhere rw - cgroup2 cgroup2 rw\n{TWO}");
        assert_eq!(folders("0::/a\n", &bound).unwrap(), ["/sys/fs/cgroup/a", "/sys/fs/cgroup/"]);
    }

    #[test]
    fn where_there_is_none_none_is_found() {
        assert_eq!(folders("0::/a\n", "25 21 0:22 / /proc rw - proc proc rw\n"), None);
        assert_eq!(folders("", TWO), None);
        assert_eq!(Group::of_memory(&Recorded::of::<&str>([]).tree()), None);
    }

    #[test]
    fn odd_letters_of_a_path_are_read() {
        assert_eq!(unescaped(r"/a\040b\134c"), PathBuf::from(r"/a b\c"));
        assert_eq!(unescaped(r"/a\9x\"), PathBuf::from(r"/a\9x\"));
    }
}
