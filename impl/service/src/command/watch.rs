//! The progress of a long command, on stderr.

use crate::overview::list;
use gryadka::MembershipEvent;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

/// Shows lines; on a terminal also a spinner, and how many keys are done.
pub(crate) struct Watch {
    bar: Option<ProgressBar>,
}

impl Watch {
    pub(crate) fn start() -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner().with_style(ProgressStyle::default_spinner());
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Self { bar }
    }

    /// Shows one part of the work.
    pub(crate) fn show(&self, progress: &MembershipEvent) {
        let line = line(progress);
        match &self.bar {
            Some(bar) if matches!(progress, MembershipEvent::Rescanned { .. }) => {
                bar.set_message(line)
            }
            Some(bar) => bar.println(line),
            // If stderr is closed, the work continues.
            None => drop(writeln!(io::stderr(), "{line}")),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn line(progress: &MembershipEvent) -> String {
    match progress {
        MembershipEvent::Announced(target) => format!("changing to acceptors {}", list(target)),
        MembershipEvent::Admitted(id) => format!("acceptor {id} is admitted"),
        MembershipEvent::Decided(epoch) => format!("epoch {epoch} is decided"),
        MembershipEvent::Fenced(epoch) => format!("epoch {epoch}: the epoch before is fenced"),
        MembershipEvent::Rescanned { epoch, keys } => {
            format!("epoch {epoch}: {keys} keys rescanned")
        }
        MembershipEvent::RescanComplete(epoch) => format!("epoch {epoch}: rescan complete"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_reads_like_this() {
        let steps = [
            MembershipEvent::Announced([1, 2, 4].into()),
            MembershipEvent::Admitted(4),
            MembershipEvent::Decided(2),
            MembershipEvent::Fenced(2),
            MembershipEvent::Rescanned { epoch: 2, keys: 1000 },
            MembershipEvent::RescanComplete(2),
        ];
        insta::assert_snapshot!(steps.iter().map(line).collect::<Vec<_>>().join("\n"), @r"
        changing to acceptors 1, 2, 4
        acceptor 4 is admitted
        epoch 2 is decided
        epoch 2: the epoch before is fenced
        epoch 2: 1000 keys rescanned
        epoch 2: rescan complete
        ");
    }
}
