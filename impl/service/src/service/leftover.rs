//! Bodies that were refused before they were read.
//!
//! An answer that goes out while its request is still coming in may never be seen: the connection
//! is closed with bytes unread, which resets it. So what is left is read and thrown away if that is
//! little, and otherwise the answer says that the connection is closed.

use axum::BoxError;
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::header::{CONNECTION, EXPECT};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use gryadka::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// How many bytes are thrown away at most.
const DISCARD_LIMIT_BYTES: u64 = 1 << 20;
/// How long the rest of a body is waited for.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(1);

/// Answers when the body is read to its end, or with `connection: close`.
pub(crate) async fn clear(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if body.is_end_stream() {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let waits = waits_to_send(&parts.headers);
    let shared = Shared::of(body);
    let lent = Body::new(shared.clone());
    let mut response = next.run(Request::from_parts(parts, lent)).await;
    let over = shared.is_end_stream() || (!waits && shared.discard().await);
    if !over {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Whether the client sends its body only when asked to, which reading it would do.
fn waits_to_send(headers: &HeaderMap) -> bool {
    headers.contains_key(EXPECT)
}

/// A body that a handler reads, and that is read on after it.
#[derive(Clone)]
struct Shared(Arc<Mutex<Lent>>);

struct Lent {
    body: Body,
    ended: bool,
}

impl Shared {
    fn of(body: Body) -> Self {
        Self(Arc::new(Mutex::new(Lent { body, ended: false })))
    }

    fn lock(&self) -> MutexGuard<'_, Lent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what is left. Whether that was all of it.
    async fn discard(mut self) -> bool {
        if self.size_hint().lower() > DISCARD_LIMIT_BYTES {
            return false;
        }
        let mut discarded = 0;
        let reading = async {
            while let Some(frame) = self.frame().await {
                let Ok(frame) = frame else { return false };
                let length = frame.data_ref().map_or(0, Bytes::len);
                discarded += u64::try_from(length).unwrap_or(u64::MAX);
                if discarded > DISCARD_LIMIT_BYTES {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(DISCARD_TIMEOUT, reading).await.unwrap_or(false)
    }
}

impl HttpBody for Shared {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut lent = self.lock();
        let frame = ready!(Pin::new(&mut lent.body).poll_frame(context));
        lent.ended |= frame.is_none();
        Poll::Ready(frame.map(|frame| frame.map_err(BoxError::from)))
    }

    fn is_end_stream(&self) -> bool {
        let lent = self.lock();
        lent.ended || lent.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.lock().body.size_hint()
    }
}
