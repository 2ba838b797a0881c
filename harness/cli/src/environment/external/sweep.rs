//! What a run leaves behind in a store that is not its own: nothing, if it can.

use crate::service_client::ServiceClient;
use harness_history::{Function, History, HistoryError, Outcome, Value};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;
use workloads::{Call, Client};

/// How long one key may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the names of all keys of a run begin with, so that it meets nobody else's.
pub(super) fn prefix(run: &str) -> String {
    format!("harness-{run}/")
}

/// The keys of a run, to be deleted when it is over.
pub(crate) struct Sweep {
    prefix: String,
    client: ServiceClient,
}

impl Sweep {
    /// What there is to sweep of a run, through this service.
    pub(crate) fn new(service: &str, run: &str) -> Self {
        let prefix = prefix(run);
        Self { client: ServiceClient::new(service, PATIENCE).below(&prefix), prefix }
    }

    /// What the names of the keys begin with.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Deletes every key that the history names: a call is in it before it is made. Answers how many
    /// were not deleted. After the first of them no other is tried: a service that is not there would be
    /// waited for again and again.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub(crate) async fn sweep(&self, history: &Path) -> Result<usize, HistoryError> {
        let events = match History::read(history) {
            Ok(history) => history.events,
            // No call was made yet.
            Err(HistoryError::Empty) => Vec::new(),
            Err(error) => return Err(error),
        };
        let keys: BTreeSet<String> = events.into_iter().filter_map(|event| event.key).collect();
        let mut left = keys.len();
        for key in keys {
            let delete = Call { f: Function::Write, key, value: Value::Null };
            if self.client.call(&delete).await.outcome != Outcome::Ok {
                break;
            }
            left -= 1;
        }
        Ok(left)
    }
}
