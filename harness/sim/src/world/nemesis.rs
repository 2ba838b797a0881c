//! How faults begin and end, and what the weather is on each link.

use super::{Event, World};
use crate::fault::{Effect, Fault, Trouble};
use crate::message::Way;
use crate::setup::{Setup, Toggle};
use rand::RngExt;
use rand_pcg::Pcg32;
use workloads::{Link, OneWay};

/// What is wrong with links at present.
#[derive(Debug)]
pub(super) struct Weather {
    /// The faults of links under way, by their number, with the time when each ends.
    active: Vec<(usize, Fault)>,
    toggle: Option<Toggling>,
}

/// A cut that comes and goes with writes.
#[derive(Debug)]
struct Toggling {
    toggle: Toggle,
    random: Pcg32,
    cut: bool,
    /// How many writes are left until the next change.
    left: u32,
}

impl Weather {
    pub(super) fn new(setup: &Setup, mut random: Pcg32) -> Self {
        let toggle = setup.toggle.clone().map(|toggle| {
            let left = random.random_range(0..=toggle.writes);
            Toggling { toggle, random, cut: false, left }
        });
        Self { active: Vec::new(), toggle }
    }

    /// Nothing ever goes wrong but what a case says of each message.
    pub(super) const fn calm() -> Self {
        Self { active: Vec::new(), toggle: None }
    }

    /// What is wrong for a message this way, and for how long yet.
    pub(super) fn on(
        &self,
        proposer: u32,
        acceptor: u32,
        way: Way,
        now: u64,
    ) -> Vec<(Effect, u64)> {
        let link = Link { proposer, acceptor };
        let mut wrong = Vec::new();
        for (_, fault) in &self.active {
            if let Trouble::Links { links, direction, effect, .. } = &fault.what
                && links.contains(&link)
                && direction.is_none_or(|direction| {
                    (direction == OneWay::Requests) == (way == Way::Request)
                })
            {
                wrong.push((*effect, (fault.at + fault.lasts).saturating_sub(now)));
            }
        }
        if self
            .toggle
            .as_ref()
            .is_some_and(|toggle| toggle.cut && toggle.toggle.links.contains(&link))
        {
            wrong.push((Effect::Cut, 0));
        }
        wrong
    }

    /// A write has succeeded.
    pub(super) fn written(&mut self) {
        let Some(toggling) = &mut self.toggle else { return };
        if toggling.left > 0 {
            toggling.left -= 1;
            return;
        }
        toggling.cut = !toggling.cut;
        toggling.left = toggling.random.random_range(0..=toggling.toggle.writes);
    }
}

impl World<'_> {
    pub(super) fn begin_fault(&mut self, number: usize) {
        let Some(fault) = self.setup.faults.get(number) else { return };
        self.note_fault(number, fault, true);
        self.put_after(fault.lasts, Event::Over { number });
        match &fault.what {
            Trouble::Links { .. } => self.weather.active.push((number, fault.clone())),
            Trouble::CrashProposer(proposer) => self.crash_proposer(*proposer),
            Trouble::PauseProposer(proposer) => {
                self.processes[*proposer as usize - 1].hold.get_or_insert_default();
            }
            Trouble::CrashAcceptor { acceptor, memory, silent } => {
                self.crash_acceptor(*acceptor, *memory, *silent);
            }
            Trouble::PauseAcceptor(acceptor) => {
                self.acceptors[*acceptor as usize - 1].hold.get_or_insert_default();
            }
        }
    }

    pub(super) fn end_fault(&mut self, number: usize) {
        let Some(fault) = self.setup.faults.get(number) else { return };
        self.note_fault(number, fault, false);
        match &fault.what {
            Trouble::Links { .. } => self.weather.active.retain(|(active, _)| *active != number),
            Trouble::CrashProposer(proposer) => self.restart_proposer(*proposer),
            Trouble::PauseProposer(proposer) => {
                let held = self.processes[*proposer as usize - 1].hold.take();
                self.let_go(held);
            }
            Trouble::CrashAcceptor { acceptor, .. } => self.restart_acceptor(*acceptor),
            Trouble::PauseAcceptor(acceptor) => {
                let held = self.acceptors[*acceptor as usize - 1].hold.take();
                self.let_go(held);
            }
        }
    }

    fn note_fault(&mut self, number: usize, fault: &Fault, begins: bool) {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let (name, what) = (fault.what.name(), fault.what.to_string());
        self.record.fault(self.now, number, name, &what, begins);
    }
}
