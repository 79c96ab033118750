//! TEARDOWN: the end of a framework and of all it runs.

use mezzo_model::{
    FrameworkId, Now,
    calls::{Answer, Principal, Refusal},
};

use crate::{Effects, Master};

impl Master {
    /// Ends a framework because it asked.
    pub(super) fn teardown(&mut self, now: Now, out: &mut Effects, id: &FrameworkId) {
        self.counters.add("master/messages_unregister_framework");
        self.remove_framework(now, out, id);
    }

    /// Ends a framework although its scheduler did not ask; connected or not.
    pub(super) fn teardown_by_operator(
        &mut self,
        now: Now,
        out: &mut Effects,
        principal: &Principal,
        framework: Option<FrameworkId>,
    ) -> Answer {
        let known = framework.and_then(|id| Some((self.frameworks.get(&id)?.info.principal.clone(), id)));
        let Some((owner, id)) = known else {
            return Answer::Refused(Refusal::bad_request("No framework found with specified ID"));
        };
        if let Err(refusal) = super::is_own_principal(principal, owner.as_deref()) {
            return Answer::Refused(refusal);
        }
        self.remove_framework(now, out, &id);
        Answer::Ok
    }
}
