//! The one account of the cluster's resources.
//!
//! Who holds what of which agent is written here and nowhere else. Everything an
//! agent has is free, offered or allocated; a plugin's grant becomes an offer only
//! through [`Ledger::apply`], which checks it against the account of that moment.
//!
//! Deliberately absent: clocks (time is an argument), what a plugin thinks (it only
//! sees batches), tasks and offers as such (they are the master's).
//!
//! Start with [`Ledger`]; [`facts`] is what it is told, [`Applied`] what became of a
//! proposal.
#![forbid(unsafe_code)]

mod agents;
mod apply;
mod audit;
mod columns;
mod conversions;
mod eligibility;
pub mod facts;
mod filters;
mod ledger;
mod membership;
mod moves;
mod outcome;
mod quotas;
mod reads;
mod refusals;
mod roles;
mod rounds;
mod seekers;
mod slots;
#[cfg(test)]
mod tests;

pub use eligibility::Ineligible;
pub use facts::{AgentCapabilities, AgentFacts, FrameworkFacts, LedgerConfig, capability_bits};
pub use ledger::Ledger;
pub use outcome::{Applied, ConvertError, DropReason, Dropped, Fault, Granted, MoveError};
pub use quotas::Quota;
pub use reads::{AgentAccount, Held, SeekerAccount};
