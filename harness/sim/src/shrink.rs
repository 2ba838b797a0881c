//! From a failing run to a small one that fails as well.
//!
//! Every candidate is run again and judged by the checker; nothing is ever claimed of a case that
//! was not run. A candidate may fail in another way than the first run did: a violation is one.

use crate::case::{Case, Disturbance, PlannedCall};
use crate::ddmin::ddmin;
use crate::fault::{Fault, Memory, Trouble};
use crate::judge::judge;
use crate::message::{CALM, Fate, MessageId, OpId, Phase, Way};
use crate::record::Detail;
use crate::run::{SimRun, run_case};
use crate::setup::Setup;
use harness_checker::Answer;
use harness_history::Counterexample;
use std::collections::BTreeSet;

/// A small failing case, and what came of running it.
#[derive(Debug, Clone)]
pub struct Shrunk {
    /// The case.
    pub case: Case,
    /// Its run, with everything written down.
    pub run: SimRun,
    /// Why it is a violation.
    pub counterexample: Counterexample,
    /// How many candidates were run.
    pub tried: usize,
}

/// Shrinks a failing case, running at most so many candidates. None when the case does not fail.
#[must_use]
pub fn shrink(case: &Case, candidates: usize) -> Option<Shrunk> {
    let mut shrinker = Shrinker { case: case.clone(), left: candidates };
    let first = violation(&run_case(case, Detail::Verdict))?;
    shrinker.leave_out_the_rest(&first);
    loop {
        let before = shrinker.size();
        shrinker.pass();
        if shrinker.size() >= before || shrinker.left == 0 {
            break;
        }
    }
    let run = run_case(&shrinker.case, Detail::Everything);
    let counterexample = violation(&run)?;
    let tried = candidates - shrinker.left;
    Some(Shrunk { case: shrinker.case, run, counterexample, tried })
}

fn violation(run: &SimRun) -> Option<Counterexample> {
    match judge(run).ok()?.answer {
        Answer::Violation(counterexample) => Some(counterexample),
        Answer::Valid | Answer::Unknown(_) => None,
    }
}

struct Shrinker {
    case: Case,
    /// How many candidates may still be run.
    left: usize,
}

impl Shrinker {
    /// What there is to follow for a person, the heaviest first.
    fn size(&self) -> (usize, usize, usize, usize) {
        let case = &self.case;
        let links = case.disturbed_links().len();
        (case.operations.len(), links, case.setup.faults.len(), case.disturbed.len())
    }

    /// Runs a candidate, and keeps it if it fails.
    fn keep_if_failing(&mut self, candidate: Case) -> bool {
        if self.left == 0 || candidate == self.case {
            return false;
        }
        self.left -= 1;
        let fails = violation(&run_case(&candidate, Detail::Verdict)).is_some();
        if fails {
            self.case = candidate;
        }
        fails
    }

    fn pass(&mut self) {
        self.leave_out_clients();
        self.leave_out_operations();
        self.leave_out_faults();
        self.calm_links();
        self.calm_messages();
        self.calm_operations();
        self.refuse_instead();
        self.space_calls_out();
        self.simplify_setup();
        self.simplify_fates();
        self.leave_out_operations();
        self.crash_instead_of_links();
    }

    /// Operations on other objects, and those that began after the violation was complete.
    fn leave_out_the_rest(&mut self, violation: &Counterexample) {
        let last = violation.operations.iter().filter_map(|witness| witness.completed_time).max();
        let mut candidate = self.case.clone();
        candidate.operations.retain(|operation| {
            Some(&operation.key) == violation.key.as_ref()
                && last.is_none_or(|last| operation.at <= last)
        });
        self.keep_if_failing(without_strays(candidate));
    }

    fn leave_out_clients(&mut self) {
        let clients: BTreeSet<u32> = self.case.operations.iter().map(|op| op.id.client).collect();
        for client in clients {
            let mut candidate = self.case.clone();
            candidate.operations.retain(|operation| operation.id.client != client);
            self.keep_if_failing(without_strays(candidate));
        }
    }

    fn leave_out_operations(&mut self) {
        let all = self.case.operations.clone();
        ddmin(&all, &mut |operations: &[PlannedCall]| {
            let operations = operations.to_vec();
            self.keep_if_failing(without_strays(Case { operations, ..self.case.clone() }))
        });
    }

