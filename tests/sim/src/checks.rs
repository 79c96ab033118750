//! What must hold, whatever goes wrong.

use std::collections::BTreeMap;

use crate::{agent_host::CPUS, kernel::Phase, world::World};

/// After every step.
///
/// # Errors
/// What does not hold, in a sentence.
pub(crate) fn always(world: &mut World) -> Result<(), String> {
    for agent in 0..world.agents.len() {
        no_resource_in_two_hands(world, agent)?;
    }
    no_offer_used_twice(world)?;
    no_admission_forgotten(world)?;
    no_end_twice(world)
}

/// Whatever runs from one offer was launched by one ACCEPT.
fn no_offer_used_twice(world: &mut World) -> Result<(), String> {
    let running: Vec<_> = (0..world.agents.len())
        .flat_map(|agent| world.running(agent))
        .map(|(task, spec)| (task.to_owned(), spec.accept, spec.offers.clone()))
        .collect();
    for (task, accept, offers) in running {
        for offer in offers {
            let first = *world.used.entry(offer.clone()).or_insert(accept);
            if first != accept {
                return Err(format!("`{task}` runs from offer `{offer}`, which another ACCEPT had used"));
            }
        }
    }
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
fn no_admission_forgotten(world: &World) -> Result<(), String> {
    for (index, host) in world.agents.iter().enumerate() {
        if let Some(id) = host.core.as_ref().and_then(|core| core.id())
            && !world.master.remembers(id)
        {
            return Err(format!("agent {index} is `{id}`, and the registry knows nothing of it"));
        }
    }
    Ok(())
}

/// A task's end is told by one update, however often it is repeated.
fn no_end_twice(world: &World) -> Result<(), String> {
    for scheduler in &world.schedulers {
        for (task, entry) in &scheduler.book {
            if entry.ends.len() > 1 {
                return Err(format!(
                    "the end of `{task}` was told by {} different updates",
                    entry.ends.len()
                ));
            }
        }
    }
    Ok(())
}

/// What keeps the world from rest; empty when nothing does.
pub(crate) fn unrest(world: &World) -> String {
    for scheduler in &world.schedulers {
        if let Some((task, entry)) = scheduler.book.iter().find(|(_, e)| !e.has_ended()) {
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
