//! Who may do what to whom.
//!
//! The core asks [`Acls::allows`] before it acts, with the principal that came with the
//! input. The default table allows everything. Reads are not asked record by record: an
//! [`Approver`] is compiled once for a reader and applied by whoever encodes the view.
//!
//! Start with [`Action`].
#![forbid(unsafe_code)]

use std::{collections::BTreeSet, sync::Arc};

use mezzo_model::calls::Principal;

/// Something to be allowed, with the object it is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action<'a> {
    /// A framework subscribes with this role.
    RegisterFramework {
        /// The role.
        role: &'a str,
    },
    /// A framework launches a task that runs as this account.
    RunTask {
        /// The account; the framework's own where the task names none.
        user: &'a str,
    },
    /// An agent joins.
    RegisterAgent,
    /// An operator changes which plugin runs.
    ChangePlugin {
        /// The slot that it fills.
        slot: &'a str,
    },
    /// An operator sets the weight of this role.
    UpdateWeight {
        /// The role.
        role: &'a str,
    },
    /// An operator sets the quota of this role.
    UpdateQuota {
        /// The role.
        role: &'a str,
    },
    /// Somebody looks at the frameworks and tasks of this principal.
    View {
        /// The principal that owns them; absent for the agents and the master itself.
        owner: Option<&'a str>,
    },
}

/// Which kind of action a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Verb {
    /// [`Action::RegisterFramework`]
    RegisterFramework,
    /// [`Action::RunTask`]
    RunTask,
    /// [`Action::RegisterAgent`]
    RegisterAgent,
    /// [`Action::ChangePlugin`]
    ChangePlugin,
    /// [`Action::UpdateWeight`]
    UpdateWeight,
    /// [`Action::UpdateQuota`]
    UpdateQuota,
    /// [`Action::View`]
    View,
}

/// Which subjects or objects a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entity {
    /// Every one, also nobody in particular.
    Any,
    /// None.
    None,
    /// These.
    Some(BTreeSet<String>),
}

/// One rule: for these subjects and this verb, exactly these objects are allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The verb.
    pub verb: Verb,
    /// Who is meant.
    pub subjects: Entity,
    /// To whom or what.
    pub objects: Entity,
}

/// The table of rules. The first rule that fits subject and verb decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acls {
    rules: Vec<Rule>,
    is_permissive: bool,
}

impl Default for Acls {
    /// Allows everything.
    fn default() -> Self {
        Self { rules: Vec::new(), is_permissive: true }
    }
}

impl Acls {
    /// A table of these rules; what none of them is about is allowed if `is_permissive`.
    pub fn new(rules: Vec<Rule>, is_permissive: bool) -> Self {
        Self { rules, is_permissive }
    }

    /// Whether `principal` may do `action`.
    pub fn allows(&self, principal: &Principal, action: Action<'_>) -> bool {
        let subject = principal.0.as_deref();
        let verb = action.verb();
        let rule = self.rules.iter().find(|rule| rule.verb == verb && rule.subjects.holds(subject));
        rule.map_or(self.is_permissive, |rule| rule.objects.holds(action.object()))
    }

    /// What `principal` may see, as a value that needs no table.
    pub fn approver(&self, principal: &Principal) -> Approver {
        let subject = principal.0.as_deref();
        let rule = self.rules.iter().find(|rule| rule.verb == Verb::View && rule.subjects.holds(subject));
        let unruled = if self.is_permissive { Entity::Any } else { Entity::None };
        Approver { owners: Arc::new(rule.map_or(unruled, |rule| rule.objects.clone())) }
    }
}

/// What one reader may see; compiled once, asked for each record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approver {
    owners: Arc<Entity>,
}

impl Approver {
    /// Sees everything.
    pub fn everything() -> Self {
        Self { owners: Arc::new(Entity::Any) }
    }

    /// Whether there is anything that may be seen.
    pub fn shows_anything(&self) -> bool {
        *self.owners != Entity::None
    }

    /// Whether there is nothing that may not be seen.
    pub fn shows_everything(&self) -> bool {
        *self.owners == Entity::Any
    }

    /// Whether what this principal owns may be seen.
    pub fn shows(&self, owner: Option<&str>) -> bool {
        self.owners.holds(owner)
    }
}

impl Action<'_> {
    fn verb(&self) -> Verb {
        match self {
            Action::RegisterFramework { .. } => Verb::RegisterFramework,
            Action::RunTask { .. } => Verb::RunTask,
            Action::RegisterAgent => Verb::RegisterAgent,
            Action::ChangePlugin { .. } => Verb::ChangePlugin,
            Action::UpdateWeight { .. } => Verb::UpdateWeight,
            Action::UpdateQuota { .. } => Verb::UpdateQuota,
            Action::View { .. } => Verb::View,
        }
    }

    fn object(&self) -> Option<&str> {
        match self {
            Action::RegisterFramework { role }
            | Action::UpdateWeight { role }
            | Action::UpdateQuota { role } => Some(role),
            Action::RunTask { user } => Some(user),
            Action::RegisterAgent => None,
            Action::ChangePlugin { slot } => Some(slot),
            Action::View { owner } => *owner,
        }
    }
}

impl Entity {
    /// These names.
    pub fn of<const N: usize>(names: [&str; N]) -> Self {
        Entity::Some(names.into_iter().map(str::to_owned).collect())
    }

    fn holds(&self, name: Option<&str>) -> bool {
        match self {
            Entity::Any => true,
            Entity::None => false,
            Entity::Some(names) => name.is_some_and(|name| names.contains(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(name: &str) -> Principal {
        Principal(Some(name.into()))
    }

    #[test]
    fn the_default_allows_everything_to_everybody() {
        let acls = Acls::default();
        assert!(acls.allows(&Principal::ANONYMOUS, Action::RegisterAgent));
        assert!(acls.allows(&principal("x"), Action::RunTask { user: "root" }));
        assert!(acls.approver(&Principal::ANONYMOUS).shows(Some("ops")));
    }

    /// The first rule that fits decides, so a general refusal stands last.
    #[test]
    fn the_first_fitting_rule_decides() {
        let rule = |subjects, objects| Rule { verb: Verb::RunTask, subjects, objects };
        let acls = Acls::new(
            vec![rule(Entity::of(["ops"]), Entity::Any), rule(Entity::Any, Entity::of(["nobody"]))],
            true,
        );
        assert!(acls.allows(&principal("ops"), Action::RunTask { user: "root" }));
        assert!(!acls.allows(&principal("web"), Action::RunTask { user: "root" }));
        assert!(acls.allows(&Principal::ANONYMOUS, Action::RunTask { user: "nobody" }));
        assert!(acls.allows(&principal("web"), Action::RegisterFramework { role: "web" }));
    }

    #[test]
    fn a_strict_table_refuses_what_no_rule_is_about() {
        let acls = Acls::new(Vec::new(), false);
        assert!(!acls.allows(&principal("ops"), Action::RegisterAgent));
        assert!(!acls.approver(&principal("ops")).shows(None));
    }

    #[test]
    fn an_approver_shows_what_its_reader_may_see() {
        let rule = Rule { verb: Verb::View, subjects: Entity::of(["web"]), objects: Entity::of(["web"]) };
        let approver = Acls::new(vec![rule], true).approver(&principal("web"));
        assert!(approver.shows(Some("web")));
        assert!(!approver.shows(Some("batch")));
        assert!(!approver.shows(None));
        assert!(approver.shows_anything());
        let nothing = Acls::new(Vec::new(), false).approver(&principal("web"));
        assert!(!nothing.shows_anything());
    }
}
