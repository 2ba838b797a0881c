//! A disk that is full, for one process: it may not make a file any longer.
//!
//! The limit of the size of files is lowered to nothing, so every write to a file fails (EFBIG) as
//! it does on a full disk (ENOSPC). The signal that would come with it must be ignored from the
//! start. Pipes and sockets have no such limit.

use crate::environment::EnvironmentError;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// What starts a program that ignores the signal.
pub(super) const IGNORING: [&str; 2] = ["env", "--ignore-signal=XFSZ"];

/// Whether this machine has what it takes: `prlimit` of util-linux, `env` of coreutils.
pub(crate) fn can_be_full() -> bool {
    let works = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    works("prlimit", &["--version"]) && works(IGNORING[0], &[IGNORING[1], "true"])
}

/// Lets a process write no files. Answers the limit that it had.
pub(super) fn fill(pid: u32) -> Result<String, EnvironmentError> {
    let former = prlimit(pid, &["--fsize", "--output=SOFT", "--noheadings", "--raw"])?;
    prlimit(pid, &["--fsize=0:"])?;
    Ok(String::from_utf8_lossy(&former.stdout).trim().to_owned())
}

/// Lets it write files again, up to the limit that it had.
pub(super) fn make_room(pid: u32, former: &str) -> Result<(), EnvironmentError> {
    prlimit(pid, &[&format!("--fsize={former}:")]).map(drop)
}

fn prlimit(pid: u32, arguments: &[&str]) -> Result<Output, EnvironmentError> {
    let io = |source| EnvironmentError::Io { path: PathBuf::from("prlimit"), source };
    let pid = pid.to_string();
    let output = Command::new("prlimit").args(["--pid", &pid]).args(arguments).output();
    let output = output.map_err(io)?;
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(io(std::io::Error::other(said)))
}
