//! SUPPRESS and REVIVE: no offers for now, and offers again.

use mezzo_model::{FrameworkId, Now};

use crate::{Effects, Master};

impl Master {
    /// Wants no offers. Offers that are open stay open.
    pub(super) fn suppress(&mut self, now: Now, out: &mut Effects, id: &FrameworkId, roles: &[String]) {
        self.counters.add("master/messages_suppress_offers");
        let Some(roles) = self.roles_meant(out, id, roles) else { return };
        if let Some(kept) = self.frameworks.kept_mut(id) {
            kept.suppressed.extend(roles.iter().cloned());
        }
        self.ledger.suppress(id, &roles);
        self.something_changed(now);
    }

    /// Wants offers again, and forgets what was refused.
    pub(super) fn revive(&mut self, now: Now, out: &mut Effects, id: &FrameworkId, roles: &[String]) {
        self.counters.add("master/messages_revive_offers");
        let Some(roles) = self.roles_meant(out, id, roles) else { return };
        if let Some(kept) = self.frameworks.kept_mut(id) {
            kept.suppressed.retain(|role| !roles.contains(role));
        }
        self.ledger.revive(id, &roles);
        self.something_changed(now);
    }

    /// The roles a call means: all of the framework's when it names none. One that the framework
    /// is not in makes the whole call void, as in Mesos.
    fn roles_meant(&self, out: &mut Effects, id: &FrameworkId, named: &[String]) -> Option<Vec<String>> {
        let framework = self.frameworks.get(id)?;
        if named.is_empty() {
            return Some(framework.roles.to_vec());
        }
        if let Some(foreign) = named.iter().find(|role| !framework.roles.contains(role)) {
            out.info(format!("framework `{id}` names role `{foreign}`, which it is not in: nothing is done"));
            return None;
        }
        Some(named.to_vec())
    }
}
