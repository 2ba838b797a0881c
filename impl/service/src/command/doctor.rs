//! `gryadka doctor`: asks every server, of a cluster or of none yet, and reports what is wrong.

use super::{options, print};
use crate::args::DoctorArgs;
use crate::diagnosis::{Level, Observed, diagnose};
use crate::exit::{CommandOutcome, Failure};
use gryadka::{
    Acceptor as _, AcceptorAddress, AcceptorId, AcceptorIdentity, AddressError, Bytes,
    ClusterConfig, ConnectOptions, Connector, Gryadka, RemoteAcceptor, RequestError,
};
use std::time::Duration;

/// How long a server may take to connect and answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// No acceptor has it: clusters and acceptors are counted from 1.
const NO_ACCEPTOR: AcceptorIdentity = AcceptorIdentity { cluster: 0, acceptor: AcceptorId(0) };

pub(crate) async fn doctor(args: &DoctorArgs) -> Result<CommandOutcome, Failure> {
    let options = options(&args.place)?;
    let wrong = |error: AddressError| Failure::Usage(error.to_string());
    let connector = options.connector().map_err(wrong)?;
    let mut observed = observe(&options.urls, &connector).await.map_err(wrong)?;
    if let Some(config) = latest(&observed) {
        // The other acceptors of the cluster, which no argument names.
        let asked = |address: &&String| observed.iter().all(|one| one.address != plain(address));
        let others: Vec<_> = config.acceptors.values().filter(asked).cloned().collect();
        observed.extend(observe(&others, &connector).await.map_err(wrong)?);
    }
    let config = match latest(&observed) {
        Some(copy) => Some(own_record(options, copy).await),
        None => None,
    };
    let report = diagnose(&observed, config.as_ref());
    if args.json { print::json(&report) } else { print::text(&report) }?;
    Ok(match report.worst() {
        Level::Danger => CommandOutcome::InDanger,
        Level::Warning if args.strict => CommandOutcome::Warned,
        Level::Warning | Level::Ok => CommandOutcome::Done,
    })
}

/// Asks all of them at once.
async fn observe(
    urls: &[String],
    connector: &Connector<RemoteAcceptor>,
) -> Result<Vec<Observed>, AddressError> {
    let mut asking = Vec::new();
    for url in urls {
        asking.push(tokio::spawn(ask(plain(url), connector(url)?)));
    }
    let mut observed = Vec::new();
    for answer in asking {
        observed.extend(answer.await);
    }
    Ok(observed)
}

async fn ask(address: String, acceptor: RemoteAcceptor) -> Observed {
    let late = || RequestError::NoAnswer(String::from("no answer in time"));
    let status = tokio::time::timeout(ANSWER_TIMEOUT, acceptor.examine()).await;
    let status = status.unwrap_or_else(|_| Err(late()));
    let script = acceptor.set_epoch(NO_ACCEPTOR, 0, Bytes::new());
    let script = tokio::time::timeout(ANSWER_TIMEOUT, script).await;
    Observed { address, status, script: script.unwrap_or_else(|_| Err(late())) }
}

/// The configuration record as the store itself has it, where it answers: the acceptors' copies do not
/// say whether a change is finished.
async fn own_record(options: ConnectOptions, mut copy: ClusterConfig) -> ClusterConfig {
    if let Ok(gryadka) = Gryadka::connect(options).await
        && let Ok(status) = gryadka.cluster().await
    {
        return status.config;
    }
    copy.acceptors.values_mut().for_each(|address| *address = plain(address));
    copy
}

/// The one spelling of an address, without a login. Records of earlier versions have others.
fn plain(address: &str) -> String {
    let parsed = address.parse::<AcceptorAddress>();
    parsed.map_or_else(|_| gryadka::redacted(address), |address| address.to_string())
}

/// The latest record of the first cluster among the answers.
fn latest(observed: &[Observed]) -> Option<ClusterConfig> {
    let statuses = observed.iter().filter_map(|one| one.status.as_ref().ok());
    let records = statuses
        .filter(|status| status.state.is_some())
        .filter_map(|status| ClusterConfig::parse(&status.config).ok());
    records.reduce(|latest, other| {
        if other.cluster == latest.cluster && other.epoch > latest.epoch { other } else { latest }
    })
}
