//! What the core observed, as lines for people and counts for machines.

use mezzo_core_master::Observation;
use mezzo_slots::Happened;
use mezzo_telemetry::{Counter, Metrics};

/// Writes observations down.
pub(crate) struct Observer {
    plugin_incidents: Counter,
    tasks_refused: Counter,
}

impl Observer {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self {
            plugin_incidents: metrics.counter("mezzo/plugins/incidents"),
            tasks_refused: metrics.counter("mezzo/tasks_refused"),
        }
    }

    pub(crate) fn observe(&self, observation: Observation) {
        match observation {
            Observation::Info(text) => tracing::info!("{text}"),
            Observation::Warning(text) => tracing::warn!("{text}"),
            Observation::FrameworkSubscribed(framework) => {
                tracing::info!(%framework, "a framework has subscribed")
            }
            Observation::FrameworkRemoved(framework) => tracing::info!(%framework, "a framework was removed"),
            Observation::AgentReady(agent) => tracing::info!(%agent, "an agent is ready"),
            Observation::AgentDisconnected(agent) => tracing::warn!(%agent, "an agent is disconnected"),
            Observation::AgentUnreachable(agent) => tracing::warn!(%agent, "an agent is unreachable"),
            Observation::TaskRefused { framework, task, why } => {
                self.tasks_refused.increment();
                tracing::warn!(%framework, %task, why, "a task was refused");
            }
            Observation::Plugin(incident) => {
                self.plugin_incidents.increment();
                match &incident.what {
                    // No blame: the cluster moved on while the plugin thought.
                    Happened::Dropped { .. } => tracing::debug!("{incident}"),
                    what if what.is_trouble() => tracing::warn!("{incident}"),
                    _ => tracing::info!("{incident}"),
                }
            }
            // The enum grows in the core; what is new is told as it is.
            other => tracing::info!("{other:?}"),
        }
    }
}
