//! The files in which Linux tells about itself.

use std::io;
use std::path::{Path, PathBuf};
use std::{fs, io::ErrorKind};

use health_core::Failure;

/// The tree of files that begins at `/`, or one that was recorded elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tree(PathBuf);

impl Tree {
    pub(super) fn of_this_machine() -> Self {
        Self("/".into())
    }

    #[cfg(test)]
    pub(super) fn recorded(root: impl Into<PathBuf>) -> Self {
        Self(root.into())
    }

    /// The text of the file at this absolute path. What is no text in it is replaced.
    pub(super) fn text(&self, path: impl AsRef<Path>) -> io::Result<String> {
        let bytes = fs::read(self.at(path.as_ref()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The same, or nothing where there is no such file.
    pub(super) fn text_if_any(&self, path: impl AsRef<Path>) -> io::Result<Option<String>> {
        match self.text(path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn at(&self, path: &Path) -> PathBuf {
        self.0.join(path.strip_prefix("/").unwrap_or(path))
    }
}

/// The number after a name in lines like `name 12` or `Name:  12 kB`.
pub(super) fn number_after(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        if words.next()? != name {
            return None;
        }
        words.next()?.parse().ok()
    })
}

/// What a file said cannot be understood.
pub(super) fn unreadable(what: &'static str, path: &Path) -> Failure {
    Failure::new(what).because(format!("{} does not say what it should", path.display()))
}
