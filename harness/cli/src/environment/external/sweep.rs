//! What a run leaves behind in a store that is not its own: nothing, if it can.

use crate::environment::Environment;
use crate::progress::say;
use crate::service_client::ServiceClient;
use harness_history::{Function, History, HistoryError, Outcome, Value};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;
use workloads::{Call, Client};

/// How long one key may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The keys of a run, to be deleted when it is over.
pub(crate) struct Sweep {
    prefix: String,
    client: ServiceClient,
}

impl Sweep {
    /// What there will be to sweep; nothing where the store is the run's own.
    pub(crate) fn of(environment: &Environment) -> Option<Self> {
        let prefix = environment.prefix();
        let service = environment.services().into_iter().next()?;
        (!prefix.is_empty()).then(|| Self {
            client: ServiceClient::new(&service, PATIENCE).below(prefix),
            prefix: prefix.to_owned(),
        })
    }

    /// Deletes every key of the history, and says so when some are left.
    pub(crate) async fn sweep(self, history: &Path) -> Result<(), HistoryError> {
        let events = History::read(history)?.events;
        let keys: BTreeSet<String> = events.into_iter().filter_map(|event| event.key).collect();
        let mut left = 0;
        for key in keys {
            let delete = Call { f: Function::Write, key, value: Value::Null };
            if self.client.call(&delete).await.outcome != Outcome::Ok {
                left += 1;
            }
        }
        if left > 0 {
            let prefix = &self.prefix;
            say(format!("{left} keys of this run are left in the cluster: {prefix}0 and others"));
        }
        Ok(())
    }
}
