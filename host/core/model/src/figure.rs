//! Numbers that a daemon shows: which there are, of what kind, and what they mean.
//!
//! A key is Mesos's, `master/tasks_running`; the parts of it that differ (a framework's id, a
//! role) stand in braces in the key of the declaration. A table of declarations says everything
//! that a reader can know of a number before there is one.

use std::borrow::Cow;

/// What a number does over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows while the process lives.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How long something takes, in milliseconds: the last time, and what the times before say.
    Timer,
}

/// One number, or a family of numbers that differ in the parts in braces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// Mesos's name for it: `master/frameworks/{framework}/{framework_id}/calls`.
    pub key: Cow<'static, str>,
    /// What it does over time.
    pub kind: Kind,
    /// One sentence for people.
    pub help: Cow<'static, str>,
    /// What it is called where names have labels, without the prefix and the unit. Absent: the
    /// key without what stands in braces.
    pub family: Option<&'static str>,
    /// The values that the one part in braces has from the start; each is shown as 0.
    pub from_the_start: &'static [&'static str],
}

/// The numbers of a daemon.
#[derive(Clone, Debug, Default)]
pub struct Declarations(pub Vec<Declared>);

impl Declarations {
    /// Adds a number.
    pub fn one(&mut self, kind: Kind, key: impl Into<Cow<'static, str>>, help: impl Into<Cow<'static, str>>) {
        self.0.push(Declared { key: key.into(), kind, help: help.into(), family: None, from_the_start: &[] });
    }

    /// Adds counters below `prefix`.
    pub fn counters(&mut self, prefix: &str, rows: &[(&'static str, &'static str)]) {
        self.rows(Kind::Counter, prefix, rows);
    }

    /// Adds gauges below `prefix`.
    pub fn gauges(&mut self, prefix: &str, rows: &[(&'static str, &'static str)]) {
        self.rows(Kind::Gauge, prefix, rows);
    }

    /// Adds timers below `prefix`.
    pub fn timers(&mut self, prefix: &str, rows: &[(&'static str, &'static str)]) {
        self.rows(Kind::Timer, prefix, rows);
    }

    /// Adds a family whose key has a part in braces.
    pub fn family(
        &mut self,
        kind: Kind,
        key: impl Into<Cow<'static, str>>,
        family: &'static str,
        help: impl Into<Cow<'static, str>>,
        from_the_start: &'static [&'static str],
    ) {
        self.0.push(Declared {
            key: key.into(),
            kind,
            help: help.into(),
            family: Some(family),
            from_the_start,
        });
    }

    /// Adds what there is, is used, and which part that is, of each resource: under `prefix`.
    pub fn resources(&mut self, prefix: &str) {
        for (name, unit) in
            [("cpus", "CPUs"), ("gpus", "GPUs"), ("mem", "MiB of memory"), ("disk", "MiB of disk")]
        {
            for (kind, of) in [("", ""), ("_revocable", " that may be revoked")] {
                let mut put = |end: &str, help: String| {
                    self.one(Kind::Gauge, format!("{prefix}/{name}{kind}_{end}"), help);
                };
                put("total", format!("{unit}{of}"));
                put("used", format!("{unit}{of} in use"));
                put("percent", format!("part of {unit}{of} in use, 0 to 1"));
            }
        }
    }

    fn rows(&mut self, kind: Kind, prefix: &str, rows: &[(&'static str, &'static str)]) {
        rows.iter().for_each(|(name, help)| self.one(kind, format!("{prefix}/{name}"), *help));
    }
}

impl Declared {
    /// The keys that are shown from the start, at 0; none of a timer.
    pub fn keys_from_the_start(&self) -> Vec<String> {
        match (self.kind, self.key.split_once('{')) {
            (Kind::Timer, _) => Vec::new(),
            (_, None) => vec![self.key.clone().into_owned()],
            (_, Some((before, rest))) => {
                let after = rest.split_once('}').map_or("", |(_, after)| after);
                self.from_the_start.iter().map(|value| format!("{before}{value}{after}")).collect()
            }
        }
    }

    /// What stands in `key` where this declaration has braces; `None` if it is another's.
    pub fn labels<'key>(&self, key: &'key str) -> Option<Vec<(&str, &'key str)>> {
        let mut labels = Vec::new();
        matched(&self.key, key, &mut labels).then_some(labels)
    }
}

/// Whether `key` is what `pattern` says. A part in braces is one part of a path, except a role,
/// which may be a path itself.
fn matched<'pattern, 'key>(
    pattern: &'pattern str,
    key: &'key str,
    labels: &mut Vec<(&'pattern str, &'key str)>,
) -> bool {
    let Some((before, rest)) = pattern.split_once('{') else { return pattern == key };
    let (Some(key), Some((name, after))) = (key.strip_prefix(before), rest.split_once('}')) else {
        return false;
    };
    if name == "role" {
        // No pattern has anything in braces behind a role but one resource: cut at the first
        // place that lets the rest fit.
        return (0..=key.len()).filter(|at| key.is_char_boundary(*at)).any(|at| {
            let known = labels.len();
            labels.push((name, &key[..at]));
            let fits = matched(after, &key[at..], labels);
            if !fits {
                labels.truncate(known);
            }
            fits
        });
    }
    let end = match after.chars().next() {
        None => key.len(),
        Some(next) => match key.find(next) {
            Some(end) => end,
            None => return false,
        },
    };
    let (value, key) = key.split_at(end);
    labels.push((name, value));
    !value.is_empty() && !value.contains('/') && matched(after, key, labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(key: &'static str) -> Declared {
        Declared {
            key: key.into(),
            kind: Kind::Gauge,
            help: "".into(),
            family: None,
            from_the_start: &["create", "reserve"],
        }
    }

    #[test]
    fn what_stands_in_braces_is_found() {
        let calls = declared("master/frameworks/{framework}/{framework_id}/calls/{type}");
        assert_eq!(
            calls.labels("master/frameworks/a%2Fb/F-1/calls/accept"),
            Some(vec![("framework", "a%2Fb"), ("framework_id", "F-1"), ("type", "accept")])
        );
        for other in [
            "master/frameworks/a/F-1/calls",
            "master/frameworks/a/F-1/calls/",
            "master/frameworks/a/b/c/calls/x",
        ] {
            assert_eq!(calls.labels(other), None, "{other}");
        }
    }

    /// Roles are trees: `eng/web` is one role and not two parts of a key.
    #[test]
    fn a_role_may_be_a_path() {
        let share = declared("allocator/mesos/roles/{role}/shares/dominant");
        assert_eq!(
            share.labels("allocator/mesos/roles/eng/web/shares/dominant"),
            Some(vec![("role", "eng/web")])
        );
        let quota = declared("quota/roles/{role}/resources/{resource}/consumed");
        assert_eq!(
            quota.labels("quota/roles//resources/cpus/consumed"),
            Some(vec![("role", ""), ("resource", "cpus")])
        );
        assert_eq!(share.labels("allocator/mesos/roles/x/shares"), None);
    }

    #[test]
    fn families_begin_at_nought_for_what_is_known_of_them() {
        let operations = declared("master/operations/{type}/total");
        assert_eq!(
            operations.keys_from_the_start(),
            ["master/operations/create/total", "master/operations/reserve/total"]
        );
        assert_eq!(declared("master/elected").keys_from_the_start(), ["master/elected"]);
    }
}
