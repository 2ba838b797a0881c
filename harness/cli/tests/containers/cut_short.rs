//! Runs that are interrupted, terminated or killed, and what `heal` makes of that.

use crate::site::{Site, everything, running, things};
use crate::support::wait_until;
use nix::sys::signal::Signal;
use std::fs;

const LONG: &str = "--time 60s --faults pause --fault-interval 1s --seed 7";

#[test]
fn an_interrupt_leaves_nothing() {
    let site = Site::new();
    let harness = site.start(LONG);
    let run = site.wait_for_containers(4);
    site.wait_for_calls(20);
    harness.signal(Signal::SIGINT);
    harness.end().exits_with_a_verdict();
    site.is_clean(&run);
}

#[test]
fn a_request_to_terminate_while_containers_start_leaves_nothing() {
    let site = Site::new();
    let harness = site.start(LONG);
    wait_until("a journal", || site.runs().len() == 1);
    let run = site.runs().remove(0);
    wait_until("the first container", || running(&run) > 0);
    harness.signal(Signal::SIGTERM);
    let said = harness.end().exits(130).stderr();
    assert_eq!(said.matches("interrupted").count(), 1, "{said}");
    site.is_clean(&run);
}

#[test]
fn an_interrupt_while_proposers_start_leaves_nothing() {
    let site = Site::new();
    let harness = site.start(&format!("{LONG} --proposers container"));
    let run = site.wait_for_containers(5);
    harness.signal(Signal::SIGINT);
    // A quick machine may have begun the load by then, which is judged.
    let ended = harness.end();
    if ended.code() == Some(130) {
        assert_eq!(ended.stdout(), "");
    } else {
        ended.exits_with_a_verdict();
    }
    site.is_clean(&run);
}

#[test]
fn what_a_killed_harness_leaves_is_healed_and_a_live_run_is_not() {
    let (killed, live) = (Site::new(), Site::new());
    let (harness, other) = (killed.start(LONG), live.start(LONG));
    let (run, alive) = (killed.wait_for_containers(4), live.wait_for_containers(4));
    killed.wait_for_calls(20);
    harness.signal(Signal::SIGKILL);
    assert_eq!(harness.end().code(), None);
    assert_eq!(things(&run), everything(&run, 3));

    let would = killed.harness(&format!("heal --dry-run --run {run}")).exits(0).stderr();
    assert!(would.contains(&format!("would remove container harness-{run}-a1")), "{would}");
    assert_eq!(things(&run), everything(&run, 3));

    // Both by its journal and by its labels it is seen to live.
    for site in [&live, &killed] {
        let said = site.harness(&format!("heal --run {alive}")).exits(0).stderr();
        assert!(said.contains("its harness goes on"), "{said}");
    }

    let did = killed.harness(&format!("heal --run {run}")).exits(0).stderr();
    assert!(did.contains(&format!("remove network harness-{run}\n")), "{did}");
    killed.is_clean(&run);
    let again = killed.harness(&format!("heal --run {run}")).exits(0).stderr();
    assert_eq!(again, "there is nothing to heal\n");

    assert_eq!(things(&alive), everything(&alive, 3));
    other.signal(Signal::SIGINT);
    other.end().exits_with_a_verdict();
    live.is_clean(&alive);
}

#[test]
fn what_has_lost_its_journal_is_healed_by_its_labels() {
    let site = Site::new();
    let harness = site.start(LONG);
    let run = site.wait_for_containers(4);
    harness.signal(Signal::SIGKILL);
    harness.end();
    fs::remove_dir_all(site.sandbox.path("state")).unwrap();
    site.harness(&format!("heal --run {run}")).exits(0);
    site.is_clean(&run);
}

#[test]
fn the_directories_of_killed_processes_are_healed() {
    let site = Site::new();
    let mut command = site.command("run append --environment process --time 60s --output out");
    let mut harness = command.spawn().unwrap();
    site.wait_for_calls(20);
    harness.kill().unwrap();
    harness.wait().unwrap();
    site.sandbox.wait_for_servers(0);
    let left = || fs::read_dir(site.sandbox.path("tmp")).unwrap().count();
    assert_eq!(left(), 3);
    let run = site.runs().remove(0);
    site.harness(&format!("heal --run {run}")).exits(0);
    assert_eq!((left(), site.runs().len()), (0, 0));
}
