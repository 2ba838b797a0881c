//! What happens to one connection from accept to close.

use crate::chance::Chance;
use crate::lane::{Ending, Lane};
use crate::order::{CutOff, Order, Orders};
use crate::traffic::Counters;
use crate::{Direction, Upstream};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long the direction that lost nothing goes on after the other one was torn, for what was
/// already under way to arrive.
const LAST_WORDS: Duration = Duration::from_millis(10);

/// How long a client that was told of the end may go on talking.
const FAREWELL: Duration = Duration::from_millis(250);

/// What all connections of a link have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) upstream: Upstream,
    pub(crate) seed: u64,
    pub(crate) counters: Counters,
}

/// Why there is no server to talk to.
enum NoServer {
    Unreachable(io::Error),
    /// The link was disabled, or the server resets what it has accepted.
    Reset,
}

impl From<CutOff> for NoServer {
    fn from(CutOff: CutOff) -> Self {
        Self::Reset
    }
}

impl From<io::Error> for NoServer {
    fn from(error: io::Error) -> Self {
        // A server that resets at once may do so before the connection is known here to stand.
        if error.kind() == io::ErrorKind::ConnectionReset {
            return Self::Reset;
        }
        Self::Unreachable(error)
    }
}

/// Serves a client, the link's `number`-th, until its connection is over.
pub(crate) async fn serve(
    mut client: TcpStream,
    number: u64,
    mut orders: Orders,
    shared: Arc<Shared>,
) {
    match dial(&shared, number, &mut orders).await {
        Ok(server) => carry(client, server, number, orders, &shared).await,
        Err(NoServer::Unreachable(error)) => {
            tracing::debug!(upstream = %shared.upstream, number, %error, "server unreachable");
            shared.counters.unreachable();
            if turn_away(&mut client, &mut orders).await.is_err() {
                shared.counters.reset();
                reset([client]);
            }
        }
        Err(NoServer::Reset) => {
            shared.counters.reset();
            reset([client]);
        }
    }
    shared.counters.over();
}

/// Closes a client for which there is no server. What it says is read meanwhile: a close over unread
/// bytes would be a reset.
async fn turn_away(client: &mut TcpStream, orders: &mut Orders) -> Result<(), CutOff> {
    let farewell = async {
        let mut unread = vec![0; 4096];
        // An error says that the client is gone, which is as good.
        if client.shutdown().await.is_ok() {
            while matches!(client.read(&mut unread).await, Ok(1..)) {}
        }
    };
    tokio::select! {
        biased;
        cut_off = orders.cut_off() => Err(cut_off),
        _ = tokio::time::timeout(FAREWELL, farewell) => Ok(()),
    }
}

/// Connects to the server, but not while requests are held back: it could not hear of the client.
async fn dial(shared: &Shared, number: u64, orders: &mut Orders) -> Result<TcpStream, NoServer> {
    let chance = Chance::new(shared.seed, number, Direction::Requests);
    orders.until(|order| !holds_requests(order, chance)).await?;
    tokio::select! {
        biased;
        cut_off = orders.cut_off() => Err(cut_off.into()),
        server = shared.upstream.dial() => Ok(server?),
    }
}

fn holds_requests(order: &Order, chance: Chance) -> bool {
    order.toxics.iter().map(|entry| &entry.toxic).any(|toxic| {
        toxic.direction == Direction::Requests
            && toxic.effect.stalls()
            && chance.of(toxic).is_some()
    })
}

async fn carry(
    mut client: TcpStream,
    mut server: TcpStream,
    number: u64,
    orders: Orders,
    shared: &Shared,
) {
    for side in [&client, &server] {
        if let Err(error) = side.set_nodelay(true) {
            // It is gone already, and reading from it will say how.
            tracing::debug!(number, %error, "no TCP_NODELAY");
        }
    }
    let ending = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let lane = |halves, direction| Lane::new(halves, direction, orders.clone(), number, shared);
        let requests = lane((from_client, to_server), Direction::Requests);
        let replies = lane((from_server, to_client), Direction::Replies);
        both(requests, replies).await
    };
    tracing::trace!(upstream = %shared.upstream, number, ?ending, "connection over");
    match ending {
        Ending::Finished => return,
        Ending::Closed => return shared.counters.closed(),
        Ending::Torn | Ending::Gone | Ending::Reset => {}
    }
    shared.counters.reset();
    reset([client, server]);
}

/// Runs both directions to the end of the connection.
async fn both(requests: Lane<'_>, replies: Lane<'_>) -> Ending {
    let mut requests = pin!(requests.run());
    let mut replies = pin!(replies.run());
    let (first, other) = tokio::select! {
        ending = &mut requests => (ending, replies),
        ending = &mut replies => (ending, requests),
    };
    match first {
        Ending::Reset => {}
        Ending::Torn | Ending::Closed => tokio::select! {
            _ = other => {}
            () = tokio::time::sleep(LAST_WORDS) => {}
        },
        // A receiver that is gone is the other direction's sender. What that one said before it
        // went is still to be delivered, maybe only after a heal, and then that direction ends too.
        Ending::Finished | Ending::Gone => {
            let second = other.await;
            if second != Ending::Finished {
                return second;
            }
        }
    }
    first
}

/// Closes without the courtesies: the other end's next read or write fails with a reset.
fn reset<const N: usize>(sides: [TcpStream; N]) {
    for side in sides {
        if let Err(error) = side.set_zero_linger() {
            tracing::warn!(%error, "closing instead of resetting");
        }
    }
}
