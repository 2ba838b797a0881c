//! Who made something: a process, told from every other that had or will have its number, here or on
//! another machine.

use super::place::{Elsewhere, Place, View};
use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs;
use std::str::FromStr;

/// A process since it was started: its number, when it began, and where that number means something.
/// Written as `<pid>:<start>:<boot id>:<pid namespace>:<host>:<machine id>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct Owner {
    pid: u32,
    /// In ticks since the machine's start.
    start: u64,
    place: Place,
}

/// What has become of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is there still, with this number.
    Lives(u32),
    /// It has ended.
    Gone,
    /// That cannot be told from here.
    Unknown {
        /// Why not.
        why: Elsewhere,
        /// The machine that it is on, as it calls itself; may be empty.
        host: String,
    },
    /// There is a process of its number, and we may not look at it.
    Hidden(u32),
}

/// Text that names no process.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no process; one is written <pid>:<start>:<boot id>:<pid namespace>:<host>:<machine id>"
)]
pub(crate) struct NoOwner(String);

impl Owner {
    /// This process.
    pub(crate) fn myself() -> Self {
        let pid = std::process::id();
        let start = match look(pid) {
            Look::Began(start) => start,
            Look::Ended | Look::Hidden => 0,
        };
        Self { pid, start, place: Place::here() }
    }

    /// The process that has this number now, if there is one.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        match look(pid) {
            Look::Began(start) => Some(Self { pid, start, place: Place::here() }),
            Look::Ended | Look::Hidden => None,
        }
    }

    /// Its number.
    pub(crate) const fn pid(&self) -> u32 {
        self.pid
    }

    /// What has become of it, as far as can be told from here.
    pub(crate) fn fate(&self) -> Fate {
        match Place::here().view(&self.place) {
            View::Past => Fate::Gone,
            View::Unseen(why) => Fate::Unknown { why, host: self.place.host.clone() },
            View::Same => match look(self.pid) {
                Look::Began(start) if start == self.start => Fate::Lives(self.pid),
                // Another one has its number.
                Look::Began(_) | Look::Ended => Fate::Gone,
                Look::Hidden => Fate::Hidden(self.pid),
            },
        }
    }
}

/// What the system tells of a process.
enum Look {
    /// It began then.
    Began(u64),
    /// There is none, or it has ended and only waits to be asked how.
    Ended,
    /// There is one, and nothing more is told: `/proc` hides those of other users.
    Hidden,
}

fn look(pid: u32) -> Look {
    if let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) {
        return parse_stat(&stat).map_or(Look::Ended, Look::Began);
    }
    let there =
        i32::try_from(pid).is_ok_and(|pid| kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH));
    if there { Look::Hidden } else { Look::Ended }
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

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { boot, namespace, host, machine } = &self.place;
        write!(f, "{}:{}:{boot}:{namespace}:{host}:{machine}", self.pid, self.start)
    }
}

impl FromStr for Owner {
    type Err = NoOwner;

    /// Parts that an earlier build did not write are unknown.
    fn from_str(text: &str) -> Result<Self, NoOwner> {
        let no = || NoOwner(text.to_owned());
        let mut parts = text.splitn(6, ':');
        let pid = parts.next().and_then(|pid| pid.parse().ok()).ok_or_else(no)?;
        let start = parts.next().and_then(|start| start.parse().ok()).ok_or_else(no)?;
        let boot = parts.next().ok_or_else(no)?.to_owned();
        let mut rest = || parts.next().unwrap_or_default().to_owned();
        let place = Place { boot, namespace: rest(), host: rest(), machine: rest() };
        Ok(Self { pid, start, place })
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
        for text in ["", "1", "1:2", "x:2:b", "1:y:b", "1:-2:b:n:h:m"] {
            assert_eq!(text.parse::<Owner>(), Err(NoOwner(text.to_owned())));
        }
    }

    #[test]
    fn i_live_and_another_with_my_number_does_not() {
        let me = Owner::myself();
        assert_eq!(me.fate(), Fate::Lives(std::process::id()));
        assert_eq!(Owner { start: me.start + 1, ..me.clone() }.fate(), Fate::Gone);
        let rebooted = Place { boot: String::from("another"), ..me.place.clone() };
        // Where the machine has no id, it may be another machine.
        let fate = Owner { place: rebooted, ..me.clone() }.fate();
        assert_ne!(fate, Fate::Lives(me.pid));
    }

    #[test]
    fn of_a_process_that_is_not_seen_from_here_nothing_is_told() {
        let me = Owner::myself();
        let namespace = String::from("1");
        let contained = Place { namespace, host: String::from("box"), ..me.place.clone() };
        let elsewhere =
            Place { boot: String::from("b"), machine: String::from("m"), ..contained.clone() };
        for (place, why) in [(contained, Elsewhere::Namespace), (elsewhere, Elsewhere::Machine)] {
            let fate = Owner { place, ..me.clone() }.fate();
            assert_eq!(fate, Fate::Unknown { why, host: String::from("box") });
        }
        // As earlier builds wrote it.
        let old = format!("{}:{}:{}", me.pid, me.start, me.place.boot).parse::<Owner>().unwrap();
        let host = String::new();
        assert_eq!(old.fate(), Fate::Unknown { why: Elsewhere::Unknown, host });
    }

    #[test]
    fn a_process_that_has_ended_does_not_live() {
        let mut child = Command::new("sleep").arg("100").spawn().unwrap();
        let owner = Owner::of(child.id()).unwrap();
        assert_eq!(owner.fate(), Fate::Lives(child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(owner.fate(), Fate::Gone);
    }
}
