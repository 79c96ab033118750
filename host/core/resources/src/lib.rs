//! The resource algebra: what agents have, offers hold and tasks use.
//!
//! Everything here is a value and a total function of values. Scalars are exact
//! thousandths; ranges and sets are always in their normal form; a resource that
//! comes from outside is checked once, on its way into [`Resources`].
//!
//! Start with [`Resources`], the bag, and [`Resource`], one entry of it. The
//! wire's three forms of a reservation become one stack on the way in
//! ([`Resources::from_wire`]) and one of the three again on the way out ([`Form`]).
#![forbid(unsafe_code)]

mod amount;
pub mod attributes;
pub mod autodetect;
mod bag;
mod conversion;
mod error;
mod items;
mod legacy;
mod quantities;
mod ranges;
mod resource;
pub mod roles;
mod text;
mod wire;

#[cfg(test)]
mod tests;

pub use amount::{Amount, AmountError};
pub use bag::Resources;
pub use conversion::{Conversion, ConversionError};
pub use error::{Fault, ResourceError};
pub use items::Items;
pub use legacy::{LegacyValue, legacy};
pub use quantities::{Quantities, QuantitiesError};
pub use ranges::Ranges;
pub use resource::{Distinction, Reservation, Resource, Value};
pub use wire::{Form, describe};
