//! Rank before need, and a floor before rank.

use std::collections::BTreeMap;

use mezzo_plugin::{Cluster, Policy};

/// Serves roles in the order of their weights.
#[derive(Debug, Default)]
pub struct Priority {
    /// The part of the cluster that every role comes to before ranks count, 0 to 1.
    floor: f64,
}

impl Policy for Priority {
    const NAME: &'static str = "priority";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");

    fn configure(&mut self, settings: &str) -> Result<(), String> {
        self.floor = floor(settings)?;
        Ok(())
    }

    fn order(&mut self, cluster: &Cluster, _agent: u32, seekers: &mut Vec<u32>) {
        let role = |seeker: u32| cluster.seeker(seeker).map_or(0, |seeker| seeker.role);
        let mut shares: BTreeMap<u32, f64> = BTreeMap::new();
        for seeker in seekers.iter() {
            shares.entry(role(*seeker)).or_insert_with_key(|role| cluster.role_share(*role));
        }
        let rank = |seeker: u32| {
            let role = role(seeker);
            let share = shares.get(&role).copied().unwrap_or(0.0);
            let weight = cluster.role(role).map_or(0, |role| role.weight_milli);
            // Below the floor the poorest role is first, and its weight does not matter.
            match share < self.floor {
                true => (0, share, 0),
                false => (1, 0.0, u32::MAX - weight),
            }
        };
        seekers.sort_by(|one, other| {
            let ((below, share, weight), (other_below, other_share, other_weight)) =
                (rank(*one), rank(*other));
            below
                .cmp(&other_below)
                .then(share.total_cmp(&other_share))
                .then(weight.cmp(&other_weight))
                .then(cluster.seeker_share(*one).total_cmp(&cluster.seeker_share(*other)))
                .then(one.cmp(other))
        });
    }
}

/// Reads the one setting there is; so little that no parser of JSON is worth its size.
fn floor(settings: &str) -> Result<f64, String> {
    let text: String = settings.chars().filter(|letter| !letter.is_whitespace()).collect();
    if text == "{}" {
        return Ok(0.0);
    }
    let number = text.strip_prefix("{\"floor\":").and_then(|rest| rest.strip_suffix('}'));
    let floor =
        number.and_then(|number| number.parse::<f64>().ok()).filter(|floor| (0.0..=1.0).contains(floor));
    floor.ok_or_else(|| {
        format!("expected `{{}}` or `{{\"floor\": F}}` with F from 0 to 1, found `{settings}`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use mezzo_plugin::{
        Batch, Instance,
        facts::{AgentColumns, AgentRow, Flow, Masks, RoleRow, SeekerRow},
    };

    /// Twenty agents of 1 CPU; the first role weighs three times the second; a seeker in each. So many
    /// agents are in use, by the first seeker.
    fn grants(settings: &str, used: i64) -> Vec<u32> {
        let role = |role: u32, weight_milli| RoleRow {
            role,
            name: format!("r{role}"),
            weight_milli,
            ..RoleRow::default()
        };
        let seeker = |seeker: u32| SeekerRow { seeker, role: seeker, ..SeekerRow::default() };
        let batch = Batch {
            round: 1,
            resync: true,
            kinds: vec!["cpus".to_owned()],
            roles: vec![role(0, 3_000), role(1, 1_000)],
            seekers: vec![seeker(0), seeker(1)],
            agents_added: (0..20).map(|agent| AgentRow { agent, ..AgentRow::default() }).collect(),
            agents: AgentColumns {
                agent: (0..20).collect(),
                total: vec![1_000; 20],
                open: (0..20).map(|agent| if agent < used { 0 } else { 1_000 }).collect(),
                revocable: Vec::new(),
            },
            masks: Masks { agent: (0..20).collect(), words: 1, bits: vec![0b11; 20] },
            allocated: Flow { agent: vec![0], seeker: vec![0], amounts: vec![used * 1_000] },
            consider: (0..20).collect(),
            ..Batch::default()
        };
        let mut instance = Instance::<Priority>::default();
        instance.policy.configure(settings).expect("known settings");
        instance.step(&batch).expect("right").grants.seeker
    }

    #[test]
    fn the_higher_rank_has_everything() {
        assert_eq!(grants("{}", 10), vec![0; 10]);
    }

    #[test]
    fn the_floor_comes_before_the_rank() {
        let granted = grants(r#"{"floor": 0.1}"#, 10);
        assert_eq!(granted.iter().filter(|seeker| **seeker == 1).count(), 2, "{granted:?}");
        assert_eq!(granted[..2], [1, 1], "at once");
    }

    #[test]
    fn settings_are_a_part_or_refused_in_words() {
        for bad in [r#"{"floor": 2}"#, r#"{"flor": 0.1}"#, "[]", r#"{"floor": "x"}"#] {
            let error = floor(bad).expect_err(bad);
            assert!(error.contains("with F from 0 to 1") && error.contains(bad), "{error}");
        }
    }
}
