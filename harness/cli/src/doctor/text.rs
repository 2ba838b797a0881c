//! How it is told.

use super::diagnosis::Diagnosis;
use super::facts::{Facts, ImageFact};
use workloads::FaultKind;

/// Nothing of it is on this machine that could be looked at.
const EXTERNAL: &str = "  external  a cluster that is there: --services http://HOST:7480,… --toxiproxy http://HOST:8474
            Toxiproxy: docker run ghcr.io/shopify/toxiproxy:2.12.0, or ours: harness proxy
";

/// Facts, environments, and the table of faults.
pub(crate) fn text(facts: &Facts, diagnosis: &Diagnosis) -> String {
    let mut text = machine(facts);
    text += "\nenvironments\n";
    for prospect in &diagnosis.environments {
        let works = if prospect.works { "works" } else { "does not work" };
        text += &format!("  {:<9} {works}: {}\n", prospect.environment.name(), prospect.because);
        if let Some(better) = &prospect.better {
            text += &format!("            more: {better}\n");
        }
    }
    text += EXTERNAL;
    for warning in &diagnosis.warnings {
        text += &format!("  warning   {warning}\n");
    }
    text + "\n" + &table(diagnosis)
}

fn machine(facts: &Facts) -> String {
    let docker = match &facts.docker {
        Ok(docker) => format!(
            "{}; redis:8 {}; toxiproxy {}; bridges {}{}",
            docker.version,
            image(&docker.redis),
            image(&docker.toxiproxy),
            if docker.bridges { "reachable" } else { "not reachable" },
            own_images(docker.own_images)
        ),
        Err(reason) => format!("no ({reason})"),
    };
    let tools: Vec<_> = facts
        .tools
        .iter()
        .map(|(tool, there)| format!("{tool} {}", if *there { "yes" } else { "no" }))
        .collect();
    let number = |number: Option<u64>| number.map_or_else(|| String::from("?"), |n| n.to_string());
    let user = match facts.user {
        Some(0) => String::from("root"),
        Some(user) => format!("user {user}"),
        None => String::from("?"),
    };
    let redis = facts.redis_server.as_deref().unwrap_or("no");
    let clock = facts.clock.as_deref().unwrap_or("?");
    let (cores, memory, files) = (facts.cores, number(facts.memory), number(facts.open_files));
    format!(
        "machine\n  docker    {docker}\n  redis     {redis}\n  tools     {}\n  user      {user}; {files} open files\n  hardware  {cores} cores, {memory} MiB; clock {clock}\n",
        tools.join(", ")
    )
}

/// The images that the harness has made of itself, if there are any.
fn own_images(count: usize) -> String {
    match count {
        0 => String::new(),
        count => format!(
            "\n            {count} images of the harness itself: docker image ls gryadka-harness; harness heal removes those of other builds"
        ),
    }
}

const fn image(image: &ImageFact) -> &'static str {
    match image {
        ImageFact::There => "is there",
        ImageFact::Pullable => "can be pulled",
        ImageFact::Missing { .. } => "cannot be had",
    }
}