    fn leave_out_faults(&mut self) {
        let all = self.case.setup.faults.clone();
        ddmin(&all, &mut |faults: &[Fault]| {
            let setup = Setup { faults: faults.to_vec(), ..self.case.setup.clone() };
            self.keep_if_failing(Case { setup, ..self.case.clone() })
        });
    }

    /// Whole links at a time.
    fn calm_links(&mut self) {
        for link in self.case.disturbed_links() {
            let mut candidate = self.case.clone();
            candidate.disturbed.retain(|one| self.case.link_of(one.message) != Some(link));
            self.keep_if_failing(candidate);
        }
    }

    fn calm_messages(&mut self) {
        let all = self.case.disturbed.clone();
        ddmin(&all, &mut |disturbed: &[Disturbance]| {
            let disturbed = disturbed.to_vec();
            self.keep_if_failing(Case { disturbed, ..self.case.clone() })
        });
    }

    /// All messages of one operation at a time. Calm replies come in the order of the acceptors, and
    /// which of them are heard first often matters, so two acceptors may change places for it.
    fn calm_operations(&mut self) {
        let acceptors = self.case.setup.acceptors;
        for op in disturbed_operations(&self.case) {
            let pairs =
                (1..=acceptors).flat_map(|one| (one..=acceptors).map(move |two| (one, two)));
            // A pair of one and the same changes nothing, and is tried as well.
            for (one, two) in pairs {
                let mut candidate = exchanged(&self.case, one, two);
                candidate.disturbed.retain(|disturbance| disturbance.message.op != op);
                if self.keep_if_failing(candidate) {
                    break;
                }
            }
        }
    }

    /// One or two requests of an operation's first round that never leave, in place of all that
    /// befell its messages.
    fn refuse_instead(&mut self) {
        let acceptors = self.case.setup.acceptors;
        for op in disturbed_operations(&self.case) {
            for (phase, one, two) in [Phase::Accept, Phase::Prepare].into_iter().flat_map(|phase| {
                (1..=acceptors)
                    .flat_map(move |one| (one..=acceptors).map(move |two| (phase, one, two)))
            }) {
                let refused: BTreeSet<u32> = [one, two].into();
                let of_op = self.case.disturbed.iter().filter(|one| one.message.op == op).count();
                let mut candidate = self.case.clone();
                candidate.disturbed.retain(|disturbance| disturbance.message.op != op);
                candidate.disturbed.extend(refused.iter().map(|&acceptor| {
                    let (way, fate) = (Way::Request, Fate::Refused { told: CALM });
                    let message = MessageId { op, attempt: 0, phase, acceptor, way, copy: 0 };
                    Disturbance { message, fate }
                }));
                if refused.len() >= of_op {
                    continue;
                }
                let setup = with_majorities(candidate.setup.clone());
                let simpler = Case { setup, ..candidate.clone() };
                let asked_elsewhere = last_asked_elsewhere(simpler.clone());
                if self.keep_if_failing(simpler)
                    || self.keep_if_failing(asked_elsewhere)
                    || self.keep_if_failing(candidate)
                {
                    break;
                }
            }
        }
    }

    /// One call after the other, or at least at round times.
    fn space_calls_out(&mut self) {
        for space in [20 * CALM, 10 * CALM, 5 * CALM] {
            let mut candidate = self.case.clone();
            for (number, operation) in (0..).zip(&mut candidate.operations) {
                operation.at = number * space;
            }
            if self.case == candidate || self.keep_if_failing(candidate) {
                return;
            }
        }
        for number in 0..self.case.operations.len() {
            let mut candidate = self.case.clone();
            let operation = &mut candidate.operations[number];
            operation.at = operation.at / CALM * CALM;
            self.keep_if_failing(candidate);
        }
    }

    fn simplify_setup(&mut self) {
        let clocks = Setup { clocks: Vec::new(), ..self.case.setup.clone() };
        self.keep_if_failing(Case { setup: clocks, ..self.case.clone() });
        let majorities = with_majorities(self.case.setup.clone());
        self.keep_if_failing(Case { setup: majorities, ..self.case.clone() });
        let once = Setup { repeats: false, ..self.case.setup.clone() };
        self.keep_if_failing(Case { setup: once, ..self.case.clone() });
        if self.case.setup.acceptors > 3 && !self.case.setup.unsafe_quorums {
            let three = |fault: &Fault| match fault.what {
                Trouble::CrashAcceptor { acceptor, .. } | Trouble::PauseAcceptor(acceptor) => {
                    acceptor <= 3
                }
                Trouble::Links { .. } | Trouble::CrashProposer(_) | Trouble::PauseProposer(_) => {
                    true
                }
            };
            let mut candidate = self.case.clone();
            let setup = &mut candidate.setup;
            (setup.acceptors, setup.prepare_quorum, setup.accept_quorum) = (3, 2, 2);
            setup.faults.retain(three);
            candidate.disturbed.retain(|one| one.message.acceptor <= 3);
            self.keep_if_failing(candidate);
        }
    }

