//! The faults of a world, as a schedule for real servers.

use crate::fault::{Effect, Fault, Memory, Trouble};
use workloads::{FaultKind, Link, OneWay, PlannedFault, Span};

const MS: u64 = 1_000_000;
/// A fault of real servers lasts long enough to be probed.
const LEAST: Span = Span::millis(800);
/// What a link of a real environment can be told.
const DELAYS: (u64, u64) = (10, 10_000);

/// A schedule, and what of the world's faults it had to leave out.
#[derive(Debug, Clone, PartialEq)]
pub struct RealSchedule {
    /// The faults that real environments know, one after the other.
    pub faults: Vec<PlannedFault>,
    /// The others, in words.
    pub left_out: Vec<String>,
}

/// The faults of a world as a schedule that begins at `from`, with all times `stretch` times as
/// long: a world's faults last milliseconds, and real ones must be verified. Faults that
/// overlap there come one after the other here, because a probe must know whose effect it sees.
#[must_use]
pub fn real_schedule(faults: &[Fault], from: Span, stretch: u32) -> RealSchedule {
    let mut schedule = RealSchedule { faults: Vec::new(), left_out: Vec::new() };
    let mut faults: Vec<&Fault> = faults.iter().collect();
    faults.sort_by_key(|fault| fault.at);
    let stretched = |nanos: u64| nanos.saturating_mul(stretch.into()) / MS;
    let mut free = from.as_millis();
    for fault in faults {
        let Some(mut planned) = planned(&fault.what) else {
            schedule.left_out.push(fault.what.to_string());
            continue;
        };
        let at = free.max(from.as_millis().saturating_add(stretched(fault.at)));
        planned.at = Span::millis(at);
        planned.lasts = Span::millis(stretched(fault.lasts)).max(LEAST);
        free = at.saturating_add(planned.lasts.as_millis());
        schedule.faults.push(planned);
    }
    schedule
}

fn planned(trouble: &Trouble) -> Option<PlannedFault> {
    match trouble {
        Trouble::Links { whom, links, direction, effect } => {
            of_links(whom, links, *direction, *effect)
        }
        Trouble::CrashAcceptor { acceptor, memory: Memory::Kept, .. } => {
            Some(of_acceptor(FaultKind::Kill, *acceptor))
        }
        Trouble::PauseAcceptor(acceptor) => Some(of_acceptor(FaultKind::Pause, *acceptor)),
        Trouble::CrashAcceptor {
            memory: Memory::TailLost(_) | Memory::Wiped | Memory::Flushed,
            ..
        }
        | Trouble::CrashProposer(_)
        | Trouble::PauseProposer(_) => None,
    }
}

fn of_links(
    whom: &str,
    links: &[Link],
    direction: Option<OneWay>,
    effect: Effect,
) -> Option<PlannedFault> {
    let blank = |fault| PlannedFault {
        whom: whom.to_owned(),
        links: links.to_vec(),
        ..PlannedFault::of(fault, (Span::millis(0), LEAST))
    };
    match (effect, direction) {
        (Effect::Cut, None) => Some(blank(FaultKind::Cut)),
        (Effect::Hold, None) => Some(blank(FaultKind::Blackhole)),
        (Effect::Hold, Some(_)) => Some(PlannedFault { direction, ..blank(FaultKind::OneWay) }),
        (Effect::Slow { by, jitter }, None) => {
            // The world adds up to `jitter`; a real link varies up and down by half of it.
            let middle = ((by + jitter / 2) / MS).clamp(DELAYS.0, DELAYS.1);
            let latency = Some(Span::millis(middle));
            // Less than that could not be seen on a real link.
            let jitter = Some(Span::millis((jitter / 2 / MS).min(middle - DELAYS.0)));
            Some(PlannedFault { latency, jitter, ..blank(FaultKind::Latency) })
        }
        (Effect::Lossy { probability }, None) => {
            Some(PlannedFault { probability: Some(probability), ..blank(FaultKind::Loss) })
        }
        // Real links are cut, slow and lossy both ways, and lose nothing without a sign.
        (Effect::Lose, _) | (Effect::Cut | Effect::Slow { .. } | Effect::Lossy { .. }, Some(_)) => {
            None
        }
    }
}

fn of_acceptor(fault: FaultKind, acceptor: u32) -> PlannedFault {
    PlannedFault {
        whom: format!("a{acceptor}"),
        nodes: vec![acceptor],
        ..PlannedFault::of(fault, (Span::millis(0), LEAST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{KNOWN_TO_THE_WORLD, played};
    use crate::swarm::swarm;
    use workloads::Frame;

    #[test]
    fn a_real_schedule_comes_back_from_the_world_as_it_went() {
        let (from, until) = (Span::seconds(0), Span::seconds(60));
        let frame = Frame::simple(KNOWN_TO_THE_WORLD, 3, (from, until), Span::seconds(4));
        let schedule = frame.plan(7);
        let back = real_schedule(&played(&schedule), from, 1);
        assert_eq!(back.left_out, [""; 0]);
        for (there, here) in schedule.iter().zip(&back.faults) {
            // To the world a restart is a kill: both keep what was written.
            let mut there = there.clone();
            if there.fault == FaultKind::Restart {
                there.fault = FaultKind::Kill;
            }
            assert_eq!(&there, here);
        }
    }

    #[test]
    fn the_swarms_faults_become_schedules_without_overlap() {
        let (mut kept, mut left_out) = (0, 0);
        for seed in 0..500 {
            let schedule = real_schedule(&swarm(seed).faults, Span::seconds(2), 100);
            for pair in schedule.faults.windows(2) {
                let end = pair[0].at.as_millis() + pair[0].lasts.as_millis();
                assert!(end <= pair[1].at.as_millis());
            }
            kept += schedule.faults.len();
            left_out += schedule.left_out.len();
        }
        assert!(kept > 200 && left_out > 100, "{kept} kept, {left_out} left out");
    }
}
