//! What the supervisor says to the thread of components.

use std::{sync::Arc, time::Duration};

use super::Supervisor;
use crate::{
    component::{self, ComponentView},
    plan::Plan,
    sys::TcpOptions,
};

/// How long components may take to describe themselves.
const PATIENCE: Duration = Duration::from_secs(2);

/// The thread of components does not answer: it has too much to do, or has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unanswered;

impl std::fmt::Display for Unanswered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the components do not answer")
    }
}

impl Supervisor {
    /// Starts the thread of components, when there are any and it does not run yet.
    ///
    /// # Errors
    ///
    /// A sentence, when it cannot be started.
    pub(super) fn prepare_components(
        &self,
        components: &[Arc<component::Spec>],
    ) -> Result<(), String> {
        let mut thread = self.components.borrow_mut();
        if components.is_empty() || thread.is_some() {
            return Ok(());
        }
        let access = self.access.borrow();
        // There is one as long as the process does not end.
        let access = access.as_ref().ok_or("the process is ending")?;
        let tcp = TcpOptions::new(&self.plan().config.tcp);
        let started = component::start(access.buffer(), tcp);
        let failed = |error| format!("cannot start the thread of components: {error}");
        *thread = Some(started.map_err(failed)?);
        Ok(())
    }

    /// Has exactly these components from now on.
    pub(super) fn apply_components(&self, plan: &Plan, components: Vec<Arc<component::Spec>>) {
        if let Some(thread) = &*self.components.borrow() {
            thread.send(component::Message::Apply {
                components,
                drain_timeout: plan.config.limits.drain_timeout,
                tcp: TcpOptions::new(&plan.config.tcp),
            });
        }
    }

    /// Describes the components.
    ///
    /// # Errors
    ///
    /// When their thread does not answer.
    pub(crate) async fn components(&self) -> Result<Vec<ComponentView>, Unanswered> {
        let asked =
            (self.components.borrow().as_ref()).map(|thread| thread.ask(component::Message::Show));
        let Some(answer) = asked else {
            return Ok(Vec::new());
        };
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(Ok(views)) => Ok(views),
            Ok(Err(_)) | Err(_) => Err(Unanswered),
        }
    }

    /// Ends all components: what is pending is waited for so long.
    pub(super) async fn leave_components(&self, limit: Duration) {
        let left = (self.components.borrow().as_ref())
            .map(|thread| thread.ask(|done| component::Message::Leave { limit, done }));
        if let Some(left) = left {
            let _ = left.await;
        }
    }
}
