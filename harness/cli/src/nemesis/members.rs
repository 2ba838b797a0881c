//! The acceptors that the cluster should have, and looks at whether it has them.

use crate::cluster;
use crate::environment::Environment;
use crate::links::Links;
use gryadka::{
    ClusterConfig, ConnectError, Gryadka, Membership, MembershipError, MembershipEvent,
    MembershipOptions,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use workloads::Scenario;

/// How long a look may take, and a change that is brought to its end so that the run can go on.
pub(super) const REST: Duration = Duration::from_secs(5);

/// The acceptors that the nemesis counts on, and how the cluster is got at.
pub(super) struct Members {
    scenario: Scenario,
    pub(super) links: Arc<Links>,
    pub(super) numbers: BTreeSet<u32>,
}

/// What a look at the cluster came to.
pub(super) struct Look {
    /// It is at rest with exactly those acceptors that it should have, all of them voting.
    pub(super) rests: bool,
    pub(super) document: Option<ClusterConfig>,
    pub(super) words: String,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum DriveError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Membership(#[from] MembershipError),
}

impl Members {
    pub(super) fn new(scenario: &Scenario, links: &Arc<Links>) -> Self {
        let numbers = (1..=scenario.nodes).collect();
        Self { scenario: scenario.clone(), links: Arc::clone(links), numbers }
    }

    /// A proposer that knows these acceptors, through a node's links or directly.
    pub(super) async fn connect(
        &self,
        environment: &Environment,
        through: Option<u32>,
    ) -> Result<Gryadka, ConnectError> {
        let urls = self.numbers.iter().map(|number| environment.url(*number)).collect();
        let route = through.map(|node| self.links.route(node));
        Gryadka::connect(cluster::options(&self.scenario, urls, route)).await
    }

    /// Looks at the cluster, past all links.
    pub(super) async fn look(&self, environment: &Environment) -> Look {
        let looking = self.look_closely(environment, Instant::now() + REST);
        let failed = |why| Look { rests: false, document: None, words: why };
        match timeout_at(Instant::now() + REST, looking).await {
            Err(_) => failed(String::from("the cluster does not answer")),
            Ok(Err(error)) => failed(error.to_string()),
            Ok(Ok(look)) => look,
        }
    }

    async fn look_closely(
        &self,
        environment: &Environment,
        until: Instant,
    ) -> Result<Look, DriveError> {
        let store = self.connect(environment, None).await?;
        // Where nothing is under way there is nothing to resume, and the document comes back.
        let moves = AtomicBool::new(false);
        let watch = |_: MembershipEvent| moves.store(true, Ordering::Relaxed);
        let options = MembershipOptions { deadline: until };
        let document = store.change_membership(Membership::Resume, options, &watch).await?;
        let votes = store.cluster().await?.acceptors.into_iter().filter(|acceptor| acceptor.votes);
        let voters: BTreeSet<u32> = votes.map(|acceptor| acceptor.id).collect();
        let silent: Vec<u32> = document.members().difference(&voters).copied().collect();
        let there = self.numbers_of(environment, &document);
        let moves = moves.into_inner();
        let rests = !moves && silent.is_empty() && there.as_ref() == Some(&self.numbers);

        let names = |there: BTreeSet<u32>| {
            there.iter().map(|number| format!("a{number}")).collect::<Vec<_>>().join(" ")
        };
        let names = there.map_or_else(|| String::from("acceptors unknown here"), names);
        let state = if moves { "was under way" } else { "settled" };
        let votes = match silent.as_slice() {
            [] => String::from("all vote"),
            silent => format!("those with the ids {silent:?} do not vote"),
        };
        let words = format!("epoch {}, {state}: {names}; {votes}", document.epoch);
        Ok(Look { rests, document: Some(document), words })
    }

    /// The numbers of those who take part, if they are known.
    fn numbers_of(
        &self,
        environment: &Environment,
        document: &ClusterConfig,
    ) -> Option<BTreeSet<u32>> {
        let number = |id: u32| {
            let url = document.acceptors.get(&id)?;
            self.numbers.iter().copied().find(|number| environment.url(*number) == *url)
        };
        document.members().into_iter().map(number).collect()
    }
}

impl Look {
    /// The id of an acceptor in the cluster, by its url.
    pub(super) fn id_of(&self, url: &str) -> Option<u32> {
        let document = self.document.as_ref()?;
        let at = |id: &u32| document.acceptors.get(id).is_some_and(|there| there == url);
        document.members().into_iter().find(at)
    }
}
