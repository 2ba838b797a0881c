//! A harness that is itself in a container, with the socket of this machine's Docker.

use crate::site::{Site, docker, everything, things};
use crate::support::wait_until;
use std::collections::BTreeSet;
use std::path::Path;

const SOCKET: &str = "/var/run/docker.sock";

/// The container with the harness in it, removed with this value.
struct Contained(String);

impl Contained {
    /// Starts the harness out of its own image, on the host's network: it must reach its containers.
    fn start(image: &str, args: &str) -> Self {
        assert!(Path::new(SOCKET).exists(), "this test needs Docker's socket at {SOCKET}");
        let name = format!("contained-{}", std::process::id());
        let volume = format!("{SOCKET}:{SOCKET}");
        let mut words =
            vec!["run", "--detach", "--network", "host", "--name", &name, "--hostname", &name];
        words.extend(["--volume", &volume, "--env", "HOME=/tmp", image]);
        words.extend(args.split_whitespace());
        let started = docker(&words);
        assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
        Self(name)
    }

    /// The runs of this harness: the label of their owner names the container as the machine.
    fn runs(&self) -> BTreeSet<String> {
        let label = "label=gryadka.harness.run";
        let format = "{{.Label \"gryadka.harness.run\"}} {{.Label \"gryadka.harness.owner\"}}";
        let listed = docker(&["ps", "--all", "--filter", label, "--format", format]).stdout;
        let text = String::from_utf8(listed).unwrap();
        let host = format!(":{}:", self.0);
        let of_us = text.lines().filter_map(|line| line.split_once(' '));
        of_us.filter(|(_, owner)| owner.contains(&host)).map(|(run, _)| run.to_owned()).collect()
    }

    fn said(&self) -> String {
        let logs = docker(&["logs", &self.0]);
        String::from_utf8_lossy(&[logs.stdout, logs.stderr].concat()).into_owned()
    }
}

/// A test that fails must not leave what the harness has started.
impl Drop for Contained {
    fn drop(&mut self) {
        let runs = self.runs();
        docker(&["rm", "--force", &self.0]);
        for name in runs.iter().flat_map(|run| things(run)).filter(|_| std::thread::panicking()) {
            docker(&["rm", "--force", "--volumes", &name]);
            docker(&["network", "rm", &name]);
        }
    }
}

#[test]
fn a_run_of_a_harness_in_a_container_survives_heal_on_the_host_until_it_is_named() {
    let site = Site::new();
    // Makes the image of the harness's own executable.
    site.run("--time 1s --quiet 500ms --faults none");
    let args = format!(
        "run append --environment docker --image {} --toxiproxy-image own --time 120s --faults none \
         --output /tmp/out",
        site.image()
    );
    let contained = Contained::start(&site.own_image(), &args);
    wait_until("a run that goes on", || contained.said().contains(" faults planned"));
    let run = contained.runs().pop_first().expect("a run of the contained harness");
    assert_eq!(things(&run), everything(&run, 3));

    // A real one would also heal what other tests have left on purpose.
    let said = site.harness("heal --dry-run").exits(0).stderr();
    let of_run = format!("run {run}:");
    let about: Vec<_> = said.lines().filter(|line| line.starts_with(&of_run)).collect();
    assert_eq!(about.len(), 1, "{said}");
    assert!(about[0].contains("cannot be seen from here; left alone"), "{said}");
    assert!(about[0].ends_with(&format!("harness heal --run {run}")), "{said}");

    drop(contained);
    let said = site.harness(&format!("heal --run {run}")).exits(0).stderr();
    assert!(said.contains(&format!("remove network harness-{run}\n")), "{said}");
    assert_eq!(things(&run), [""; 0]);
}
