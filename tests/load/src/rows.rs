//! What a benchmark says: one figure, what it stands beside, and what it should be.

use serde::Serialize;

/// One figure.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What was measured, with its sizes.
    pub name: String,
    /// The figure.
    pub figure: f64,
    /// Its unit.
    pub unit: &'static str,
    /// The same of something else, in the same unit.
    pub beside: Option<f64>,
    /// What that is.
    pub beside_name: Option<String>,
    /// What the figure may be at most, or must be at least.
    pub target: Option<f64>,
    /// Whether it is; unknown when there is no target, or when the machine was too noisy or the run too
    /// small to judge.
    pub met: Option<bool>,
    /// The target is the least rather than the most.
    #[serde(skip)]
    pub is_floor: bool,
}

impl Row {
    /// A figure on its own.
    pub fn new(name: impl Into<String>, figure: f64, unit: &'static str) -> Self {
        Self {
            name: name.into(),
            figure,
            unit,
            beside: None,
            beside_name: None,
            target: None,
            met: None,
            is_floor: false,
        }
    }

    /// Puts another figure beside it.
    pub fn beside(mut self, figure: f64, name: impl Into<String>) -> Self {
        self.beside = Some(figure);
        self.beside_name = Some(name.into());
        self
    }

    /// Judges it. A target that was reached was reached, noise or not.
    pub fn at_most(mut self, target: f64, is_noisy: bool) -> Self {
        self.target = Some(target);
        self.met = if self.figure <= target { Some(true) } else { (!is_noisy).then_some(false) };
        self
    }

    /// Judges a figure that is the better the greater it is.
    pub fn at_least(mut self, target: f64, is_noisy: bool) -> Self {
        self.is_floor = true;
        self.target = Some(target);
        self.met = if self.figure >= target { Some(true) } else { (!is_noisy).then_some(false) };
        self
    }

    /// The figure of a run that is too small to judge.
    pub fn not_judged(self) -> Self {
        Self { met: None, ..self }
    }

    /// Prints it for programs or for people.
    pub fn print(&self, is_json: bool) {
        if is_json {
            println!("{}", serde_json::json!(self));
            return;
        }
        let mut line = format!("{:<72} {:>10.3} {}", self.name, self.figure, self.unit);
        if let (Some(beside), Some(name)) = (self.beside, &self.beside_name) {
            line += &format!("   ({name}: {beside:.3})");
        }
        if let Some(target) = self.target {
            let verdict = match self.met {
                Some(true) => "met",
                Some(false) => "MISSED",
                None => "not judged",
            };
            let bound = if self.is_floor { "at least" } else { "at most" };
            line += &format!("   {bound} {target:.3}: {verdict}");
        }
        println!("{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_excuses_a_miss_and_spoils_no_success() {
        let row = Row::new("x", 5.0, "ms");
        assert_eq!(row.clone().at_most(4.0, true).met, None);
        assert_eq!(row.clone().at_most(4.0, false).met, Some(false));
        assert_eq!(row.clone().at_most(5.0, true).met, Some(true));
        assert_eq!(row.clone().at_least(6.0, true).met, None);
        assert_eq!(row.clone().at_least(6.0, false).met, Some(false));
        assert_eq!(row.at_least(5.0, true).met, Some(true));
    }
}
