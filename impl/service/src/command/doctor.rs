//! `gryadka doctor`: asks every server, of a cluster or of none yet, and says what is wrong.

use super::{access, options, print, route};
use crate::args::DoctorArgs;
use crate::diagnosis::{Level, Observed, diagnose};
use crate::exit::{End, Failure};
use gryadka::{
    Acceptor as _, AcceptorId, AcceptorIdentity, Access, AddressError, Bytes, ClusterConfig,
    Gryadka, RemoteAcceptor, RequestError, Route,
};
use std::time::Duration;

/// How long a server may take to connect and answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Nobody: cluster and acceptors are counted from 1.
const NOBODY: AcceptorIdentity = AcceptorIdentity { cluster: 0, acceptor: AcceptorId(0) };

pub(crate) async fn doctor(args: &DoctorArgs) -> Result<End, Failure> {
    let way = Way { access: access(&args.place)?, route: route(&args.place)? };
    let wrong = |error: AddressError| Failure::Usage(error.to_string());
    let mut observed = observe(&args.place.acceptors, &way).await.map_err(wrong)?;
    if let Some(config) = latest(&observed) {
        // The others of the cluster, whom nobody has named.
        let asked = |address: &&String| observed.iter().all(|one| one.address != **address);
        let others: Vec<_> = config.acceptors.values().filter(asked).cloned().collect();
        observed.extend(observe(&others, &way).await.map_err(wrong)?);
    }
    let config = match latest(&observed) {
        Some(copy) => Some(own_document(args, copy).await?),
        None => None,
    };
    let report = diagnose(&observed, config.as_ref());
    if args.json { print::json(&report) } else { print::text(&report) }?;
    Ok(match report.worst() {
        Level::Danger => End::InDanger,
        Level::Warning if args.strict => End::Warned,
        Level::Warning | Level::Ok => End::Done,
    })
}

/// How acceptors are reached.
struct Way {
    access: Access,
    route: Option<Route>,
}

/// Asks all of them at once.
async fn observe(addresses: &[String], way: &Way) -> Result<Vec<Observed>, AddressError> {
    let mut asking = Vec::new();
    for address in addresses {
        let place = way.route.as_ref().map_or_else(|| address.clone(), |route| route(address));
        let acceptor = RemoteAcceptor::open(&place, &way.access)?;
        asking.push(tokio::spawn(ask(address.clone(), acceptor)));
    }
    let mut observed = Vec::new();
    for answer in asking {
        observed.extend(answer.await);
    }
    Ok(observed)
}

async fn ask(address: String, acceptor: RemoteAcceptor) -> Observed {
    let late = || RequestError::NoAnswer(String::from("no answer in time"));
    let status = tokio::time::timeout(PATIENCE, acceptor.examine()).await;
    let status = status.unwrap_or_else(|_| Err(late()));
    let script = tokio::time::timeout(PATIENCE, acceptor.set_epoch(NOBODY, 0, Bytes::new())).await;
    Observed { address, status, script: script.unwrap_or_else(|_| Err(late())) }
}

/// The config as the store itself has it, where it answers: the acceptors' copies do not say whether a
/// change is done.
async fn own_document(args: &DoctorArgs, copy: ClusterConfig) -> Result<ClusterConfig, Failure> {
    let Ok(gryadka) = Gryadka::connect(options(&args.place)?).await else { return Ok(copy) };
    Ok(gryadka.cluster().await.map_or(copy, |status| status.config))
}

/// The latest config of the first cluster that is met.
fn latest(observed: &[Observed]) -> Option<ClusterConfig> {
    let statuses = observed.iter().filter_map(|one| one.status.as_ref().ok());
    let documents = statuses
        .filter(|status| status.state.is_some())
        .filter_map(|status| ClusterConfig::parse(&status.config).ok());
    documents.reduce(|latest, other| {
        if other.cluster == latest.cluster && other.epoch > latest.epoch { other } else { latest }
    })
}
