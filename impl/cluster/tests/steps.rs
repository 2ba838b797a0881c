//! What a step of a change of membership must have done before it does the next thing, over acceptors in
//! memory: each of these orders is what keeps an acknowledged value from being lost.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test may panic"
)]

mod cluster;

use cluster::{Did, TestCluster};
use futures_util::future::join;
use gryadka_cluster::{Aim, ClusterConfig, MembershipError};
use std::collections::BTreeSet;

/// Keys, more than two pages of them.
fn keys(count: usize) -> BTreeSet<String> {
    (0..count).map(|key| format!("k{key:03}")).collect()
}

async fn replace_2_by_4(cluster: &TestCluster) -> Result<ClusterConfig, MembershipError> {
    let target = |config: &mut ClusterConfig| {
        config.acceptors.insert(4, String::from("a4"));
        config.next = 5;
        Ok(BTreeSet::from([1, 3, 4]))
    };
    cluster.drive(Aim::Change(&target)).await
}

/// Where a step first did this.
fn first(done: &[Did], wanted: impl Fn(&Did) -> bool) -> usize {
    done.iter().position(wanted).unwrap_or_else(|| panic!("never done: {done:?}"))
}

fn config_written(epoch: u64, complete: bool) -> impl Fn(&Did) -> bool {
    move |did| {
        let Did::Wrote { after } = did else { return false };
        let config = ClusterConfig::parse(after).unwrap();
        config.epoch == epoch && config.is_rescan_complete() == complete
    }
}

#[test]
fn every_key_of_every_acceptor_is_committed_again_before_a_step_is_complete() {
    let cluster = TestCluster::of_three();
    // What 1 missed and what 3 missed; 2 is out of reach.
    for (acceptor, prefix) in [(1, "one"), (3, "three")] {
        for key in keys(23) {
            cluster.hold(acceptor, &format!("{prefix} {key}"));
        }
    }
    cluster.cut(2);
    cluster.run(replace_2_by_4(&cluster)).unwrap();
    let done = cluster.done();
    for epoch in [2, 3] {
        let complete = first(&done, config_written(epoch, true));
        let begun = first(&done, config_written(epoch, false));
        let kept: BTreeSet<&String> = done[begun..complete]
            .iter()
            .filter_map(|did| if let Did::Kept { key } = did { Some(key) } else { None })
            .collect();
        for key in keys(23) {
            for name in [format!("one {key}"), format!("three {key}")] {
                assert!(kept.contains(&name), "{name} was not committed again in epoch {epoch}");
            }
        }
    }
}

#[test]
fn no_acceptor_is_listed_before_the_epoch_before_is_fenced() {
    let cluster = TestCluster::of_three();
    cluster.hold(3, "k");
    cluster.lose_epochs(&[2, 3], 5);
    cluster.run(replace_2_by_4(&cluster)).unwrap();
    let done = cluster.done();
    let decided = first(&done, config_written(2, false));
    let listed = decided + first(&done[decided..], |did| matches!(did, Did::Listed));
    let notified: BTreeSet<u32> = done[decided..listed]
        .iter()
        .filter_map(|did| match did {
            Did::EpochNotified { acceptor, epoch: 2 } if *acceptor <= 3 => Some(*acceptor),
            _ => None,
        })
        .collect();
    assert!(
        notified.len() >= 2,
        "only {notified:?} were notified of epoch 2 when keys were listed"
    );
}

#[test]
fn the_promise_floors_of_the_epoch_before_are_inherited_before_a_step_is_complete() {
    let cluster = TestCluster::of_three();
    cluster.raise_floor(3, 40);
    cluster.cut(2);
    cluster.run(replace_2_by_4(&cluster)).unwrap();
    let done = cluster.done();
    let complete = first(&done, config_written(2, true));
    let raised: BTreeSet<u32> = done[..complete]
        .iter()
        .filter_map(|did| match did {
            Did::FloorRaised { acceptor, floor: 40 } => Some(*acceptor),
            _ => None,
        })
        .collect();
    assert!(raised.len() >= 3, "only {raised:?} inherited the floor, no quorum of 1, 2, 3, 4");
}

#[test]
fn an_acceptor_that_lost_its_memory_while_it_was_listed_counts_for_nothing() {
    let cluster = TestCluster::of_three();
    for key in keys(23) {
        cluster.hold(3, &key);
    }
    cluster.cut(2);
    cluster.flush_after_pages(3, 1);
    let ended = cluster.run(replace_2_by_4(&cluster));
    assert!(matches!(ended, Err(MembershipError::Deadline)), "{ended:?}");
    assert!(!cluster.done().iter().any(config_written(2, true)));
}

#[test]
fn a_listing_that_is_interrupted_begins_at_the_beginning() {
    let cluster = TestCluster::of_three();
    for key in keys(23) {
        cluster.hold(3, &key);
    }
    cluster.cut(2);
    cluster.restart_after_pages(3, 2);
    cluster.run(replace_2_by_4(&cluster)).unwrap();
    let done = cluster.done();
    let kept =
        |key: &String| done.iter().any(|did| matches!(did, Did::Kept { key: it } if it == key));
    assert_eq!(keys(23).iter().filter(|key| !kept(key)).count(), 0);
}

/// A faster driver has completed the step: a slower one must not wait for acceptors that it cannot reach.
#[test]
fn a_slower_driver_gives_way_to_a_faster_one() {
    let cluster = TestCluster::of_three();
    cluster.hold(3, "k");
    cluster.cut(1);
    cluster.cut(2);
    // Of epoch 1 it reaches 3 alone, which does not fence it.
    let faster = async {
        cluster.pause(10).await;
        cluster.complete_step();
    };
    let ended = cluster.run(join(replace_2_by_4(&cluster), faster)).0;
    assert_eq!(ended.unwrap().members(), BTreeSet::from([1, 3, 4]));
}
