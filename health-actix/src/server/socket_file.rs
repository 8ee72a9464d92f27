//! The file of a Unix socket: made, taken over from the dead, and taken away at the end.

use std::fs::{self, File, Metadata, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

/// The user and the group of the process may connect, others may not, whatever the umask says.
const MODE: u32 = 0o660;

/// How many may wait until they are let in, as many as the standard library allows.
const BACKLOG: i32 = 128;

/// Removes the file when it is dropped, if it is still the one that was made.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    /// Listens on this path.
    pub(super) fn listen(path: &Path) -> io::Result<(Self, UnixListener)> {
        make_way(path)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        // Linux gives its mode to the file, less the umask, so that at no time others may connect.
        let socket = File::from(OwnedFd::from(socket));
        drop(socket.set_permissions(Permissions::from_mode(MODE)));
        let socket = Socket::from(OwnedFd::from(socket));
        socket.bind(&SockAddr::unix(path)?)?;
        let file = Self { path: path.to_owned(), identity: identity(&fs::symlink_metadata(path)?) };
        socket.listen(BACKLOG)?;
        let listener = UnixListener::from(OwnedFd::from(socket));
        fs::set_permissions(path, Permissions::from_mode(MODE))?;
        listener.set_nonblocking(true)?;
        Ok((file, listener))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Another process may have put its own there; one that cannot be removed is found stale by the next.
        if fs::symlink_metadata(&self.path).is_ok_and(|found| identity(&found) == self.identity) {
            drop(fs::remove_file(&self.path));
        }
    }
}

fn identity(file: &Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

/// Removes the socket of a process that is gone, and nothing else.
fn make_way(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !found.file_type().is_socket() {
        let fault = "there is a file that is no socket, and it is left alone";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, fault));
    }
    match connects(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        _ => Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens there")),
    }
}

/// Without waiting: one whose backlog is full is alive.
fn connects(path: &Path) -> io::Result<()> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.connect(&SockAddr::unix(path)?)
}
