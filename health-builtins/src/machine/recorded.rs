//! Trees of files as they are on other machines.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use super::tree::Tree;

/// A tree in a folder of its own, gone with this value.
pub(super) struct Recorded(PathBuf);

impl Recorded {
    /// Of files: their absolute paths, and what is in them.
    pub(super) fn of<B: AsRef<[u8]>>(files: impl IntoIterator<Item = (&'static str, B)>) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let this = Self(std::env::temp_dir().join(format!("recorded-{}-{number}", std::process::id())));
        fs::create_dir_all(&this.0).unwrap();
        for (path, text) in files {
            this.write(path, text);
        }
        this
    }

    pub(super) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.0.join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(super) fn tree(&self) -> Tree {
        Tree::recorded(&self.0)
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}
