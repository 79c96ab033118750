//! Quotas: guarantees first, never beyond a limit, and never what others are still guaranteed.
//!
//! All amounts are one per kind. What roles consume is the host's word, and what the present step
//! gives is counted on top of it; the host sends a role's row again when its consumption has changed.

use std::collections::BTreeMap;

use crate::facts::RoleRow;

/// The quotas of roles at the top, by the role's slot.
#[derive(Clone, Debug, Default)]
pub struct Quotas {
    by_role: BTreeMap<u32, Quota>,
}

#[derive(Clone, Debug, Default)]
struct Quota {
    guarantee: Vec<i64>,
    /// Negative for none.
    limit: Vec<i64>,
    consumed: Vec<i64>,
}

impl Quota {
    /// What is guaranteed of a kind and not had yet.
    fn unmet(&self, kind: usize) -> i64 {
        (amount(&self.guarantee, kind) - amount(&self.consumed, kind)).max(0)
    }

    /// How much more of a kind the limit allows.
    fn below_limit(&self, kind: usize) -> i64 {
        match self.limit.get(kind) {
            Some(limit) if *limit >= 0 => (limit - amount(&self.consumed, kind)).max(0),
            Some(_) | None => i64::MAX,
        }
    }
}

impl Quotas {
    /// A new or changed role.
    pub fn set_role(&mut self, row: &RoleRow) {
        if row.guarantee.is_empty() && row.limit.is_empty() {
            self.by_role.remove(&row.role);
            return;
        }
        let quota = Quota {
            guarantee: row.guarantee.clone(),
            limit: row.limit.clone(),
            consumed: row.consumed.clone(),
        };
        self.by_role.insert(row.role, quota);
    }

    /// A role that is gone.
    pub fn remove_role(&mut self, role: u32) {
        self.by_role.remove(&role);
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_role.is_empty()
    }
}

/// What may still be given in one step.
#[derive(Debug)]
pub struct Room {
    quotas: Quotas,
    /// What is open in the cluster beyond all that is guaranteed and not had yet.
    surplus: Vec<i64>,
}

impl Room {
    /// The room at the beginning of a step, when so much is open in the whole cluster.
    pub fn new(quotas: &Quotas, open: Vec<i64>) -> Self {
        let mut surplus = open;
        for (kind, left) in surplus.iter_mut().enumerate() {
            let unmet: i64 = quotas.by_role.values().map(|quota| quota.unmet(kind)).sum();
            *left = (*left - unmet).max(0);
        }
        Self { quotas: quotas.clone(), surplus }
    }

    /// Whether some role has less than it is guaranteed.
    pub fn has_unmet(&self) -> bool {
        self.quotas.by_role.keys().any(|role| self.is_unmet(*role))
    }

    /// Whether the role has less than it is guaranteed.
    pub fn is_unmet(&self, top: u32) -> bool {
        let Some(quota) = self.quotas.by_role.get(&top) else { return false };
        (0..quota.guarantee.len()).any(|kind| quota.unmet(kind) > 0)
    }

    /// Whether so much brings the role nearer to what it is guaranteed.
    pub fn is_progress(&self, top: u32, amounts: &[i64]) -> bool {
        let Some(quota) = self.quotas.by_role.get(&top) else { return false };
        amounts.iter().enumerate().any(|(kind, amount)| *amount > 0 && quota.unmet(kind) > 0)
    }

    /// How much of what is open a role at the top, or one below it, may be given.
    pub fn cap(&self, top: u32, open: &[i64]) -> Vec<i64> {
        let quota = self.quotas.by_role.get(&top);
        let of_kind = |(kind, open): (usize, &i64)| {
            let surplus = amount(&self.surplus, kind);
            let most = match quota {
                Some(quota) => quota.below_limit(kind).min(quota.unmet(kind).saturating_add(surplus)),
                None => surplus,
            };
            most.min(*open).max(0)
        };
        open.iter().enumerate().map(of_kind).collect()
    }

    /// Counts what a role at the top, or one below it, was given.
    pub fn give(&mut self, top: u32, amounts: &[i64]) {
        for (kind, given) in amounts.iter().enumerate() {
            let mut beyond = *given;
            if let Some(quota) = self.quotas.by_role.get_mut(&top) {
                beyond -= quota.unmet(kind).min(*given);
                if quota.consumed.len() <= kind {
                    quota.consumed.resize(kind + 1, 0);
                }
                quota.consumed[kind] += given;
            }
            if let Some(surplus) = self.surplus.get_mut(kind) {
                *surplus = (*surplus - beyond).max(0);
            }
        }
    }
}

fn amount(row: &[i64], kind: usize) -> i64 {
    row.get(kind).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quotas(guarantee: &[i64], limit: &[i64], consumed: &[i64]) -> Quotas {
        let mut quotas = Quotas::default();
        quotas.set_role(&RoleRow {
            guarantee: guarantee.to_vec(),
            limit: limit.to_vec(),
            consumed: consumed.to_vec(),
            ..RoleRow::default()
        });
        quotas
    }

    #[test]
    fn what_is_guaranteed_to_one_is_no_room_for_another() {
        let quotas = quotas(&[4], &[-1], &[1]);
        let mut room = Room::new(&quotas, vec![10]);
        assert_eq!(room.cap(1, &[10]), [7]);
        assert_eq!(room.cap(0, &[10]), [10], "its own three, and the surplus");
        assert!(room.has_unmet() && room.is_progress(0, &[1]) && !room.is_progress(0, &[0]));
        room.give(0, &[3]);
        assert!(!room.has_unmet());
        assert_eq!(room.cap(1, &[7]), [7]);
        room.give(1, &[7]);
        assert_eq!(room.cap(1, &[7]), [0]);
    }

    #[test]
    fn a_limit_is_not_passed_and_says_nothing_of_other_kinds() {
        let quotas = quotas(&[0, 0], &[5, -1], &[3, 0]);
        let mut room = Room::new(&quotas, vec![10, 10]);
        assert_eq!(room.cap(0, &[10, 10, 10]), [2, 10, 0], "a kind that is open nowhere has no surplus");
        room.give(0, &[2, 1]);
        assert_eq!(room.cap(0, &[8, 9]), [0, 9]);
    }
}
