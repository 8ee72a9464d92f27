//! This machine, and this process on it.

use std::path::Path;

use health_builtins::descriptors::Descriptors;
use health_builtins::disk::DiskSpace;
use health_builtins::folder::Folder;
use health_builtins::load::Load;
use health_builtins::memory::Memory;
use health_builtins::psi::Psi;
use health_builtins::runtime::{BlockingLag, RuntimeLag};
use tokio::runtime::Handle;

use crate::found::Found;

const GROUP: &str = "machine";

pub(crate) fn checks(found: Found, folder: &Path) -> Found {
    let runtime = Handle::current();
    let found = found
        .check(GROUP, "disk", DiskSpace::of(folder), "space and inodes are less than 90 % used")
        .check(GROUP, "folder/readable", Folder::readable(folder), "it could be listed")
        .check(
            GROUP,
            "folder/writable",
            Folder::writable(folder),
            "4 KiB were written, synced, read and deleted",
        )
        .check(GROUP, "memory", Memory::used(), "less than 90 % of what this process may use is used")
        .check(GROUP, "memory/machine", Memory::of_the_machine(), "less than 90 % of the machine's is used")
        .check(GROUP, "load", Load::per_processor(), "less than 2 for each processor")
        .check(GROUP, "descriptors", Descriptors::open(), "less than 80 % of what may be open is open")
        .check(GROUP, "runtime/lag", RuntimeLag::of(&runtime), "a task was late by less than 100 ms")
        .check(GROUP, "runtime/blocking", BlockingLag::of(&runtime), "a thread was free within 100 ms");
    if !Psi::is_offered() {
        return found.absent(
            "pressure (PSI), which is Linux's and not offered by this kernel",
            &["boot with psi=1 on the command line of the kernel"],
        );
    }
    found
        .check(GROUP, "pressure/cpu", Psi::cpu(), "tasks seldom waited for a processor")
        .check(GROUP, "pressure/memory", Psi::memory(), "tasks seldom waited for memory")
        .check(GROUP, "pressure/io", Psi::io(), "tasks seldom waited for a disk")
}
