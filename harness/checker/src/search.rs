//! T2: the frontier search, for every model.
//!
//! It walks the events in order and keeps every configuration that the calls so far allow, up to
//! dominance. Only when a call returns that some configuration still owes is that configuration
//! taken further ("just-in-time linearization", Lowe 2017): by all sequences of open and
//! crashed calls that end with the one that returns. When no configuration is left, the history is
//! not linearizable; when the last call that could be refused has returned, it is.
//!
//! A frontier wider than [`WIDTH`] is cut: the rest waits on a stack, and is tried when what was
//! kept has died. So a history is decided depth-first where breadth would cost too much, and
//! nothing is ever given up.

use crate::action::{Action, State};
use crate::budget::{Exhausted, Meter};
use crate::configuration::{Antichain, Configuration, Counting, Open, bits};
use crate::guide::View;
use crate::plan::{Happening, Plan, Returning, Step};
use crate::space::Space;
use std::collections::BTreeMap;

/// How many configurations are taken along at once.
const WIDTH: usize = 64;

/// How a search ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    Linearizable,
    /// No way leads past the event at this position.
    Violation {
        at: usize,
    },
    /// The budget ran out; the furthest event reached is at this position.
    Undecided {
        reason: Exhausted,
        at: usize,
    },
}

/// A part of the frontier, and the next step it has to take.
struct Beam {
    next: usize,
    open: Open,
    frontier: Vec<Configuration>,
}

/// One search, and what it has cost.
pub(crate) struct Search<'a> {
    plan: &'a Plan,
    space: &'a mut Space,
    meter: &'a Meter<'a>,
    counting: Counting,
    waiting: Vec<Beam>,
    waiting_bytes: usize,
    waiting_count: usize,
    furthest: usize,
    /// The most configurations held at once.
    pub(crate) peak: usize,
}

impl<'a> Search<'a> {
    pub(crate) fn new(
        plan: &'a Plan,
        space: &'a mut Space,
        meter: &'a Meter<'a>,
        counting: Counting,
    ) -> Self {
        Self {
            plan,
            space,
            meter,
            counting,
            waiting: Vec::new(),
            waiting_bytes: 0,
            waiting_count: 0,
            furthest: 0,
            peak: 1,
        }
    }

    /// Decides.
    pub(crate) fn run(&mut self) -> Found {
        let start =
            Configuration { state: self.plan.initial, owed: 0, usable: 0, used: Vec::new() };
        let mut beam = Beam { next: 0, open: Open::new(), frontier: vec![start] };
        loop {
            match self.follow(&mut beam, self.plan.last_demand) {
                Ok(true) => return Found::Linearizable,
                Ok(false) => {}
                Err(reason) => return Found::Undecided { reason, at: self.furthest },
            }
            match self.waiting.pop() {
                Some(next) => beam = next,
                None => return Found::Violation { at: self.furthest },
            }
            self.waiting_count -= beam.frontier.len();
            self.waiting_bytes -= bytes(&beam.frontier);
        }
    }

    /// The configurations after every event up to a position, for an explanation. Empty if there
    /// are none, or too many to follow at once.
    pub(crate) fn frontier_at(&mut self, at: usize) -> Vec<Configuration> {
        let start =
            Configuration { state: self.plan.initial, owed: 0, usable: 0, used: Vec::new() };
        let mut beam = Beam { next: 0, open: Open::new(), frontier: vec![start] };
        match self.follow(&mut beam, at) {
            Ok(true) => beam.frontier,
            Ok(false) | Err(_) => Vec::new(),
        }
    }

    /// Takes a beam along until it has passed a position (true), or died (false).
    fn follow(&mut self, beam: &mut Beam, until: usize) -> Result<bool, Exhausted> {
        let plan = self.plan;
        while let Some(&step) = plan.steps.get(beam.next).filter(|step| step.at <= until) {
            self.furthest = self.furthest.max(step.at);
            beam.next += 1;
            match step.what {
                Happening::Invoke(number) => {
                    let call = &plan.returning[number as usize];
                    beam.open.enter(number, call);
                    for configuration in &mut beam.frontier {
                        self.invoke(configuration, call);
                    }
                }
                Happening::Return(number) => {
                    let call = &plan.returning[number as usize];
                    self.settle(beam, step, call)?;
                }
                Happening::Forget(class) => self.forget(beam, class),
            }
            if beam.frontier.is_empty() {
                return Ok(false);
            }
            self.narrow(beam);
        }
        Ok(true)
    }

