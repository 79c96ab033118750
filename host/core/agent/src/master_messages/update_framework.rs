//! UpdateFramework: a framework describes itself anew, or has failed over.

use mezzo_model::FrameworkId;
use mezzo_proto::{mesos::v1, mezzo::link::v1::UpdateFramework};

use crate::{
    agent::{Agent, Turn},
    checkpoint,
    effects::Change,
};

impl Agent {
    /// Remembers what the framework says, and sends every unacknowledged update again at once:
    /// a new scheduler may be behind it.
    pub(crate) fn update_framework(&mut self, turn: &mut Turn, message: UpdateFramework) {
        let Some(info) = message.framework else { return };
        let Some(id) = info.id.as_ref().map(|id| FrameworkId::new(id.value.as_str())) else { return };
        if self.frameworks.get(&id).is_some_and(|known| known.info != info) {
            self.change_framework(turn, &id, info);
        }
        let keys: Vec<_> =
            self.tasks.keys().chain(self.loose.keys()).filter(|key| key.framework == id).cloned().collect();
        for key in keys {
            self.hurry(turn, &key);
        }
    }

    /// From now on a file of its own outweighs what the launch records say of the framework.
    pub(crate) fn change_framework(&mut self, turn: &mut Turn, id: &FrameworkId, info: v1::FrameworkInfo) {
        let file = checkpoint::framework_file(&info);
        turn.out.write(checkpoint::framework_key(id.as_str()), Change::Replace(file), false);
        if let Some(known) = self.frameworks.get_mut(id) {
            known.info = info;
            known.has_file = true;
        }
    }
}
