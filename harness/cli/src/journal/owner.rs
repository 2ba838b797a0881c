//! Who made something: a process, told from every other that had or will have its number.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs;
use std::str::FromStr;

/// A process of this machine since it was started: its number, when it began, and which start of the
/// machine that was. Written as `<pid>:<start>:<boot id>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct Owner {
    pid: u32,
    /// In ticks since the machine's start.
    start: u64,
    boot: String,
}

/// Text that names no process.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no process; one is written <pid>:<start time>:<boot id>")]
pub(crate) struct NoOwner(String);

impl Owner {
    /// This process.
    pub(crate) fn myself() -> Self {
        let pid = std::process::id();
        Self { pid, start: start(pid).unwrap_or_default(), boot: boot() }
    }

    /// The process that has this number now, if there is one.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        Some(Self { pid, start: start(pid)?, boot: boot() })
    }

    /// Its number.
    pub(crate) const fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it is there still.
    pub(crate) fn lives(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }
}

/// When a process began. None when there is no such process, or it has ended and only waits to be
/// asked how.
fn start(pid: u32) -> Option<u64> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The 22nd field of a process's `stat`. The second one, its name in brackets, may hold anything.
fn parse_stat(stat: &str) -> Option<u64> {
    let mut after_name = stat.rsplit_once(") ")?.1.split(' ');
    let state = after_name.next()?;
    if state == "Z" || state == "X" {
        return None;
    }
    after_name.nth(18)?.parse().ok()
}

/// Which start of this machine it is.
fn boot() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.pid, self.start, self.boot)
    }
}

impl FromStr for Owner {
    type Err = NoOwner;

    fn from_str(text: &str) -> Result<Self, NoOwner> {
        let mut parts = text.splitn(3, ':');
        let mut next = || parts.next().ok_or_else(|| NoOwner(text.to_owned()));
        let (pid, start, boot) = (next()?, next()?, next()?.to_owned());
        let no = |_| NoOwner(text.to_owned());
        Ok(Self { pid: pid.parse().map_err(no)?, start: start.parse().map_err(no)?, boot })
    }
}

impl From<Owner> for String {
    fn from(owner: Owner) -> Self {
        owner.to_string()
    }
}

impl TryFrom<String> for Owner {
    type Error = NoOwner;

    fn try_from(text: String) -> Result<Self, NoOwner> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn the_start_is_found_behind_any_name() {
        let rest = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20 21";
        assert_eq!(parse_stat(&format!("7 (a) b) S ( ) {rest}")), Some(4711));
        assert_eq!(parse_stat(&format!("7 (x) {}", rest.replacen('S', "Z", 1))), None);
        assert_eq!(parse_stat("7 (x) S 1"), None);
    }

    #[test]
    fn written_and_read_it_is_the_same() {
        let me = Owner::myself();
        assert_eq!(me.to_string().parse(), Ok(me));
        for text in ["", "1", "1:2", "x:2:b", "1:y:b"] {
            assert_eq!(text.parse::<Owner>(), Err(NoOwner(text.to_owned())));
        }
    }

    #[test]
    fn i_live_and_another_with_my_number_does_not() {
        let me = Owner::myself();
        assert!(me.lives());
        assert!(!Owner { start: me.start + 1, ..me.clone() }.lives());
        assert!(!Owner { boot: String::from("another"), ..me }.lives());
    }

    #[test]
    fn a_process_that_has_ended_does_not_live() {
        let mut child = Command::new("sleep").arg("100").spawn().unwrap();
        let owner = Owner::of(child.id()).unwrap();
        assert!(owner.lives());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!owner.lives());
    }
}
