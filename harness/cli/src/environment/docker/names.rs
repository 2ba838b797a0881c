//! What a run's things are called, how they are told from everybody else's, and where they stand on
//! its network.

use crate::journal::Owner;
use std::collections::HashMap;
use std::net::Ipv4Addr;

/// The label with the run's id.
pub(crate) const RUN: &str = "gryadka.harness.run";
/// The label with the process that the run belongs to.
pub(crate) const OWNER: &str = "gryadka.harness.owner";
/// The label of images that are made from the harness's own executable.
pub(crate) const IMAGE: &str = "gryadka.harness.image";

/// The most acceptors that fit: the addresses beyond are the proposers', and the numbers of the links'
/// ports leave two digits for an acceptor.
pub(crate) const MOST_ACCEPTORS: u32 = 99;

/// The names of a run.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    run: String,
}

impl Names {
    pub(crate) fn new(run: &str) -> Self {
        Self { run: run.to_owned() }
    }

    pub(crate) fn run(&self) -> &str {
        &self.run
    }

    pub(crate) fn network(&self) -> String {
        format!("harness-{}", self.run)
    }

    pub(crate) fn acceptor(&self, number: u32) -> String {
        format!("harness-{}-a{number}", self.run)
    }

    pub(crate) fn proposer(&self, number: u32) -> String {
        format!("harness-{}-p{number}", self.run)
    }

    pub(crate) fn toxiproxy(&self) -> String {
        format!("harness-{}-toxiproxy", self.run)
    }

    /// What everything of the run is labelled with.
    pub(crate) fn labels(&self) -> HashMap<String, String> {
        HashMap::from([
            (RUN.to_owned(), self.run.clone()),
            (OWNER.to_owned(), Owner::myself().to_string()),
        ])
    }
}

/// A network of 256 addresses, of which the upper half is for containers that ask for none: every
/// container asks for none first, and is then given its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subnet(u8);

impl Subnet {
    /// All that there are to choose from, beginning with one that the run's id decides: two runs that
    /// begin at once seldom ask for the same.
    pub(crate) fn choices(run: &str) -> impl Iterator<Item = Self> {
        let first = run.bytes().fold(0_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
        (0..=u8::MAX).map(move |step| Self(first.wrapping_add(step)))
    }

    pub(crate) fn cidr(self) -> String {
        format!("{}/24", self.at(0))
    }

    /// The part that Docker gives addresses from by itself.
    pub(crate) fn floating(self) -> String {
        format!("{}/25", self.at(128))
    }

    pub(crate) const fn gateway(self) -> Ipv4Addr {
        self.at(1)
    }

    pub(crate) const fn toxiproxy(self) -> Ipv4Addr {
        self.at(2)
    }

    /// An acceptor's address, for numbers up to [`MOST_ACCEPTORS`].
    pub(crate) fn acceptor(self, number: u32) -> Ipv4Addr {
        self.at(10 + low(number, MOST_ACCEPTORS))
    }

    /// A proposer's address, for numbers up to 9.
    pub(crate) fn proposer(self, number: u32) -> Ipv4Addr {
        self.at(110 + low(number, 9))
    }

    const fn at(self, last: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 213, self.0, last)
    }
}

fn low(number: u32, most: u32) -> u8 {
    u8::try_from(number.min(most)).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_carry_the_run() {
        let names = Names::new("0badcafe");
        assert_eq!(names.network(), "harness-0badcafe");
        assert_eq!(names.acceptor(3), "harness-0badcafe-a3");
        assert_eq!(names.proposer(2), "harness-0badcafe-p2");
        assert_eq!(names.toxiproxy(), "harness-0badcafe-toxiproxy");
        assert_eq!(names.labels()[RUN], "0badcafe");
    }

    #[test]
    fn nobody_stands_where_another_does_or_where_docker_puts_people() {
        let subnet = Subnet(7);
        let mut taken = BTreeSet::from([subnet.gateway(), subnet.toxiproxy()]);
        let acceptors = (1..=MOST_ACCEPTORS).map(|number| subnet.acceptor(number));
        let everybody: Vec<_> = acceptors.chain((1..=9).map(|p| subnet.proposer(p))).collect();
        for address in everybody {
            assert!(taken.insert(address), "{address} twice");
            assert!(address.octets()[3] < 128, "{address}");
        }
        assert_eq!(subnet.cidr(), "10.213.7.0/24");
        assert_eq!(subnet.floating(), "10.213.7.128/25");
    }

    #[test]
    fn every_subnet_has_its_turn_once() {
        let all: Vec<_> = Subnet::choices("0badcafe").map(|subnet| subnet.0).collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 256);
        assert_eq!(all.len(), 256);
        assert_ne!(Subnet::choices("0badcafe").next(), Subnet::choices("0badcaff").next());
    }
}
