//! Chance decides.

use mezzo_plugin::{Batch, Chance, Cluster, Policy};

/// Gives each agent to a seeker drawn by lot; lots follow from the batch's seed.
#[derive(Debug, Default)]
pub struct Random {
    chance: Chance,
}

impl Policy for Random {
    const NAME: &'static str = "random";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");

    fn begin(&mut self, _: &Cluster, batch: &Batch, order: Vec<u32>) -> Vec<u32> {
        self.chance = Chance::seeded(batch.seed);
        order
    }

    fn order(&mut self, _: &Cluster, _agent: u32, seekers: &mut Vec<u32>) {
        self.chance.shuffle(seekers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mezzo_plugin::{
        Instance,
        facts::{AgentColumns, AgentRow, Masks, SeekerRow},
    };

    /// So many free agents, three seekers that may have each of them.
    fn batch(agents: u32, seed: u64) -> Batch {
        let rows = agents as usize;
        Batch {
            round: 1,
            seed,
            resync: true,
            kinds: vec!["cpus".to_owned()],
            seekers: (0..3).map(|seeker| SeekerRow { seeker, ..SeekerRow::default() }).collect(),
            agents_added: (0..agents).map(|agent| AgentRow { agent, ..AgentRow::default() }).collect(),
            agents: AgentColumns {
                agent: (0..agents).collect(),
                total: vec![4_000; rows],
                open: vec![4_000; rows],
                revocable: Vec::new(),
            },
            masks: Masks { agent: (0..agents).collect(), words: 1, bits: vec![0b111; rows] },
            consider: (0..agents).collect(),
            ..Batch::default()
        }
    }

    #[test]
    fn the_seed_decides_and_nothing_else() {
        let grants = |seed| Instance::<Random>::default().step(&batch(20, seed)).expect("right").grants;
        assert_eq!(grants(5), grants(5));
        assert_ne!(grants(5), grants(6));
    }

    #[test]
    fn everybody_has_about_the_same_chance() {
        let grants = Instance::<Random>::default().step(&batch(3_000, 1)).expect("right").grants;
        for seeker in 0..3 {
            let count = grants.seeker.iter().filter(|granted| **granted == seeker).count();
            assert!((800..1_200).contains(&count), "{count} of 3000");
        }
    }

    #[test]
    fn only_who_may_have_an_agent_is_granted_it() {
        let mut batch = batch(50, 9);
        batch.masks.bits = vec![0b010; 50];
        let grants = Instance::<Random>::default().step(&batch).expect("right").grants;
        assert_eq!(grants.seeker, vec![1; 50]);
    }
}
