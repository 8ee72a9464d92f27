//! File systems of a test's own, in a process of its own, gone with it.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use health_tests::servers::{Scratch, not_permitted};

/// Says to a process that nobody else sees its mounts.
const APART: &str = "HEALTH_TEST_HAS_ITS_OWN_MOUNTS";

/// Runs the body of the test of this name in a process with mounts of its own, and below these commands. Skipped, with
/// a line that says so, where that is not permitted.
pub fn apart(test: &str, below: &[&str], body: impl FnOnce()) {
    if std::env::var_os(APART).is_some() {
        return body();
    }
    let may = Command::new("unshare").args(["--mount", "true"]).stderr(Stdio::null()).status();
    if !may.is_ok_and(|status| status.success()) {
        return not_permitted("`unshare --mount`");
    }
    let mut command = Command::new("unshare");
    command.arg("--mount").args(below).arg(std::env::current_exe().expect("this program"));
    let output = command.args(["--exact", test, "--nocapture"]).env(APART, "1").output().expect("it starts");
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("test result: ok. 1 passed"), "apart:\n{said}");
}

/// A folder on which something is mounted until this is dropped.
pub struct Mounted {
    // Unmounted before its folder is deleted.
    folder: Scratch,
    /// Whoever reads questions to a file system from this may answer them.
    server: Option<File>,
}

impl Mounted {
    /// In memory: `size=1m,nr_inodes=16`.
    pub fn memory(options: &str) -> Self {
        let this = Self { folder: Scratch::new("mounted"), server: None };
        this.mount(&["-t", "tmpfs", "-o", options, "none"], Stdio::null());
        this
    }

    /// One whose server never answers.
    pub fn hung() -> Self {
        let server = OpenOptions::new().read(true).write(true).open("/dev/fuse").expect("FUSE");
        let this = Self { folder: Scratch::new("mounted"), server: Some(server) };
        let server = this.server.as_ref().and_then(|server| server.try_clone().ok()).expect("it was opened");
        let options = "fd=0,rootmode=40000,user_id=0,group_id=0";
        this.mount(&["-i", "-t", "fuse", "-o", options, "none"], server.into());
        this
    }

    /// The same with other options: `remount,ro`.
    pub fn again(&self, options: &str) {
        self.mount(&["-o", options], Stdio::null());
    }

    /// Whoever waits for it is told that there is no server.
    pub fn is_given_up(&mut self) {
        self.server = None;
    }

    /// What is found there instead is the folder below it.
    pub fn unmounted(&self) {
        let done = Command::new("umount").arg("--lazy").arg(self.path()).status().expect("umount");
        assert!(done.success(), "umount: {done}");
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes until nothing fits any more, and says where.
    pub fn filled(&self) -> PathBuf {
        let path = self.path().join("filling");
        let mut file = File::create(&path).expect("a file");
        while file.write_all(&[7; 4096]).is_ok() {}
        path
    }

    /// Makes files until there may be no more.
    pub fn crowded(&self) {
        let mut number = 0;
        while fs::write(self.path().join(format!("file-{number}")), "").is_ok() {
            number += 1;
        }
        assert!(number > 0, "there was room for none");
    }

    fn mount(&self, arguments: &[&str], input: Stdio) {
        let mut command = Command::new("mount");
        let done = command.args(arguments).arg(self.path()).stdin(input).output().expect("mount");
        assert!(done.status.success(), "mount: {}", String::from_utf8_lossy(&done.stderr));
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        self.server = None;
        drop(Command::new("umount").arg("--lazy").arg(self.path()).stderr(Stdio::null()).status());
    }
}
