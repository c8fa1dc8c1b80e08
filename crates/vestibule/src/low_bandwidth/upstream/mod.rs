//! HTTP with the one homeserver of a gateway.
//!
//! A [`Client`] belongs to one thread and keeps its connections. Requests go to one fixed origin:
//! redirects are answers like others, and cookies are nobody's business.

mod answer;
mod budget;
mod dial;
mod failure;
mod homeserver;
mod http1;
mod http2;
mod pool;
mod request;
mod scratch;
#[cfg(test)]
mod tests;
mod versions;

use std::{fmt, net::IpAddr, rc::Rc, sync::Arc, time::Duration};

use vestibule_lowband::{gateway::HttpAnswer, mapping::server::HttpRequest, sync::PollFailure};

use self::{
    answer::Collected,
    failure::{Again, Failure, Unanswered},
    pool::{Link, Pool},
    request::Outgoing,
};
pub(crate) use self::{
    homeserver::{Homeserver, Limits},
    versions::watch_versions,
};

/// What one thread sends requests to the homeserver with. Clones share their connections, which are
/// closed with the last of them.
#[derive(Clone)]
pub(crate) struct Client(Rc<Pool>);

impl Client {
    /// Without a connection yet.
    pub(crate) fn new(homeserver: Arc<Homeserver>) -> Self {
        Self(Pool::new(homeserver))
    }

    /// Sends `request` and takes the whole answer, whatever its status, all within `timeout`.
    /// `client` is whom X-Forwarded-For names; `None`: the header is not sent. When the future is
    /// dropped, the request is cancelled.
    ///
    /// A request that has failed on a connection that had worked before is sent once more if it is
    /// certain that it has done nothing, or does the same when it is done twice (RFC 9110 section
    /// 9.2.2).
    ///
    /// # Errors
    ///
    /// [`TimedOut`](PollFailure::TimedOut); [`TooLarge`](PollFailure::TooLarge), when the body is
    /// over the limit; [`Overloaded`](PollFailure::Overloaded), when the bodies of other answers have
    /// all that is allowed to them together, of which an answer holds its part until the last clone
    /// of its body is dropped; else [`Unreachable`](PollFailure::Unreachable).
    pub(crate) async fn send(
        &self,
        request: &HttpRequest,
        client: Option<IpAddr>,
        timeout: Duration,
    ) -> Result<HttpAnswer, PollFailure> {
        let homeserver = &self.0.homeserver;
        let sent = async {
            let outgoing = Outgoing::new(request, &homeserver.authority, client)?;
            self.exchange(&outgoing).await
        };
        let answered = match tokio::time::timeout(timeout, sent).await {
            Ok(answered) => answered,
            Err(_) => Err(Failure::TimedOut),
        };
        match &answered {
            Ok(_) => homeserver.has_answered(),
            Err(failure) => homeserver.has_failed(failure),
        }
        Ok(answered?)
    }

    async fn exchange(&self, outgoing: &Outgoing<'_>) -> Result<HttpAnswer, Failure> {
        let Unanswered { why, again } = match self.try_exchange(outgoing, false).await {
            Ok(answer) => return Ok(answer),
            Err(unanswered) => unanswered,
        };
        match again {
            Again::IfIdempotent if !outgoing.is_idempotent() => Err(why),
            Again::Never => Err(why),
            Again::Always | Again::IfIdempotent => {
                let again = self.try_exchange(outgoing, true).await;
                again.map_err(|unanswered| unanswered.why)
            }
        }
    }

    async fn try_exchange(
        &self,
        outgoing: &Outgoing<'_>,
        is_again: bool,
    ) -> Result<HttpAnswer, Unanswered> {
        let pool = &self.0;
        let homeserver = &pool.homeserver;
        let body = Collected::new(homeserver.limits.body, &homeserver.bodies);
        let taken = pool.take(is_again).await;
        match taken.map_err(Unanswered::for_good)? {
            Link::Http1(link) => {
                let request = outgoing.to_http1();
                let exchanged = link.exchange(request, body, &pool.scratch).await?;
                if let Some(link) = exchanged.kept {
                    pool.keep(link);
                }
                Ok(exchanged.answer)
            }
            Link::Http2(stream) => {
                let request = outgoing.to_http2().map_err(Unanswered::for_good)?;
                stream.exchange(request, body).await
            }
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Client").field(&self.0.homeserver).finish()
    }
}
