//! Names of roles: `eng/backend` is a child of `eng`, `*` is everybody's.

use std::collections::BTreeSet;

use mezzo_proto::mesos::v1::{FrameworkInfo, framework_info::capability};

/// The role of what nobody has reserved, and of frameworks that name none.
pub const DEFAULT: &str = "*";

/// Why a name is not a role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RoleError {
    /// Nothing.
    #[error("Role names cannot be the empty string")]
    Empty,
    /// `/eng`
    #[error("Role '{0}' cannot start with a slash")]
    StartsWithSlash(String),
    /// `eng/`
    #[error("Role '{0}' cannot end with a slash")]
    EndsWithSlash(String),
    /// `eng//backend`
    #[error("Role '{0}' cannot contain two adjacent slashes")]
    AdjacentSlashes(String),
    /// `eng/../ops`, `eng/*`
    #[error("Role '{role}' cannot include '{component}' as a component")]
    ReservedComponent {
        /// The whole name.
        role: String,
        /// `.`, `..` or `*`.
        component: String,
    },
    /// `eng/-x`
    #[error("Role component '{0}' is invalid because it starts with a dash")]
    StartsWithDash(String),
    /// `eng/back end`
    #[error("Role component '{0}' is invalid because it contains backspace or whitespace")]
    Whitespace(String),
}

/// Checks that `role` is a name that a role can have.
///
/// # Errors
///
/// The first rule that it breaks.
pub fn validate(role: &str) -> Result<(), RoleError> {
    if role == DEFAULT {
        return Ok(());
    }
    if role.is_empty() {
        return Err(RoleError::Empty);
    }
    if role.starts_with('/') {
        return Err(RoleError::StartsWithSlash(role.to_owned()));
    }
    if role.ends_with('/') {
        return Err(RoleError::EndsWithSlash(role.to_owned()));
    }
    if role.contains("//") {
        return Err(RoleError::AdjacentSlashes(role.to_owned()));
    }
    role.split('/').try_for_each(|component| validate_component(role, component))
}

fn validate_component(role: &str, component: &str) -> Result<(), RoleError> {
    if matches!(component, "." | ".." | "*") {
        return Err(RoleError::ReservedComponent { role: role.to_owned(), component: component.to_owned() });
    }
    if component.starts_with('-') {
        return Err(RoleError::StartsWithDash(component.to_owned()));
    }
    // Mesos says backspace and means delete; both are refused here.
    if component.contains(['\u{8}', '\u{7f}', '\t', '\n', '\u{b}', '\u{c}', '\r', ' ']) {
        return Err(RoleError::Whitespace(component.to_owned()));
    }
    Ok(())
}

/// The role above, if there is one.
pub fn parent(role: &str) -> Option<&str> {
    role.rsplit_once('/').map(|(parent, _)| parent)
}

/// The role and those above it, innermost first.
pub fn lineage(role: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(role), |role| parent(role))
}

/// Whether `role` lies below `ancestor`.
pub fn is_descendant(role: &str, ancestor: &str) -> bool {
    role.strip_prefix(ancestor).is_some_and(|rest| rest.starts_with('/'))
}

/// Whether `role` is `other` or lies below it.
pub fn is_same_or_descendant(role: &str, other: &str) -> bool {
    role == other || is_descendant(role, other)
}

/// Why the roles of a framework are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameworkRolesError {
    /// The old field from a framework that knows the new one.
    #[error("'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable")]
    RoleSet,
    /// The new field from a framework that does not know it.
    #[error("'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable")]
    RolesSet,
    /// One role twice.
    #[error("'FrameworkInfo.roles' contains duplicate items: {{ {} }}", .0.join(", "))]
    Duplicate(Vec<String>),
    /// One of several is not a role.
    #[error("'FrameworkInfo.roles' contains invalid role: {0}")]
    InvalidInRoles(RoleError),
    /// The only one is not a role.
    #[error("'FrameworkInfo.role' is not a valid role: {0}")]
    InvalidRole(RoleError),
}

