//! The certificates in a file.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use health_core::Failure;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

/// No chain is as long; what is, is another file.
const AT_MOST: u64 = 1024 * 1024;

#[derive(Clone, Debug)]
pub(super) struct PemFile {
    path: PathBuf,
    /// Whoever reads has it, also when nobody waits for that any more.
    reader: Arc<Semaphore>,
}

impl PemFile {
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path, reader: Arc::new(Semaphore::new(1)) }
    }

    pub(super) async fn read(&self) -> Result<Vec<CertificateDer<'static>>, Failure> {
        let Ok(reader) = Arc::clone(&self.reader).try_acquire_owned() else {
            return Err(Failure::new("the file is still being read by an earlier run"));
        };
        let path = self.path.clone();
        let text = spawn_blocking(move || {
            let text = read(&path);
            drop(reader);
            text
        });
        let text = text.await?.map_err(in_words)?;
        if text.len() as u64 > AT_MOST {
            return Err(Failure::new("the file is too large for certificates"));
        }
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        match found {
            Ok(found) if found.is_empty() => Err(Failure::new("the file holds no certificate")),
            Ok(found) => Ok(found),
            Err(error) => Err(Failure::new("the certificate cannot be read").because(error)),
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
