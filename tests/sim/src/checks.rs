//! What must hold, whatever goes wrong.

use std::collections::BTreeMap;

use crate::{agent_host::CPUS, kernel::Phase, world::World};

/// Where a step may have broken something: nothing else is looked at after it.
#[derive(Debug, Default)]
pub(crate) struct Suspects {
    /// Machines on which something was launched or ended.
    pub kernels: Vec<usize>,
    /// An agent that took an input.
    pub identity: Option<usize>,
    /// A scheduler that heard an event.
    pub scheduler: Option<usize>,
    /// The registry has other facts.
    pub has_registry_changed: bool,
}

/// After every step.
///
/// # Errors
/// What does not hold, in a sentence.
pub(crate) fn always(world: &mut World) -> Result<(), String> {
    let suspects = std::mem::take(&mut world.suspects);
    for agent in suspects.kernels {
        no_resource_in_two_hands(world, agent)?;
        no_offer_used_twice(world, agent)?;
    }
    let agents = match suspects.has_registry_changed {
        true => 0..world.agents.len(),
        false => suspects.identity.map_or(0..0, |agent| agent..agent + 1),
    };
    for agent in agents {
        no_admission_forgotten(world, agent)?;
    }
    if let Some(scheduler) = suspects.scheduler {
        no_end_twice(world, scheduler)?;
    }
    world.broken.take().map_or(Ok(()), Err)
}

/// Whatever runs from one offer was launched by one ACCEPT.
fn no_offer_used_twice(world: &mut World, agent: usize) -> Result<(), String> {
    let mut used = std::mem::take(&mut world.used);
    for (task, spec) in world.running(agent) {
        for offer in &spec.offers {
            let first = *used.entry(offer.clone()).or_insert(spec.accept);
            if first != spec.accept {
                return Err(format!("`{task}` runs from offer `{offer}`, which another ACCEPT had used"));
            }
        }
    }
    world.used = used;
    Ok(())
}

/// On the machine itself: what runs there fits, and no port is used twice.
fn no_resource_in_two_hands(world: &World, agent: usize) -> Result<(), String> {
    let (mut cpus, mut ports) = (0, BTreeMap::new());
    for (task, spec) in world.running(agent) {
        cpus += spec.cpus;
        if let Some(port) = spec.port
            && let Some(other) = ports.insert(port, task)
        {
            return Err(format!("on agent {agent} both `{other}` and `{task}` run with port {port}"));
        }
    }
    if cpus > CPUS {
        return Err(format!("on agent {agent} tasks with {cpus} thousandths of a cpu run; it has {CPUS}"));
    }
    Ok(())
}

/// An agent that has its id is in the registry: it was welcomed only once that was durable.
fn no_admission_forgotten(world: &World, agent: usize) -> Result<(), String> {
    let id = world.agents[agent].core.as_ref().and_then(|core| core.id());
    match id.filter(|id| !world.master.remembers(id)) {
        Some(id) => Err(format!("agent {agent} is `{id}`, and the registry knows nothing of it")),
        None => Ok(()),
    }
}

/// A task's end is told by one update, however often it is repeated.
fn no_end_twice(world: &World, scheduler: usize) -> Result<(), String> {
    match &world.schedulers[scheduler].ended_twice {
        Some(task) => Err(format!("the end of `{task}` was told by different updates")),
        None => Ok(()),
    }
}

/// What keeps the world from rest; empty when nothing does.
pub(crate) fn unrest(world: &World) -> String {
    for scheduler in &world.schedulers {
        if let Some((task, entry)) = scheduler.open_tasks().next() {
            return format!("the last word on `{task}` is {}", entry.state.as_str_name());
        }
    }
    for (index, agent) in world.agents.iter().enumerate() {
        let Some(core) = &agent.core else { return format!("agent {index} is down") };
        if let Some(container) = agent.kernel.containers.values().find(|c| c.phase != Phase::Launching) {
            return format!("container `{}` on agent {index} is still there", container.plan.container);
        }
        let open = core.updates_open();
        if open > 0 {
            return format!("agent {index} waits for {open} acknowledgements");
        }
    }
    String::new()
}

/// Once everything has come to rest: the master's account agrees.
///
/// # Errors
/// What does not hold, in a sentence.
pub(crate) fn at_rest(world: &mut World) -> Result<(), String> {
    let Some(master) = &world.master.core else { return Err("the master is down".to_owned()) };
    master.ledger().audit()
}
