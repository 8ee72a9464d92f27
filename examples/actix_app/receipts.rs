//! The data folder: a receipt for every order.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub(crate) struct Receipts {
    volume: PathBuf,
    folder: PathBuf,
}

impl Receipts {
    pub(crate) fn in_folder(volume: &Path) -> io::Result<Self> {
        let folder = volume.join("receipts");
        fs::create_dir_all(&folder)?;
        Ok(Self { volume: volume.to_owned(), folder })
    }

    pub(crate) fn volume(&self) -> &Path {
        &self.volume
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn write(&self, order: i64, text: &str) -> io::Result<()> {
        fs::write(self.folder.join(format!("{order}.txt")), text)
    }

    pub(crate) fn take_away(&self) -> io::Result<()> {
        fs::rename(&self.folder, self.elsewhere())
    }

    pub(crate) fn bring_back(&self) -> io::Result<()> {
        fs::rename(self.elsewhere(), &self.folder)
    }

    fn elsewhere(&self) -> PathBuf {
        self.volume.join("receipts-taken-away")
    }
}
