//! What the guest can be told to do.

/// One way to misbehave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Grants each agent of the batch to the first seeker that may have it.
    Honest,
    /// Panics.
    Trap,
    /// Never returns.
    Loop,
    /// Grants slots that nobody has.
    Ghost,
    /// Takes memory until there is none.
    Memory,
    /// Calls itself until the stack ends.
    Recurse,
    /// Answers with hundreds of megabytes.
    Huge,
    /// Answers with columns of different lengths.
    Ragged,
    /// Ends the process.
    Exit,
    /// Waits for an hour.
    Sleep,
    /// Writes thousands of lines to its log and prints thousands more.
    Flood,
    /// Answers with an error.
    GiveUp,
    /// Answers an old round.
    WrongRound,
    /// Grants a seeker that its mask excludes.
    Uninvited,
    /// Gives clock and random numbers away as its next wake-up.
    Tell,
}

impl Deed {
    /// By the name that the settings use.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "honest" => Self::Honest,
            "trap" => Self::Trap,
            "loop" => Self::Loop,
            "ghost" => Self::Ghost,
            "memory" => Self::Memory,
            "recurse" => Self::Recurse,
            "huge" => Self::Huge,
            "ragged" => Self::Ragged,
            "exit" => Self::Exit,
            "sleep" => Self::Sleep,
            "flood" => Self::Flood,
            "give-up" => Self::GiveUp,
            "wrong-round" => Self::WrongRound,
            "uninvited" => Self::Uninvited,
            "tell" => Self::Tell,
            _ => return None,
        })
    }
}

/// What to do when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// Four honest rounds, a trap, a loop, ghosts.
    Crescendo,
    /// One deed from a round on.
    From(Deed, u64),
}

impl Script {
    /// Reads the settings; so few that no parser of JSON is worth its size.
    pub fn parse(json: &str) -> Result<Self, String> {
        let json: String = json.chars().filter(|letter| !letter.is_whitespace()).collect();
        let inner = json.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let inner = inner.ok_or_else(|| format!("expected an object, found `{json}`"))?;
        if inner.is_empty() {
            return Ok(Self::Crescendo);
        }
        let (mut deed, mut from) = (Deed::Honest, 0);
        for pair in inner.split(',') {
            match pair.split_once(':') {
                Some(("\"do\"", name)) => {
                    let name = name.trim_matches('"');
                    deed = Deed::named(name).ok_or_else(|| format!("no deed is called `{name}`"))?;
                }
                Some(("\"from\"", round)) => {
                    from = round.parse().map_err(|_| format!("`{round}` is not a round"))?;
                }
                Some(_) | None => return Err(format!("unknown setting `{pair}`")),
            }
        }
        Ok(Self::From(deed, from))
    }

    /// What to do in a round.
    pub fn deed(self, round: u64) -> Deed {
        match self {
            Self::Crescendo if round < 5 => Deed::Honest,
            Self::Crescendo if round == 5 => Deed::Trap,
            Self::Crescendo if round == 6 => Deed::Loop,
            Self::Crescendo => Deed::Ghost,
            Self::From(deed, from) if round >= from => deed,
            Self::From(..) => Deed::Honest,
        }
    }
}

/// Grants each agent in `agents` to the first seeker in its mask: rows of `masks` that belong to other
/// agents are skipped.
pub fn honest(agents: &[u32], mask_agents: &[u32], words: usize, bits: &[u64]) -> (Vec<u32>, Vec<u32>) {
    let rows = mask_agents.iter().zip(bits.chunks_exact(words.max(1)));
    let first = rows.filter(|(agent, _)| agents.contains(agent)).filter_map(|(agent, row)| {
        let word = row.iter().position(|word| *word != 0)?;
        Some((*agent, word as u32 * 64 + row[word].trailing_zeros()))
    });
    first.unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_settings_it_gets_worse_and_worse() {
        let script = Script::parse(" { } ").expect("an empty object");
        let deeds: Vec<Deed> = (1..=8).map(|round| script.deed(round)).collect();
        use Deed::{Ghost, Honest, Loop, Trap};
        assert_eq!(deeds, [Honest, Honest, Honest, Honest, Trap, Loop, Ghost, Ghost]);
    }

    #[test]
    fn one_deed_begins_at_its_round() {
        let script = Script::parse(r#"{"do": "memory", "from": 3}"#).expect("known settings");
        assert_eq!(script.deed(2), Deed::Honest);
        assert_eq!(script.deed(3), Deed::Memory);
    }

    #[test]
    fn unknown_settings_are_refused() {
        for json in ["", "[]", r#"{"do":"nothing"}"#, r#"{"from":"x"}"#, r#"{"speed":1}"#] {
            assert!(Script::parse(json).is_err(), "{json}");
        }
    }

    #[test]
    fn honest_grants_go_to_the_first_bit_of_each_mask() {
        let bits = [0, 0b100, 0b1000, 0, 0, 0];
        assert_eq!(honest(&[1, 3], &[1, 2, 3], 2, &bits), (vec![1], vec![66]));
    }
}