/// The roles that a framework subscribes in: `roles` for a MULTI_ROLE framework, which may be
/// none, else the one of `role`.
///
/// # Errors
///
/// The wrong field for the capability, duplicates, names that are not roles.
#[allow(deprecated, reason = "the old field is the role of frameworks without MULTI_ROLE")]
pub fn of_framework(info: &FrameworkInfo) -> Result<Vec<String>, FrameworkRolesError> {
    let is_multi_role = info.capabilities.iter().any(|known| known.r#type() == capability::Type::MultiRole);
    if !is_multi_role {
        if !info.roles.is_empty() {
            return Err(FrameworkRolesError::RolesSet);
        }
        validate(info.role()).map_err(FrameworkRolesError::InvalidRole)?;
        return Ok(vec![info.role().to_owned()]);
    }
    if info.role.is_some() {
        return Err(FrameworkRolesError::RoleSet);
    }
    let mut seen = BTreeSet::new();
    let twice: BTreeSet<&str> =
        info.roles.iter().map(String::as_str).filter(|role| !seen.insert(*role)).collect();
    if !twice.is_empty() {
        return Err(FrameworkRolesError::Duplicate(twice.into_iter().map(str::to_owned).collect()));
    }
    info.roles.iter().try_for_each(|role| validate(role)).map_err(FrameworkRolesError::InvalidInRoles)?;
    Ok(info.roles.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mezzo_proto::mesos::v1::framework_info::Capability;

    fn refusal(role: &str) -> String {
        validate(role).unwrap_err().to_string()
    }

    #[test]
    fn names_of_roles() {
        for role in ["*", "eng", "eng/backend", "a.b", "a-b", "..a", "*a", "ä"] {
            assert_eq!(validate(role), Ok(()), "{role}");
        }
    }

    /// The texts of a real server, which clients match on.
    #[test]
    fn every_invalid_form_gives_its_text() {
        assert_eq!(refusal(""), "Role names cannot be the empty string");
        assert_eq!(refusal("/a"), "Role '/a' cannot start with a slash");
        assert_eq!(refusal("/"), "Role '/' cannot start with a slash");
        assert_eq!(refusal("a/"), "Role 'a/' cannot end with a slash");
        assert_eq!(refusal("a//b"), "Role 'a//b' cannot contain two adjacent slashes");
        assert_eq!(refusal("."), "Role '.' cannot include '.' as a component");
        assert_eq!(refusal("../x"), "Role '../x' cannot include '..' as a component");
        assert_eq!(refusal("a/*"), "Role 'a/*' cannot include '*' as a component");
        assert_eq!(refusal("*/a"), "Role '*/a' cannot include '*' as a component");
        assert_eq!(refusal("a/-b"), "Role component '-b' is invalid because it starts with a dash");
        for text in ["a b", "a\tb", "a\u{8}", "a\u{7f}", "\n", "a\u{b}", "a\u{c}", "a\r"] {
            let text = refusal(text);
            assert!(text.ends_with("is invalid because it contains backspace or whitespace"), "{text}");
        }
    }

    #[test]
    fn descent_goes_by_whole_components() {
        assert!(is_descendant("eng/backend", "eng"));
        assert!(!is_descendant("engine", "eng"));
        assert!(!is_descendant("eng", "eng"));
        assert!(is_same_or_descendant("eng", "eng"));
        assert_eq!(lineage("a/b/c").collect::<Vec<_>>(), ["a/b/c", "a/b", "a"]);
    }

    #[allow(deprecated, reason = "frameworks without MULTI_ROLE still use the old field")]
    fn framework(role: Option<&str>, roles: &[&str], is_multi_role: bool) -> FrameworkInfo {
        let multi_role = Capability { r#type: Some(capability::Type::MultiRole as i32) };
        FrameworkInfo {
            role: role.map(str::to_owned),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            capabilities: if is_multi_role { vec![multi_role] } else { Vec::new() },
            ..FrameworkInfo::default()
        }
    }

    #[test]
    fn a_framework_subscribes_in_its_roles() {
        assert_eq!(of_framework(&framework(None, &[], false)).unwrap(), ["*"]);
        assert_eq!(of_framework(&framework(Some("eng"), &[], false)).unwrap(), ["eng"]);
        assert_eq!(of_framework(&framework(None, &["a", "b"], true)).unwrap(), ["a", "b"]);
        assert!(of_framework(&framework(None, &[], true)).unwrap().is_empty());
    }

    #[test]
    fn a_framework_with_wrong_roles_is_told_why() {
        let refusal = |role, roles: &[&str], is_multi_role| {
            of_framework(&framework(role, roles, is_multi_role)).unwrap_err().to_string()
        };
        assert_eq!(
            refusal(Some("a"), &["a"], true),
            "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable"
        );
        assert_eq!(
            refusal(None, &["a"], false),
            "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable"
        );
        assert_eq!(
            refusal(None, &["b", "a", "b", "a"], true),
            "'FrameworkInfo.roles' contains duplicate items: { a, b }"
        );
        assert_eq!(
            refusal(None, &["a", "/b"], true),
            "'FrameworkInfo.roles' contains invalid role: Role '/b' cannot start with a slash"
        );
        assert_eq!(
            refusal(Some("a/"), &[], false),
            "'FrameworkInfo.role' is not a valid role: Role 'a/' cannot end with a slash"
        );
    }
}
