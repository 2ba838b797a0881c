//! Where a process is that made something: which machine, which start of it, and whose view of its
//! processes. Numbers of processes mean something only within one of these.

use std::fs;

/// A place from which processes are numbered. What could not be found out is empty, and agrees with
/// nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Place {
    /// Which start of the machine's kernel it is.
    pub(super) boot: String,
    /// The namespace of processes; a container has one of its own.
    pub(super) namespace: String,
    /// The machine's name.
    pub(super) host: String,
    /// The machine's id, which stays from one start to the next.
    pub(super) machine: String,
}

/// What one place can tell of the processes of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    /// They are the same: a process is found by its number, or there is none.
    Same,
    /// The machine has been started anew since: none of them is left.
    Past,
    /// They cannot be seen, and may live.
    Unseen(Elsewhere),
}

/// Why processes cannot be seen from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Elsewhere {
    /// They are in another namespace of processes on this machine.
    Namespace,
    /// They are on another machine.
    Machine,
    /// It was not written down where they are.
    Unknown,
}

impl Place {
    /// This process's place.
    pub(super) fn here() -> Self {
        let text = |path| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
        let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        // Written `pid:[4026531836]`.
        let digits = |c: &char| c.is_ascii_digit();
        let namespace = namespace.to_string_lossy().chars().filter(digits).collect();
        let host = nix::sys::utsname::uname();
        Self {
            boot: text("/proc/sys/kernel/random/boot_id"),
            namespace,
            host: host.map_or_else(
                |_| String::new(),
                |host| host.nodename().to_string_lossy().replace(':', "-"),
            ),
            machine: text("/etc/machine-id"),
        }
    }

    /// What can be seen from here of the processes there.
    pub(super) fn view(&self, there: &Self) -> View {
        let agrees = |mine: &str, theirs: &str| !mine.is_empty() && mine == theirs;
        if there.boot.is_empty() || there.namespace.is_empty() {
            View::Unseen(Elsewhere::Unknown)
        } else if agrees(&self.boot, &there.boot) {
            let same = agrees(&self.namespace, &there.namespace);
            if same { View::Same } else { View::Unseen(Elsewhere::Namespace) }
        } else if agrees(&self.machine, &there.machine) && agrees(&self.host, &there.host) {
            // Machines that were copied share an id, but hardly a name too.
            View::Past
        } else {
            View::Unseen(Elsewhere::Machine)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(boot: &str, namespace: &str, host: &str, machine: &str) -> Place {
        let [boot, namespace, host, machine] = [boot, namespace, host, machine].map(String::from);
        Place { boot, namespace, host, machine }
    }

    #[test]
    fn only_what_is_certainly_seen_from_here_is_judged_from_here() {
        let here = place("b", "1", "h", "m");
        let unseen = View::Unseen;
        for (there, view) in [
            (place("b", "1", "h", "m"), View::Same),
            // A kernel and a namespace are enough, whatever the machine is called by now.
            (place("b", "1", "renamed", ""), View::Same),
            (place("b", "2", "h", "m"), unseen(Elsewhere::Namespace)),
            (place("b", "2", "0123456789ab", ""), unseen(Elsewhere::Namespace)),
            (place("old", "1", "h", "m"), View::Past),
            (place("old", "7", "h", "m"), View::Past),
            (place("other", "1", "h2", "m2"), unseen(Elsewhere::Machine)),
            // A copy of this machine.
            (place("other", "1", "h2", "m"), unseen(Elsewhere::Machine)),
            (place("other", "1", "h", "m2"), unseen(Elsewhere::Machine)),
            (place("other", "1", "h", ""), unseen(Elsewhere::Machine)),
            (place("b", "", "h", "m"), unseen(Elsewhere::Unknown)),
            (place("", "1", "h", "m"), unseen(Elsewhere::Unknown)),
            (Place::default(), unseen(Elsewhere::Unknown)),
        ] {
            assert_eq!(here.view(&there), view, "{there:?}");
        }
    }

    #[test]
    fn a_place_that_does_not_know_itself_sees_nothing() {
        for here in [Place::default(), place("b", "", "h", "m"), place("", "1", "h", "")] {
            for there in [place("b", "1", "h", "m"), place("b", "2", "h", "m"), here.clone()] {
                assert!(matches!(here.view(&there), View::Unseen(_)), "{here:?} {there:?}");
            }
        }
        // Containers of one name, without an id of a machine, on two machines.
        let view = place("b", "1", "ci", "").view(&place("c", "1", "ci", ""));
        assert_eq!(view, View::Unseen(Elsewhere::Machine));
    }
}