fn table(diagnosis: &Diagnosis) -> String {
    let mut text = format!("{:<18}", "faults");
    for prospect in &diagnosis.environments {
        text += &format!(" {:<9}", prospect.environment.name());
    }
    let mut text = text.trim_end().to_owned() + "\n";
    for fault in FaultKind::ALL {
        let mut line = format!("  {:<16}", fault.name());
        for prospect in &diagnosis.environments {
            let able = prospect.works && prospect.able.contains(fault);
            line += &format!(" {:<9}", if able { "yes" } else { "no" });
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::diagnose;
    use crate::doctor::facts::DockerFacts;
    use crate::environment::able;
    use workloads::EnvironmentKind;

    fn well() -> Facts {
        let docker = DockerFacts {
            version: String::from("28.0.1"),
            redis: ImageFact::There,
            toxiproxy: ImageFact::Pullable,
            bridges: true,
            own_images: 0,
        };
        Facts {
            docker: Ok(docker),
            redis_server: Some(String::from("8.0.2")),
            tools: vec![(String::from("setpriv"), true), (String::from("prlimit"), true)],
            loopback: true,
            user: Some(0),
            open_files: Some(20_000),
            clock: Some(String::from("tsc")),
            cores: 2,
            memory: Some(24_000),
            process_able: able(EnvironmentKind::Process).to_vec(),
        }
    }

    /// What is said before the table.
    fn said(facts: &Facts) -> String {
        let text = text(facts, &diagnose(facts));
        text.split("\nfaults").next().unwrap().to_owned()
    }

    #[test]
    fn a_machine_that_can_do_everything() {
        insta::assert_snapshot!(said(&well()), @r"
        machine
          docker    28.0.1; redis:8 is there; toxiproxy can be pulled; bridges reachable
          redis     8.0.2
          tools     setpriv yes, prlimit yes
          user      root; 20000 open files
          hardware  2 cores, 24000 MiB; clock tsc

        environments
          docker    works: Docker 28.0.1; links go through Toxiproxy
                    more: --toxiproxy-image own: loss and drop, which Toxiproxy cannot do; it is taken where they are asked for by name
          process   works: redis-server 8.0.2 is on the PATH
          embedded  works: it needs nothing; its acceptors are no Redis
          external  a cluster that is there: --services http://HOST:7480,… --toxiproxy http://HOST:8474
                    Toxiproxy: docker run ghcr.io/shopify/toxiproxy:2.12.0, or ours: harness proxy
        ");
        assert!(diagnose(&well()).is_well());
        let text = text(&well(), &diagnose(&well()));
        let kill = text.lines().find(|line| line.trim_start().starts_with("kill ")).unwrap();
        assert_eq!(kill.split_whitespace().collect::<Vec<_>>(), ["kill", "yes", "yes", "no"]);
        let loss = text.lines().find(|line| line.trim_start().starts_with("loss ")).unwrap();
        assert_eq!(loss.split_whitespace().collect::<Vec<_>>()[..3], ["loss", "no", "yes"]);
    }

    #[test]
    fn a_machine_that_can_do_little() {
        let facts = Facts {
            docker: Err(String::from("No such file or directory")),
            redis_server: None,
            user: Some(1000),
            open_files: Some(256),
            clock: Some(String::from("acpi_pm")),
            cores: 1,
            ..well()
        };
        insta::assert_snapshot!(said(&facts), @r"
        machine
          docker    no (No such file or directory)
          redis     no
          tools     setpriv yes, prlimit yes
          user      user 1000; 256 open files
          hardware  1 cores, 24000 MiB; clock acpi_pm

        environments
          docker    does not work: Docker does not answer: No such file or directory
                    more: install Docker (Debian: apt-get install docker.io), start it, and be in its group
          process   does not work: there is no redis-server on the PATH
                    more: install it (Debian: apt-get install redis-server)
          embedded  works: it needs nothing; its acceptors are no Redis
          external  a cluster that is there: --services http://HOST:7480,… --toxiproxy http://HOST:8474
                    Toxiproxy: docker run ghcr.io/shopify/toxiproxy:2.12.0, or ours: harness proxy
          warning   fewer than 1024 open files: raise the limit with ulimit -n
          warning   one core: clients, proxies and servers wait for each other
          warning   a slow clock: measured latencies are coarse
        ");
        assert!(!diagnose(&facts).is_well());
    }

    #[test]
    fn what_keeps_containers_from_serving_is_told() {
        let docker = well().docker.unwrap();
        let missing = ImageFact::Missing { reason: String::from("no such host") };
        let without = |docker| diagnose(&Facts { docker: Ok(docker), ..well() });
        let no_image = without(DockerFacts { redis: missing.clone(), ..docker.clone() });
        assert!(no_image.environments[0].because.contains("no such host"), "{no_image:?}");
        let far = without(DockerFacts { bridges: false, ..docker.clone() });
        assert!(!far.environments[0].works);
        let own = without(DockerFacts { toxiproxy: missing, ..docker });
        assert!(own.environments[0].because.ends_with("the harness's own proxy"), "{own:?}");
        assert!(own.environments[0].able.contains(&FaultKind::Loss), "{own:?}");
    }
}
