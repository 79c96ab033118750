//! Plugins as the core sees them: what is asked, what is answered, their life.
//!
//! A plugin receives facts and answers with a proposal; nothing here can change a
//! fact. The shapes mirror `wit/v1`: hot lists are columns of scalars, and every
//! agent, role and seeker is a dense slot that the host assigns.
//!
//! Start with [`batch::Batch`]; [`ask`] wraps it for the way out and back, and
//! [`life::Slot`] decides who is asked and what follows when a plugin fails. A *seeker*
//! is one (framework, role) pair, a *grant* says who is next for which agent and how
//! much at most; `docs/rfd/0004-batches-of-columns.md` says why.
#![forbid(unsafe_code)]

pub mod ask;
pub mod batch;
mod choice;
pub mod life;

pub use ask::{Answer, Ask, Failure, SlotName};
pub use batch::{AgentColumns, AgentRow, Batch, Flow, Grants, Masks, Proposal, RoleRow, SeekerRow};
pub use choice::{Choice, Digest, Identity, Plan};
pub use life::{
    CompanionShown, Counters, Happened, Incident, Order, Record, Report, Rows, Share, Slot, SlotConfig,
    SwapRefused, Tally, Verdict,
};
