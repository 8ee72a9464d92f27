//! Answers that are handed out, but that the other side has not taken.
//!
//! A body has ended for actix-web while up to 32 KiB of it wait for their connection, and nothing that it offers tells
//! when they are gone. The system knows: as long as anything waits, the connection's own queue is not empty.

use std::fs;
use std::path::Path;

/// How many connections of this process at these ports still have something to send. Only Linux tells; elsewhere, and
/// where `/proc` is not to be had, none.
pub(super) fn connections(ports: &[u16]) -> usize {
    if !cfg!(target_os = "linux") {
        return 0;
    }
    let tables = ["/proc/self/net/tcp", "/proc/self/net/tcp6"];
    let tables = tables.into_iter().filter_map(|table| fs::read_to_string(table).ok());
    let sockets: Vec<u64> = tables.flat_map(|table| sending(&table, ports)).collect();
    if sockets.is_empty() { 0 } else { own(Path::new("/proc/self/fd"), &sockets) }
}

/// The inodes of open connections with a queue, as the table has them (`proc_pid_net(5)`).
fn sending(table: &str, ports: &[u16]) -> Vec<u64> {
    table.lines().skip(1).filter_map(|line| inode_if_sending(line, ports)).collect()
}

fn inode_if_sending(line: &str, ports: &[u16]) -> Option<u64> {
    const ESTABLISHED: &str = "01";
    const CLOSE_WAIT: &str = "08";
    let mut fields = line.split_ascii_whitespace();
    let (_, port) = fields.nth(1)?.rsplit_once(':')?;
    let state = fields.nth(1)?;
    let (unsent, _) = fields.next()?.split_once(':')?;
    let is_sending = [ESTABLISHED, CLOSE_WAIT].contains(&state)
        && u32::from_str_radix(unsent, 16).is_ok_and(|bytes| bytes > 0);
    let is_ours = u16::from_str_radix(port, 16).is_ok_and(|port| ports.contains(&port));
    if is_sending && is_ours { fields.nth(4)?.parse().ok() } else { None }
}

/// How many of these sockets are open here: others may serve at the same port.
fn own(descriptors: &Path, sockets: &[u64]) -> usize {
    let Ok(descriptors) = fs::read_dir(descriptors) else {
        return 0;
    };
    let targets = descriptors.filter_map(|descriptor| fs::read_link(descriptor.ok()?.path()).ok());
    let inode = |target: std::path::PathBuf| {
        target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse::<u64>().ok()
    };
    targets.filter_map(inode).filter(|inode| sockets.contains(inode)).count()
}

#[cfg(test)]
mod tests {
    use super::sending;

    const TABLE: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000005 00:00000000 00000000  1000        0 1 1 0 100 0 0 10 0
   1: 0100007F:1F90 0100007F:D431 01 000A0000:00000000 01:00000014 00000000  1000        0 2 2 0 20 4 30 10 -1
   2: 0100007F:1F90 0100007F:D432 01 00000000:00000007 00:00000000 00000000  1000        0 3 2 0 20 4 30 10 -1
   3: 0100007F:1F90 0100007F:D433 08 00000001:00000000 01:00000014 00000000  1000        0 4 2 0 20 4 30 10 -1
   4: 0100007F:1F91 0100007F:D434 01 00000001:00000000 01:00000014 00000000  1000        0 5 2 0 20 4 30 10 -1
   5: 0100007F:1F90 0100007F:D435 04 00000001:00000000 01:00000014 00000000     0        0 0 2 0 20 4 30 10 -1
";

    #[test]
    fn open_connections_of_the_ports_with_something_to_send_are_found() {
        assert_eq!(sending(TABLE, &[8080]), [2, 4]);
        assert_eq!(sending(TABLE, &[8080, 8081]), [2, 4, 5]);
        assert!(sending("", &[8080]).is_empty());
        assert!(sending("header\nnonsense\n 1: 2 3 01 4\n", &[8080]).is_empty());
    }
}