    fn invoke(&mut self, configuration: &mut Configuration, call: &Returning) {
        let bit = 1_u128 << call.slot;
        let state = configuration.state;
        let at_rest = call.action.step(state, self.space) == Some(state);
        if call.action.is_read() {
            configuration.owed |= if at_rest { 0 } else { bit };
            return;
        }
        configuration.usable |= bit;
        // A blind write of what is there may have happened at once: nobody could tell.
        if !(at_rest && matches!(call.action, Action::Write(_))) {
            configuration.owed |= bit;
        }
    }

    /// Lets a call return: configurations in which it may not have happened yet are taken further
    /// by it.
    fn settle(&mut self, beam: &mut Beam, step: Step, call: &Returning) -> Result<(), Exhausted> {
        let bit = 1_u128 << call.slot;
        let may_hide =
            beam.open.blind & bit != 0 && !self.plan.guide.wanted_after(call.action, step.at);
        // A write that can have hidden can also happen just now, if somebody may yet look for it.
        let unsettled = if may_hide { Configuration::owes } else { Configuration::lacks };
        if beam.frontier.iter().any(|configuration| unsettled(configuration, bit)) {
            let reached = self.expand(beam, step, call, unsettled)?;
            beam.frontier = reached.into_vec();
            beam.frontier.retain(|configuration| !configuration.owes(bit));
        }
        let mut released = false;
        for configuration in &mut beam.frontier {
            released |= configuration.usable & bit != 0;
            configuration.usable &= !bit;
        }
        beam.open.leave(call.slot);
        if released {
            beam.frontier = self.pruned(&beam.open, std::mem::take(&mut beam.frontier));
        }
        Ok(())
    }

    /// What can be reached from the frontier by sequences that end with the call that returns. When
    /// there is enough of it, what has not been tried is set aside.
    fn expand(
        &mut self,
        beam: &mut Beam,
        step: Step,
        returning: &Returning,
        unsettled: fn(&Configuration, u128) -> bool,
    ) -> Result<Antichain, Exhausted> {
        let bit = 1_u128 << returning.slot;
        // Of a configuration that stands for two, the one that has yet to make the call.
        let untried = |configuration: &Configuration| {
            let owed = configuration.owed | bit;
            unsettled(configuration, bit).then(|| Configuration { owed, ..configuration.clone() })
        };
        let mut reached = Antichain::new(self.counting);
        let mut queue = Queue::default();
        for configuration in beam.frontier.drain(..) {
            queue.extend(untried(&configuration));
            reached.insert(&beam.open, configuration);
        }
        let mut paid = 0;
        let mut successors = Vec::new();
        while let Some(configuration) = queue.pop() {
            self.successors(&beam.open, &configuration, step.at, returning, &mut successors);
            for next in successors.drain(..) {
                self.meter.spend()?;
                let (further, pays) = (untried(&next), !next.owes(bit));
                if reached.insert(&beam.open, next) {
                    queue.extend(further);
                    paid += usize::from(pays);
                }
            }
            self.peak = self.peak.max(reached.len + self.waiting_count);
            self.meter.holds(self.waiting_bytes + reached.bytes)?;
            if paid >= WIDTH {
                self.set_aside(Beam {
                    next: beam.next - 1,
                    open: beam.open.clone(),
                    frontier: queue.into_vec(),
                });
                break;
            }
        }
        Ok(reached)
    }

    /// The configurations one call further.
    fn successors(
        &mut self,
        open: &Open,
        configuration: &Configuration,
        at: usize,
        returning: &Returning,
        into: &mut Vec<Configuration>,
    ) {
        let (plan, counting) = (self.plan, self.counting);
        let view = View { plan, space: self.space, open, configuration, counting, at };
        let wishes = plan.guide.wishes(view);
        let crashed = plan.guide.crashed(&wishes, view);
        let mut candidates: Vec<(Action, Option<u32>, u128)> = Vec::new();
        for call in first_of_each_action(view) {
            let forced = call.slot == returning.slot;
            if forced || plan.guide.wants(&wishes, view, call.action) {
                candidates.push((call.action, None, 1 << call.slot));
            }
        }
        for class in crashed {
            let action = plan.classes[class as usize].action;
            // An open call of the same action would do as well, and has to be paid anyway.
            if !view.usable().any(|call| call.action == action) {
                candidates.push((action, Some(class), 0));
            }
        }
        for (action, class, bit) in candidates {
            let Some(state) = action.step(configuration.state, self.space) else { continue };
            let mut next = Configuration {
                state,
                owed: configuration.owed & !bit,
                usable: configuration.usable & !bit,
                used: configuration.used.clone(),
            };
            let counted = |&class: &u32| plan.classes[class as usize].counted;
            if let Some(class) = class.filter(counted).filter(|_| counting != Counting::Lavish) {
                next.use_crashed(class);
            }
            self.absorb(open, &mut next, matches!(action, Action::Write(_)));
            let view = View { plan, space: self.space, open, configuration: &next, counting, at };
            if !plan.guide.dead(view, bit == 1 << returning.slot) {
                into.push(next);
            }
        }
    }

