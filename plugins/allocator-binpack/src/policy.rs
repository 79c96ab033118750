//! The fullest agents first, the empty ones last and one at a time.

use std::collections::BTreeSet;

use mezzo_plugin::{Batch, Cluster, Policy};

/// Fills agents before it begins others.
#[derive(Debug, Default)]
pub struct Binpack {
    /// Who was granted something in this round.
    served: BTreeSet<u32>,
}

impl Policy for Binpack {
    const NAME: &'static str = "binpack";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");

    fn begin(&mut self, cluster: &Cluster, _: &Batch, mut order: Vec<u32>) -> Vec<u32> {
        self.served.clear();
        order
            .sort_by(|one, other| free(cluster, *one).total_cmp(&free(cluster, *other)).then(one.cmp(other)));
        order
    }

    /// Whoever has least is next, as long as it is an agent in use.
    fn order(&mut self, cluster: &Cluster, agent: u32, seekers: &mut Vec<u32>) {
        if cluster.agent(agent).is_some_and(|agent| agent.is_empty()) {
            seekers.retain(|seeker| !self.served.contains(seeker));
        }
        let share = |seeker: &u32| cluster.seeker_share(*seeker);
        seekers.sort_by(|one, other| share(one).total_cmp(&share(other)).then(one.cmp(other)));
    }

    fn granted(&mut self, _: &Cluster, _agent: u32, seeker: u32) {
        self.served.insert(seeker);
    }
}

/// How much of an agent is open: the smallest part over its kinds.
fn free(cluster: &Cluster, agent: u32) -> f64 {
    let Some(agent) = cluster.agent(agent) else { return 0.0 };
    let kinds = agent.open.iter().zip(&agent.total).filter(|(_, total)| **total > 0);
    kinds.map(|(open, total)| *open as f64 / *total as f64).fold(1.0, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mezzo_plugin::{
        Grants, Instance,
        facts::{AgentColumns, AgentRow, Masks, SeekerRow},
    };

    /// Agents of 4 CPUs with so much open, and seekers that may have those of their bit.
    fn grants(open: &[i64], masks: &[u64], seekers: u32) -> Grants {
        let agents = 0..open.len() as u32;
        let batch = Batch {
            round: 1,
            resync: true,
            kinds: vec!["cpus".to_owned()],
            seekers: (0..seekers).map(|seeker| SeekerRow { seeker, ..SeekerRow::default() }).collect(),
            agents_added: agents.clone().map(|agent| AgentRow { agent, ..AgentRow::default() }).collect(),
            agents: AgentColumns {
                agent: agents.clone().collect(),
                total: vec![4_000; open.len()],
                open: open.to_vec(),
                revocable: Vec::new(),
            },
            masks: Masks { agent: agents.clone().collect(), words: 1, bits: masks.to_vec() },
            consider: agents.collect(),
            ..Batch::default()
        };
        Instance::<Binpack>::default().step(&batch).expect("right").grants
    }

    #[test]
    fn the_fullest_agent_goes_first_and_the_empty_ones_stay() {
        let grants = grants(&[4_000, 3_000, 1_000, 4_000], &[1; 4], 1);
        assert_eq!(grants.agent, [2, 1]);
    }

    #[test]
    fn an_empty_cluster_gives_one_agent_to_each() {
        let grants = grants(&[4_000; 4], &[0b11; 4], 2);
        assert_eq!((grants.agent, grants.seeker), (vec![0, 1], vec![0, 1]));
    }

    /// The first seeker has declined what is left of the agent in use.
    #[test]
    fn who_cannot_use_what_is_left_gets_an_empty_agent() {
        let grants = grants(&[1_000, 4_000], &[0b10, 0b11], 2);
        assert_eq!((grants.agent, grants.seeker), (vec![0, 1], vec![1, 0]));
    }
}
