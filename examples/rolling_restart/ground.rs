//! What is needed to begin: two programs and ports of this machine.

use std::env;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

/// How many ports are needed: one in front, and two for each of three instances.
pub(crate) const PORTS: usize = 7;

pub(crate) struct Ground {
    pub(crate) haproxy: PathBuf,
    pub(crate) app: PathBuf,
    pub(crate) ports: [SocketAddr; PORTS],
}

impl Ground {
    pub(crate) fn find() -> Result<Self, Box<dyn Error>> {
        Ok(Self { haproxy: haproxy()?, app: app()?, ports: ports().ok_or("there are no free ports")? })
    }
}

fn haproxy() -> Result<PathBuf, String> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    let found = folders.map(|folder| folder.join("haproxy")).find(|program| program.is_file());
    found.ok_or_else(|| "HAProxy is not installed; on Debian, `apt-get install haproxy` does it".to_owned())
}

/// The example `actix_app`, which is built beside this one, and built anew when Cargo runs this one.
fn app() -> Result<PathBuf, Box<dyn Error>> {
    let this = env::current_exe()?;
    let app = this.with_file_name("actix_app").with_extension(env::consts::EXE_EXTENSION);
    if let Some(cargo) = env::var_os("CARGO") {
        build(Path::new(&cargo), &this)?;
    }
    if app.is_file() {
        return Ok(app);
    }
    Err(format!("there is no {}; `cargo build --examples` makes it", app.display()).into())
}

fn build(cargo: &Path, this: &Path) -> Result<(), Box<dyn Error>> {
    // This is `<target>/<profile>/examples/rolling_restart`.
    let profile = this.ancestors().nth(2).ok_or("this program is not where Cargo puts examples")?;
    let name = profile.file_name().unwrap_or_default();
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--workspace", "--example", "actix_app", "--profile"])
        // The folder of the profile `dev` is the only one that is called otherwise.
        .arg(if name == "debug" { "dev".as_ref() } else { name })
        .arg("--target-dir")
        .arg(profile.parent().unwrap_or(profile))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()?;
    if status.success() { Ok(()) } else { Err("the example `actix_app` cannot be built".into()) }
}

/// Ports on which nothing listens, below those from which systems take the near ends of connections: an instance that
/// starts again must find its port free.
fn ports() -> Option<[SocketAddr; PORTS]> {
    const FIRST: u16 = 20_000;
    const BLOCKS: u16 = 1_000;
    const BLOCK: u16 = 10;
    // Several of these may run at the same time.
    let mine = u16::try_from(std::process::id() % u32::from(BLOCKS)).ok()?;
    (0..BLOCKS).find_map(|further| {
        let mut port = FIRST + (mine + further) % BLOCKS * BLOCK;
        let ports = [(); PORTS].map(|()| {
            port += 1;
            SocketAddr::from((Ipv4Addr::LOCALHOST, port))
        });
        ports.iter().all(|port| TcpListener::bind(port).is_ok()).then_some(ports)
    })
}
