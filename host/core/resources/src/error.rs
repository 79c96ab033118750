//! Why resources are refused, in the words that Mesos uses.

/// Why resources are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResourceError {
    /// One entry is not valid.
    #[error("Resource '{resource}' is invalid: {why}")]
    Invalid {
        /// The entry as text.
        resource: String,
        /// What is wrong with it.
        why: Fault,
    },
    /// A part of the text is not `name:value`.
    #[error("Bad value for resources, missing or extra ':' in {0}")]
    Colon(String),
    /// A part of the text opens a role and does not close it, or the other way round.
    #[error("Bad value for resources, mismatched parentheses in {0}")]
    Parentheses(String),
    /// It begins like JSON, but is not an array of resources.
    #[error("Failed to parse resources as JSON: {0}")]
    Json(mezzo_proto::json::JsonError),
    /// The value cannot be read.
    #[error("Failed to parse resource {name} value {value} error {why}")]
    Value {
        /// Of which resource.
        name: String,
        /// As written.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// A text where a scalar, ranges or a set belong.
    #[error("Bad type for resource {name} value {value} type TEXT")]
    TextValue {
        /// Of which resource.
        name: String,
        /// As written.
        value: String,
    },
    /// The role in parentheses is not a role.
    #[error(transparent)]
    Role(#[from] crate::roles::RoleError),
    /// One name, two types.
    #[error("Resources with the same name ('{0}') but different types are not allowed")]
    MixedTypes(String),
    /// An agent's flags cannot make volumes.
    #[error("Persistent volumes cannot be specified at the command line. Resource: {0}")]
    CommandLineVolume(String),
    /// An agent's flags cannot make revocable resources.
    #[error("Revocable resources cannot be specified at the command line. Resource: {0}")]
    CommandLineRevocable(String),
    /// An agent's flags cannot make dynamic reservations.
    #[error("Dynamic reservations cannot be specified at the command line. Resource: {0}")]
    CommandLineReservation(String),
}

/// What is wrong with one resource.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// No name.
    #[error("Empty resource name")]
    EmptyName,
    /// A type that no resource has.
    #[error("Unsupported resource type")]
    UnsupportedType,
    /// A scalar whose value is missing or of another type.
    #[error("Invalid scalar resource")]
    NotScalar,
    /// A scalar that is negative, or too small to be anything.
    #[error("Invalid scalar resource: value <= 0")]
    NotPositive,
    /// A scalar that is no number we can keep.
    #[error("Invalid scalar resource: {0}")]
    BadAmount(crate::AmountError),
    /// Ranges whose value is missing or of another type.
    #[error("Invalid ranges resource")]
    NotRanges,
    /// A range that runs backwards.
    #[error("Invalid ranges resource: begin > end")]
    InvertedRange,
    /// Ranges with numbers in common.
    #[error("Invalid ranges resource: overlapping ranges")]
    OverlappingRanges,
    /// A set whose value is missing or of another type.
    #[error("Invalid set resource")]
    NotSet,
    /// A name twice in a set.
    #[error("Invalid set resource: duplicated elements")]
    DuplicatedElements,
    /// Part of a GPU.
    #[error("The 'gpus' resource must be an unsigned integer")]
    FractionalGpus,
    /// Disk information on something else.
    #[error("DiskInfo should not be set for {0} resource")]
    DiskOnOther(String),
    /// A source of a disk without a place.
    #[error("DiskInfo::Source 'type' is set to '{0}' but the disk has no {1}")]
    DiskSource(&'static str, &'static str),
    /// A kind of disk that is not known.
    #[error("Unsupported 'DiskInfo.Source.Type'")]
    DiskSourceType,
    /// Shared, and not a disk.
    #[error("Resource {0} cannot be shared")]
    SharedOther(String),
    /// Shared, and not a volume.
    #[error("Only persistent volumes can be shared")]
    SharedNonVolume,
    /// Reserved to everybody.
    #[error("Invalid reservation: role \"*\" cannot be reserved")]
    ReservedToStar,
    /// Reserved to what is not a role.
    #[error("{0}")]
    ReservationRole(crate::roles::RoleError),
    /// A reservation that does not say how it came to be.
    #[error("Invalid reservation: 'Resource.ReservationInfo.type' must be set to STATIC or DYNAMIC")]
    ReservationType,
    /// A reservation to nobody.
    #[error("Invalid reservation: 'Resource.ReservationInfo.role' must be set")]
    ReservationNoRole,
    /// Only operations refine reservations.
    #[error("Invalid refined reservation: A refined reservation cannot be STATIC")]
    RefinedStatic,
    /// Refined for a role that is not below.
    #[error("Invalid refined reservation: role '{role}' is not a refinement of '{parent}'")]
    NotARefinement {
        /// The inner one.
        role: String,
        /// The outer one.
        parent: String,
    },
    /// What can be taken back cannot be promised.
    #[error("Invalid reservation: revocable resources cannot be reserved")]
    ReservedRevocable,
    /// `role` and `reservations` disagree.
    #[error(
        "Invalid resource format: 'Resource.role' field with '{role}' does not match the role '{stack}' in \
         'Resource.reservations'"
    )]
    FormatRole {
        /// In the old field.
        role: String,
        /// In the new one.
        stack: String,
    },
    /// Old fields beside a refined reservation.
    #[error(
        "Invalid resource format: '{0}' must not be set if 'Resource.reservations' has more than one entry"
    )]
    FormatRefined(&'static str),
    /// `reservation` beside a static one.
    #[error(
        "Invalid resource format: 'Resource.reservation' must not be set if the single reservation in \
         'Resource.reservations' is STATIC"
    )]
    FormatStatic,
    /// `reservation` and `reservations` disagree.
    #[error(
        "Invalid resource format: 'Resource.reservation.{0}' does not match that of the single reservation in \
         'Resource.reservations'"
    )]
    FormatMismatch(&'static str),
}
