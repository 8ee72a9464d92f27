//! What a service manager says in the environment of the process, read once.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::SocketAddr;
use std::time::Duration;

const SOCKET: &str = "NOTIFY_SOCKET";
const WATCHDOG: &str = "WATCHDOG_USEC";
const WATCHDOG_PID: &str = "WATCHDOG_PID";

/// Somebody wants to be told.
#[derive(Debug)]
pub(super) struct Environment {
    pub(super) socket: SocketAddr,
    /// How long at most nothing may be heard, if that is watched and meant for this process.
    pub(super) watchdog: Option<Duration>,
    /// What was written there and cannot be used.
    pub(super) faults: Vec<String>,
}

impl Environment {
    /// `None` when nobody wants to be told.
    ///
    /// # Errors
    ///
    /// When it says where in a way that cannot be used.
    pub(super) fn read(
        variable: impl Fn(&str) -> Option<OsString>,
        process: u32,
    ) -> Result<Option<Self>, String> {
        let Some(name) = variable(SOCKET).filter(|name| !name.is_empty()) else { return Ok(None) };
        let socket =
            address(&name).map_err(|error| format!("{SOCKET} is {name:?}, which is no address: {error}"))?;
        let mut faults = Vec::new();
        let mut number = |name: &str| {
            let value = variable(name)?;
            // Digits alone: `parse` takes a sign as well.
            let digits = value.to_str().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
            let number = digits.and_then(|digits| digits.parse::<u64>().ok()).filter(|number| *number > 0);
            if number.is_none() {
                faults.push(format!("{name} is {value:?}, which is no number above zero"));
            }
            Some(number)
        };
        let of_watchdog = number(WATCHDOG).flatten().map(Duration::from_micros);
        let watchdog = of_watchdog.filter(|_| match number(WATCHDOG_PID) {
            None => true,
            Some(watched) => watched == Some(process.into()),
        });
        Ok(Some(Self { socket, watchdog, faults }))
    }
}

/// A path, or what follows an `@` as a name that is in no file system.
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes() {
        [b'@', name @ ..] => in_no_file_system(name),
        [b'/', ..] => SocketAddr::from_pathname(name),
        _ => Err(io::Error::other("it begins with neither `/` nor `@`")),
    }
}

#[cfg(target_os = "linux")]
fn in_no_file_system(name: &[u8]) -> io::Result<SocketAddr> {
    use std::os::linux::net::SocketAddrExt;
    SocketAddr::from_abstract_name(name)
}

#[cfg(not(target_os = "linux"))]
fn in_no_file_system(_name: &[u8]) -> io::Result<SocketAddr> {
    Err(io::Error::other("this system has no abstract sockets"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROCESS: u32 = 4711;

    fn read(variables: &[(&str, &str)]) -> Result<Option<Environment>, String> {
        let find = |name: &str| {
            let (_, value) = variables.iter().find(|(known, _)| *known == name)?;
            Some((*value).into())
        };
        Environment::read(find, PROCESS)
    }

    #[test]
    fn without_a_socket_there_is_nobody_to_tell() {
        for variables in [&[][..], &[(SOCKET, "")], &[(WATCHDOG, "abc"), (WATCHDOG_PID, "abc")]] {
            assert!(read(variables).is_ok_and(|read| read.is_none()), "{variables:?}");
        }
    }

    #[test]
    fn a_socket_that_cannot_be_used_is_said() {
        let long = format!("/{}", "x".repeat(200));
        for name in ["run/notify", "vsock:2:1234", &long, &format!("@{}", "x".repeat(200))] {
            let fault = read(&[(SOCKET, name)]).unwrap_err();
            assert!(
                fault.starts_with(&format!("NOTIFY_SOCKET is {name:?}, which is no address: ")),
                "{fault}"
            );
        }
    }

    #[test]
    fn a_watchdog_is_that_of_the_process_it_names() {
        for (variables, expected) in [
            (&[][..], None),
            (&[(WATCHDOG, "30000000")], Some(30)),
            (&[(WATCHDOG, "30000000"), (WATCHDOG_PID, "4711")], Some(30)),
            (&[(WATCHDOG, "30000000"), (WATCHDOG_PID, "1")], None),
            (&[(WATCHDOG_PID, "4711")], None),
        ] {
            let variables = [variables, &[(SOCKET, "/run/notify")]].concat();
            let read = read(&variables).unwrap().unwrap();
            assert_eq!(read.watchdog, expected.map(Duration::from_secs), "{variables:?}");
            assert!(read.faults.is_empty(), "{:?}", read.faults);
        }
    }

    #[test]
    fn a_watchdog_that_cannot_be_used_is_said_and_is_none() {
        for (name, value) in [
            (WATCHDOG, "abc"),
            (WATCHDOG, ""),
            (WATCHDOG, "0"),
            (WATCHDOG, "+5"),
            (WATCHDOG, "99999999999999999999"),
            (WATCHDOG_PID, "abc"),
            (WATCHDOG_PID, "0"),
        ] {
            let variables = [(SOCKET, "/run/notify"), (name, value), (WATCHDOG, "30000000")];
            let read = read(&variables).unwrap().unwrap();
            assert_eq!(read.watchdog, None, "{name}={value}");
            assert_eq!(read.faults, [format!("{name} is {value:?}, which is no number above zero")]);
        }
    }
}