    /// Pays what is owed and costs nothing: reads that the new state satisfies, blind writes of
    /// the value that is there, and blind writes that can have hidden just before another.
    fn absorb(&mut self, open: &Open, configuration: &mut Configuration, written: bool) {
        if written {
            configuration.owed &= !open.blind;
        }
        let free = configuration.owed & (open.readers | open.blind);
        for (slot, call) in bits(free).zip(open.calls(self.plan, free)) {
            if call.action.step(configuration.state, self.space) == Some(configuration.state) {
                configuration.owed &= !(1 << slot);
            }
        }
    }

    /// Takes no more along than the width; those that have spent least stay.
    fn narrow(&mut self, beam: &mut Beam) {
        self.peak = self.peak.max(beam.frontier.len() + self.waiting_count);
        if beam.frontier.len() > WIDTH {
            beam.frontier.sort_by_cached_key(promise);
            let frontier = beam.frontier.split_off(WIDTH);
            self.set_aside(Beam { next: beam.next, open: beam.open.clone(), frontier });
        }
    }

    fn set_aside(&mut self, beam: Beam) {
        if !beam.frontier.is_empty() {
            self.waiting_bytes += bytes(&beam.frontier);
            self.waiting_count += beam.frontier.len();
            self.waiting.push(beam);
        }
    }

    fn forget(&self, beam: &mut Beam, class: u32) {
        let mut changed = false;
        for configuration in &mut beam.frontier {
            let before = configuration.used.len();
            configuration.used.retain(|used| used.class != class);
            changed |= configuration.used.len() != before;
        }
        if changed {
            beam.frontier = self.pruned(&beam.open, std::mem::take(&mut beam.frontier));
        }
    }

    fn pruned(&self, open: &Open, configurations: Vec<Configuration>) -> Vec<Configuration> {
        if configurations.len() < 2 {
            return configurations;
        }
        let mut antichain = Antichain::new(self.counting);
        for configuration in configurations {
            antichain.insert(open, configuration);
        }
        antichain.into_vec()
    }
}

/// Of open calls that do the same, one at most has to be tried: the one that returns first. One
/// that is owed and one that is not are tried both, because neither stands for the other.
fn first_of_each_action(view: View<'_>) -> Vec<&Returning> {
    let owed = view.configuration.owed;
    let mut first: Vec<&Returning> = Vec::new();
    for call in view.usable() {
        let is_owed = |call: &Returning| owed & (1 << call.slot) != 0;
        let same = |other: &&mut &Returning| {
            other.action == call.action && is_owed(other) == is_owed(call)
        };
        match first.iter_mut().find(same) {
            Some(other) if call.returned < other.returned => *other = call,
            Some(_) => {}
            None => first.push(call),
        }
    }
    first
}

/// Which configurations are tried first: those that have used few crashed calls and owe little.
fn promise(configuration: &Configuration) -> (u32, u32, State, u128) {
    let owed = configuration.owed;
    (configuration.spent(), owed.count_ones(), configuration.state, owed)
}

/// Configurations that wait to be expanded, the most promising first.
#[derive(Default)]
struct Queue {
    waiting: BTreeMap<(u32, u32, usize), Configuration>,
    added: usize,
}

impl Queue {
    fn extend(&mut self, configurations: impl IntoIterator<Item = Configuration>) {
        for configuration in configurations {
            let (spent, owed, ..) = promise(&configuration);
            self.added += 1;
            self.waiting.insert((spent, owed, self.added), configuration);
        }
    }

    fn pop(&mut self) -> Option<Configuration> {
        self.waiting.pop_first().map(|(_, configuration)| configuration)
    }

    fn into_vec(self) -> Vec<Configuration> {
        self.waiting.into_values().collect()
    }
}

fn bytes(configurations: &[Configuration]) -> usize {
    configurations.iter().map(Configuration::bytes).sum()
}
