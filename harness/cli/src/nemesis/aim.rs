//! Whom a fault strikes, where that is only known when it begins, or is wrong on purpose.

use super::scene::Scene;
use workloads::{Befalls, Link, PlannedFault, Target};

/// The fault with everybody named whom it strikes, and how they were found.
pub(super) async fn resolve(scene: &Scene, planned: &PlannedFault) -> (PlannedFault, Vec<String>) {
    let mut resolved = planned.clone();
    if planned.target != Some(Target::Busiest) {
        return (resolved, Vec::new());
    }
    let of_acceptors = planned.fault.befalls() == Befalls::Acceptor;
    let numbers: Vec<u32> = if of_acceptors {
        scene.members.lock().await.numbers.iter().copied().collect()
    } else {
        (1..=scene.nodes).collect()
    };
    let mut busiest = (numbers.first().copied().unwrap_or(1), None);
    for number in numbers {
        let carried = carried(scene, number, of_acceptors).await;
        if carried > busiest.1 {
            busiest = (number, carried);
        }
    }
    let (number, carried) = busiest;
    let name = format!("{}{number}", if of_acceptors { 'a' } else { 'p' });
    let how = carried.map_or_else(
        || format!("before: nothing here counts what links carry; {name} is taken for the busiest"),
        |bytes| format!("before: {name} is the busiest: its links have carried {bytes} bytes"),
    );
    (if of_acceptors { &mut resolved.nodes } else { &mut resolved.proposers }).push(number);
    (resolved, vec![how])
}

/// What the links of an acceptor, or of a proposer, have carried.
async fn carried(scene: &Scene, number: u32, of_acceptor: bool) -> Option<u64> {
    let links = if of_acceptor { scene.links.to(number) } else { scene.links.from(number) };
    let mut sum = None;
    for (_, link) in links {
        let crossed = link.crossed().await?;
        sum = Some(sum.unwrap_or(0) + crossed.requests + crossed.replies);
    }
    sum
}

/// Links that a fault does not name, as many as it names if there are so many: where a broken nemesis
/// puts what it should put on those.
pub(super) fn beside(named: &[Link], all: &[Link]) -> Vec<Link> {
    let others = all.iter().filter(|link| !named.contains(link));
    others.copied().take(named.len()).collect()
}
