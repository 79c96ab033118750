//! A framework, from its first subscription to its removal.
//!
//! ```text
//!            SUBSCRIBE                stream ends
//!  (new) ───────────────▶ Connected ─────────────▶ Disconnected
//!  Recovered ──SUBSCRIBE──▶   ▲  └─────SUBSCRIBE───────┘ │ failover_timeout
//!                             └───────SUBSCRIBE──────────┘ ▼
//!                                                        removed
//! ```
//!
//! *Recovered* is a framework that only its tasks are known of: an agent reported them to a
//! master that the framework has not come back to yet. Nothing ends that state by itself.

use std::{sync::Arc, time::Duration};

use mezzo_proto::mesos::v1;

use crate::{
    ids::FrameworkId,
    time::{Mono, Wall},
};

/// Whether somebody listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameworkState {
    /// Its stream is open and it may be offered things.
    Connected,
    /// Its stream has ended.
    Disconnected {
        /// When it is removed, unless it comes back before.
        until: Mono,
    },
    /// Known from its tasks alone.
    Recovered,
}

/// A framework as a master shows it.
#[derive(Clone, Debug)]
pub struct Framework {
    /// Its id.
    pub id: FrameworkId,
    /// What it says of itself; `id` is set.
    pub info: Arc<v1::FrameworkInfo>,
    /// Its roles.
    pub roles: Arc<[String]>,
    /// Whether somebody listens.
    pub state: FrameworkState,
    /// When it was first seen by this master.
    pub registered_at: Wall,
    /// When it last subscribed again.
    pub reregistered_at: Option<Wall>,
    /// When it was removed.
    pub unregistered_at: Option<Wall>,
}

/// What a framework says it can bear: bit n is `FrameworkInfo.Capability.Type` n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(pub u64);

/// The longest time that fits Mesos's durations, in seconds.
const LONGEST_SECONDS: f64 = 9_223_372_036.0;

impl Framework {
    /// Whether its stream is open.
    pub fn is_connected(&self) -> bool {
        match self.state {
            FrameworkState::Connected => true,
            FrameworkState::Disconnected { .. } | FrameworkState::Recovered => false,
        }
    }

    /// Whether only its tasks are known.
    pub fn is_recovered(&self) -> bool {
        match self.state {
            FrameworkState::Recovered => true,
            FrameworkState::Connected | FrameworkState::Disconnected { .. } => false,
        }
    }

    /// What it can bear.
    pub fn capabilities(&self) -> Capabilities {
        Capabilities::of(&self.info)
    }
}

impl Capabilities {
    /// Reads them from what a framework says of itself. Unknown ones are nothing.
    pub fn of(info: &v1::FrameworkInfo) -> Self {
        let bits = info
            .capabilities
            .iter()
            .filter_map(|capability| u32::try_from(capability.r#type?).ok())
            .filter(|number| (1..64).contains(number))
            .fold(0, |bits, number| bits | 1 << number);
        Self(bits)
    }

    /// Whether `capability` is among them.
    pub fn has(self, capability: v1::framework_info::capability::Type) -> bool {
        self.0 >> (capability as u32) & 1 == 1
    }

    /// Whether it can tell the ways of losing a task apart.
    pub fn is_partition_aware(self) -> bool {
        self.has(v1::framework_info::capability::Type::PartitionAware)
    }

    /// Whether it may have several roles, and so is told which role an offer is for.
    pub fn is_multi_role(self) -> bool {
        self.has(v1::framework_info::capability::Type::MultiRole)
    }
}

/// How long a framework may stay away. A negative time counts as none.
///
/// # Errors
/// When it fits no duration, as Mesos words it.
pub fn failover_timeout(info: &v1::FrameworkInfo) -> Result<Duration, String> {
    let seconds = info.failover_timeout.unwrap_or(0.0);
    if !seconds.is_finite() || seconds.abs() > LONGEST_SECONDS {
        return Err(format!(
            "The framework failover_timeout ({seconds}) is invalid: Argument out of the range that a \
             Duration can represent due to int64_t's size limit"
        ));
    }
    Ok(Duration::from_secs_f64(seconds.max(0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use v1::framework_info::{Capability, capability::Type};

    fn info() -> v1::FrameworkInfo {
        v1::FrameworkInfo::default()
    }

    /// A real 1.11 master never removes a framework that asked for a negative time.
    #[test]
    fn a_negative_timeout_is_none() {
        let timeout =
            |seconds| failover_timeout(&v1::FrameworkInfo { failover_timeout: Some(seconds), ..info() });
        assert_eq!(timeout(-1.0), Ok(Duration::ZERO));
        assert_eq!(timeout(60.5), Ok(Duration::from_millis(60_500)));
        assert!(timeout(1e20).expect_err("no duration").starts_with("The framework failover_timeout (1"));
        assert!(timeout(f64::NAN).is_err());
    }

    #[test]
    fn unknown_capabilities_are_nothing() {
        let capabilities = [None, Some(0), Some(-3), Some(900), Some(Type::PartitionAware as i32)]
            .map(|number| Capability { r#type: number })
            .to_vec();
        let found = Capabilities::of(&v1::FrameworkInfo { capabilities, ..info() });
        assert!(found.is_partition_aware());
        assert_eq!(found.0.count_ones(), 1);
    }
}
