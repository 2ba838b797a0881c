//! The beginning of a service, before its acceptors are there.

use crate::running::Acceptors;
use crate::tool::gryadka;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStderr};

struct Serving {
    child: Child,
    said: Lines<BufReader<ChildStderr>>,
}

impl Serving {
    fn start(acceptors: &Acceptors, words: &str) -> Self {
        let mut command = gryadka(&acceptors.urls().join(","));
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(words.split_whitespace());
        let mut child = command.spawn().unwrap();
        let said = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, said }
    }

    /// The next line that it says.
    fn says(&mut self) -> String {
        self.said.next().unwrap().unwrap()
    }

    /// Where it listens, once it does.
    fn listens(&mut self) -> String {
        loop {
            if let Some(address) = self.says().strip_prefix("gryadka: listening on ") {
                return address.to_owned();
            }
        }
    }

    /// Its exit code, after SIGTERM.
    fn end(mut self) -> Option<i32> {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
        self.child.wait().unwrap().code()
    }
}

/// A test that fails must not let it live on.
impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_are_not_up_yet_are_waited_for_and_a_cluster_is_made_of_them() {
    let mut acceptors = Acceptors::three();
    acceptors.stop(1);
    let mut service = Serving::start(&acceptors, "--init --start-timeout 10m");
    let said = service.says();
    assert!(said.starts_with("gryadka: waiting for the acceptors: native://"), "{said}");
    acceptors.start(1).await;
    let address = service.listens();
    let ready = gryadka("").args(["ready", &address]).status().unwrap();
    assert_eq!(ready.code(), Some(0));
    assert_eq!(service.end(), Some(0));
    let ready = gryadka("").args(["ready", &address]).output().unwrap();
    assert_eq!(ready.status.code(), Some(3));
    let said = String::from_utf8(ready.stderr).unwrap();
    assert!(said.contains("is not ready: Connection refused"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_another_process_makes_is_waited_for() {
    let acceptors = Acceptors::three();
    let mut service = Serving::start(&acceptors, "--start-timeout 10m");
    let said = service.says();
    assert!(said.contains("belongs to no cluster"), "{said}");
    drop(acceptors.join().await);
    service.listens();
    assert_eq!(service.end(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_waits_can_be_told_to_stop() {
    let acceptors = Acceptors::three();
    let mut service = Serving::start(&acceptors, "--start-timeout 10m");
    service.says();
    assert_eq!(service.end(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn acceptors_are_waited_for_no_longer_than_was_said() {
    let acceptors = Acceptors::three();
    for words in ["--start-timeout 0", "--start-timeout 300ms"] {
        let mut service = Serving::start(&acceptors, words);
        assert_eq!(service.child.wait().unwrap().code(), Some(3), "{words}");
    }
}
