//! What was asked for on the command line.

pub(crate) const USAGE: &str = "\
usage: deep_checks [--once]

  --once        asks all, prints the table, and ends; so does ONCE=1
  --help        this text

Where the servers are is said by variables: see the first lines of examples/deep_checks/main.rs.";

/// Whether to end after the table; `None` when help is wanted.
pub(crate) fn once(arguments: impl Iterator<Item = String>) -> Result<Option<bool>, String> {
    let mut once = std::env::var("ONCE").as_deref() == Ok("1");
    for argument in arguments {
        match &*argument {
            "--once" => once = true,
            "--help" | "-h" => return Ok(None),
            _ => return Err(format!("unexpected argument `{}`", argument.escape_debug())),
        }
    }
    Ok(Some(once))
}