    /// A message that is simply lost, or never leaves, is easier to follow than one that is late.
    fn simplify_fates(&mut self) {
        for number in 0..self.case.disturbed.len() {
            let one = self.case.disturbed[number];
            let mut simpler = vec![Fate::Lost];
            if one.message.way == Way::Request {
                simpler.insert(0, Fate::Refused { told: CALM });
            }
            simpler.push(Fate::Broken { told: CALM, arrives: None });
            if simpler.contains(&one.fate) {
                continue;
            }
            for fate in simpler {
                let mut candidate = self.case.clone();
                candidate.disturbed[number].fate = fate;
                if self.keep_if_failing(candidate) {
                    break;
                }
            }
        }
    }

    /// One acceptor that is down for a while says more simply what several disturbed messages to it
    /// say one by one.
    fn crash_instead_of_links(&mut self) {
        for acceptor in 1..=self.case.setup.acceptors {
            if self.case.disturbed_links().len() < 2 {
                return;
            }
            let of_acceptor = |one: &&Disturbance| one.message.acceptor == acceptor;
            let ops: BTreeSet<OpId> =
                self.case.disturbed.iter().filter(of_acceptor).map(|one| one.message.op).collect();
            let starts =
                self.case.operations.iter().filter(|operation| ops.contains(&operation.id));
            let starts: Vec<u64> = starts.map(|operation| operation.at).collect();
            let crashes = starts.into_iter().flat_map(|start| {
                [0, CALM / 2, CALM * 5 / 2].into_iter().flat_map(move |wait| {
                    [2, 4, 8, 16].map(move |lasts| (start + wait, lasts * CALM))
                })
            });
            for (at, lasts) in crashes {
                let mut candidate = self.case.clone();
                candidate.disturbed.retain(|one| one.message.acceptor != acceptor);
                let what = Trouble::CrashAcceptor { acceptor, memory: Memory::Kept, silent: false };
                candidate.setup.faults.push(Fault { at, lasts, what });
                if self.keep_if_failing(candidate) {
                    break;
                }
            }
        }
    }
}

/// The world with majorities for quorums, unless its quorums are what is wrong with it.
fn with_majorities(mut setup: Setup) -> Setup {
    if !setup.unsafe_quorums {
        let majority = setup.acceptors as usize / 2 + 1;
        (setup.prepare_quorum, setup.accept_quorum) = (majority, majority);
    }
    setup
}

/// The case with its last call asked of a proposer of its own, which has nothing cached.
fn last_asked_elsewhere(mut case: Case) -> Case {
    if let Some(last) = case.operations.iter_mut().max_by_key(|operation| operation.at) {
        let asked = last.proposer;
        last.proposer = if asked == 1 { 2 } else { 1 };
        case.setup.proposers = case.setup.proposers.max(2);
    }
    case
}

fn disturbed_operations(case: &Case) -> BTreeSet<OpId> {
    case.disturbed.iter().map(|disturbance| disturbance.message.op).collect()
}

/// The case with two acceptors in each other's place.
fn exchanged(case: &Case, one: u32, two: u32) -> Case {
    let exchange = |acceptor: &mut u32| {
        if *acceptor == one {
            *acceptor = two;
        } else if *acceptor == two {
            *acceptor = one;
        }
    };
    let mut case = case.clone();
    for disturbance in &mut case.disturbed {
        exchange(&mut disturbance.message.acceptor);
    }
    for fault in &mut case.setup.faults {
        match &mut fault.what {
            Trouble::CrashAcceptor { acceptor, .. } | Trouble::PauseAcceptor(acceptor) => {
                exchange(acceptor);
            }
            Trouble::Links { .. } | Trouble::CrashProposer(_) | Trouble::PauseProposer(_) => {}
        }
    }
    case
}

/// Forgets what befell messages of operations that are no longer there.
fn without_strays(mut case: Case) -> Case {
    let kept: BTreeSet<OpId> = case.operations.iter().map(|operation| operation.id).collect();
    case.disturbed.retain(|one| !one.message.op.is_of_client() || kept.contains(&one.message.op));
    case
}
