//! The certificates in a file.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use health_core::Failure;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

use crate::blocking::look;

/// No chain is as long; what is, is another file.
const AT_MOST: u64 = 1024 * 1024;

#[derive(Clone)]
pub(super) struct PemFile {
    path: PathBuf,
}

impl PemFile {
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) async fn read(&self) -> Result<Vec<CertificateDer<'static>>, Failure> {
        let path = self.path.clone();
        let text = look(&self.path, move || read(&path)).await?.map_err(in_words)?;
        if text.len() as u64 > AT_MOST {
            return Err(Failure::new("the file is too large for certificates"));
        }
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        match found {
            Ok(found) if found.is_empty() => Err(Failure::new("the file holds no certificate")),
            Ok(found) => Ok(found),
            Err(error) => Err(Failure::new("the file is not valid PEM").because(error)),
        }
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(path)?.take(AT_MOST + 1).read_to_end(&mut text)?;
    Ok(text)
}

fn in_words(error: io::Error) -> Failure {
    let summary = match error.kind() {
        ErrorKind::NotFound => "the file does not exist",
        ErrorKind::PermissionDenied => "the file may not be read",
        _ => "the file cannot be read",
    };
    Failure::new(summary).because(error)
}
