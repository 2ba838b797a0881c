//! What is told when something is missing: nothing of this starts a container.

use crate::site::{Site, docker};
use crate::support::{Ended, Sandbox};
use std::fs;

/// A daemon that is not there.
const NOWHERE: (&str, &str) = ("DOCKER_HOST", "unix:///nowhere/docker.sock");

/// The harness, with such a daemon.
fn without_docker(sandbox: &Sandbox, args: &str) -> Ended {
    let mut command = sandbox.command(args);
    command.env(NOWHERE.0, NOWHERE.1);
    Ended(command.output().unwrap())
}

#[test]
fn an_image_that_cannot_be_had_is_named_with_the_ways_out() {
    let site = Site::new();
    let image = "127.0.0.1:1/no-such:1";
    let args = format!("run append --environment docker --image {image} --output out");
    let said = site.harness(&args).exits(64).stderr();
    let begins =
        format!("harness: the image {image} is not on this machine and cannot be pulled (");
    assert!(said.starts_with(&begins), "{said}");
    assert!(said.contains("--image") && said.contains("--environment process"), "{said}");
    assert!(!site.sandbox.path("out").exists());
    assert_eq!(site.runs(), Vec::<String>::new());
}

#[test]
fn an_image_without_a_redis_server_is_the_users_and_is_named() {
    let site = Site::new();
    let image = format!("harness-test-empty:{}", std::process::id());
    let tar = site.sandbox.file("empty.tar", "");
    // An archive ends with two blocks of nothing.
    fs::write(&tar, [0; 1024]).unwrap();
    assert!(docker(&["import", tar.to_str().unwrap(), &image]).status.success());
    let args = format!(
        "run append --environment docker --image {image} --toxiproxy-image own --output out"
    );
    let ended = site.harness(&args);
    docker(&["rmi", "--force", &image]);
    let said = ended.exits(64).stderr();
    assert!(said.contains(&format!("the image {image} has no redis-server")), "{said}");
    assert_eq!(said.matches("redis-server").count(), 1, "{said}");
    assert_eq!(site.runs(), [""; 0]);
}

#[test]
fn no_daemon_is_an_error_for_docker_and_a_reason_for_auto() {
    let sandbox = Sandbox::with_redis();
    let said = without_docker(&sandbox, "run append --environment docker").exits(64).stderr();
    assert!(said.starts_with("harness: Docker does not answer ("), "{said}");
    let args = "run append --time 2s --quiet 1s --faults none --output out";
    let said = without_docker(&sandbox, args).exits(0).stderr();
    assert!(said.starts_with("not docker: Docker does not answer ("), "{said}");
    assert!(said.contains("environment process: "), "{said}");
}

#[test]
fn a_journal_of_containers_stays_until_docker_answers() {
    let sandbox = Sandbox::new();
    let state = sandbox.path("state/gryadka-harness");
    fs::create_dir_all(&state).unwrap();
    let journal = state.join("0badcafe.jsonl");
    fs::write(
        &journal,
        "{\"made\":\"run\",\"run\":\"0badcafe\",\"owner\":\"1:1:another-boot\"}\n\
         {\"made\":\"container\",\"name\":\"harness-0badcafe-a1\"}\n",
    )
    .unwrap();
    let said = without_docker(&sandbox, "heal --run 0badcafe").exits(70).stderr();
    assert!(said.contains("could not remove container harness-0badcafe-a1"), "{said}");
    assert!(journal.is_file());
}

#[test]
fn the_doctor_knows_what_works() {
    let site = Site::new();
    let report = site.harness("doctor --json").exits(0).json();
    let environments = report["environments"].as_array().unwrap();
    let names: Vec<_> = environments.iter().map(|e| e["environment"].as_str().unwrap()).collect();
    assert_eq!(names, ["docker", "process", "embedded"]);
    assert_eq!(report["facts"]["docker"]["Ok"]["bridges"], true, "{report}");
    let text = site.harness("doctor").exits(0).stdout();
    assert!(text.contains("\nfaults "), "{text}");

    let mut command = site.command("doctor");
    let ended = Ended(command.env(NOWHERE.0, NOWHERE.1).env("PATH", "/nowhere").output().unwrap());
    let text = ended.exits(1).stdout();
    assert!(text.contains("docker    does not work"), "{text}");
}
