//! What an agent offers: what its flags say, completed with what was measured.

use std::collections::BTreeSet;

use mezzo_proto::mesos::v1;

use crate::{Amount, Ranges, Resource, ResourceError, Resources, resource::Distinction, text, wire};

const MB: u64 = 1024 * 1024;
const GB: u64 = 1024 * MB;

/// What the edge measured; absent where it could not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// Processors on line.
    pub cpus_online: Option<u32>,
    /// Memory of the machine.
    pub memory_bytes: Option<u64>,
    /// Capacity of the file system that holds the work directory.
    pub disk_bytes: Option<u64>,
}

/// What `--resources` says: resources, and which names it decides, be it with a zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Given {
    resources: Resources,
    names: BTreeSet<String>,
}

impl Given {
    /// Reads `--resources` in either of its forms: `cpus:4;mem:1024` or a JSON array.
    ///
    /// # Errors
    ///
    /// What is wrong with the text; see [`Given::from_wire`] for the JSON form.
    pub fn parse(text: &str, default_role: &str) -> Result<Given, ResourceError> {
        crate::roles::validate(default_role)?;
        if text.trim_start().starts_with('[') {
            return Given::from_wire(&text::messages_from_json(text)?, default_role);
        }
        Ok(text::parse(text, default_role)?.into_iter().collect())
    }

    /// Takes the decoded JSON form of `--resources`: an array of `Resource`.
    ///
    /// # Errors
    ///
    /// An entry that is not valid, or of a kind that flags cannot make: volumes, revocable
    /// resources, dynamic and refined reservations.
    pub fn from_wire(messages: &[v1::Resource], default_role: &str) -> Result<Given, ResourceError> {
        crate::roles::validate(default_role)?;
        let mut resources = Vec::with_capacity(messages.len());
        for message in messages {
            let Some(mut resource) = wire::from_wire(message, wire::Zero::Kept)? else { continue };
            check_command_line(&resource)?;
            if names_no_role(message) && default_role != crate::roles::DEFAULT {
                let mut apart = resource.distinction.as_deref().cloned().unwrap_or_default();
                apart.reservations.push(text::static_reservation(default_role));
                resource.distinction = Some(std::sync::Arc::new(apart));
            }
            resources.push(resource);
        }
        text::check_types(&resources)?;
        Ok(resources.into_iter().collect())
    }

    /// Completes what is given with what was measured (spec 02 §3).
    ///
    /// Processors: those on line, else 1. Memory: all but 1 GB, or half of less than 2 GB, else 1 GB.
    /// Disk: all but 5 GB, or half of less than 10 GB, else 10 GB. Ports: 31000-32000. A name that is
    /// given, in any role and be it zero, is not detected.
    pub fn complete(&self, measured: &Measured, default_role: &str) -> Resources {
        let detected = [
            Resource::scalar("cpus", Amount::whole(i64::from(measured.cpus_online.unwrap_or(1)))),
            Resource::scalar("mem", all_but(measured.memory_bytes, GB, 2 * GB)),
            Resource::scalar("disk", all_but(measured.disk_bytes.or(Some(15 * GB)), 5 * GB, 10 * GB)),
            Resource::ranges("ports", Ranges::new([(31000, 32000)])),
        ];
        let mut all = self.resources.clone();
        for mut resource in detected {
            if self.names.contains(&*resource.name) {
                continue;
            }
            if default_role != crate::roles::DEFAULT {
                let reservations = vec![text::static_reservation(default_role)];
                let apart = Distinction { reservations, ..Distinction::default() };
                resource.distinction = Some(std::sync::Arc::new(apart));
            }
            all.push(resource);
        }
        all
    }
}

impl FromIterator<Resource> for Given {
    fn from_iter<I: IntoIterator<Item = Resource>>(iter: I) -> Self {
        let mut given = Given::default();
        for resource in iter {
            given.names.insert(resource.name.to_string());
            given.resources.push(resource);
        }
        given
    }
}

/// In whole megabytes; `spare` stays with the machine unless it has less than `small`.
fn all_but(bytes: Option<u64>, spare: u64, small: u64) -> Amount {
    let bytes = match bytes {
        None => GB,
        Some(bytes) if bytes >= small => bytes - spare,
        Some(bytes) => bytes / 2,
    };
    Amount::whole(i64::try_from(bytes / MB).unwrap_or(i64::MAX / 1000))
}

fn check_command_line(resource: &Resource) -> Result<(), ResourceError> {
    if resource.is_persistent_volume() {
        return Err(ResourceError::CommandLineVolume(resource.to_string()));
    }
    if resource.is_revocable() {
        return Err(ResourceError::CommandLineRevocable(resource.to_string()));
    }
    if resource.reservations().iter().any(|reservation| reservation.is_dynamic) {
        return Err(ResourceError::CommandLineReservation(resource.to_string()));
    }
    Ok(())
}

#[allow(deprecated, reason = "the old fields are one of the forms on the wire")]
fn names_no_role(message: &v1::Resource) -> bool {
    message.role.is_none() && message.reservations.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: Measured =
        Measured { cpus_online: Some(8), memory_bytes: Some(16 * GB), disk_bytes: Some(100 * GB) };

    fn offered(flags: &str, role: &str, measured: &Measured) -> String {
        Given::parse(flags, role).unwrap().complete(measured, role).to_string()
    }

    #[test]
    fn an_agent_without_flags_offers_its_machine_but_for_a_spare() {
        assert_eq!(offered("", "*", &MACHINE), "cpus:8; mem:15360; disk:97280; ports:[31000-32000]");
    }

    #[test]
    fn a_small_machine_keeps_half() {
        let small = Measured { cpus_online: Some(1), memory_bytes: Some(GB), disk_bytes: Some(4 * GB) };
        assert_eq!(offered("", "*", &small), "cpus:1; mem:512; disk:2048; ports:[31000-32000]");
    }

    #[test]
    fn what_cannot_be_measured_is_guessed() {
        let nothing = Measured::default();
        assert_eq!(offered("", "*", &nothing), "cpus:1; mem:1024; disk:10240; ports:[31000-32000]");
    }

    #[test]
    fn a_given_name_is_not_detected_even_when_it_is_zero() {
        assert_eq!(
            offered("cpus:2;disk:0;mem(ads):64", "*", &MACHINE),
            "cpus:2; mem(reservations: [(STATIC,ads)]):64; ports:[31000-32000]"
        );
    }

    #[test]
    fn the_default_role_takes_what_names_none() {
        assert_eq!(
            offered("cpus:2;mem(ads):64;disk(*):5;ports:[1-2]", "eng", &MACHINE),
            "cpus(reservations: [(STATIC,eng)]):2; mem(reservations: [(STATIC,ads)]):64; disk:5; \
             ports(reservations: [(STATIC,eng)]):[1-2]"
        );
        assert!(offered("cpus:2", "eng", &MACHINE).contains("mem(reservations: [(STATIC,eng)]):15360"));
    }

    /// The text and the JSON form of one agent.
    #[test]
    fn both_forms_say_the_same() {
        let json = r#"[
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": 24}},
            {"name": "mem", "type": "SCALAR", "scalar": {"value": 24576}},
            {"name": "disk", "type": "SCALAR", "scalar": {"value": 0}},
            {"name": "ports", "type": "RANGES", "ranges": {"range": [
                {"begin": 21000, "end": 24000}, {"begin": 30000, "end": 34000}]}},
            {"name": "bugs", "type": "SET", "set": {"item": ["a", "b", "c"]}, "role": "debug_role"}
        ]"#;
        let text = "cpus:24;mem:24576;disk:0;ports:[21000-24000,30000-34000];bugs(debug_role):{a,b,c}";
        assert_eq!(Given::parse(json, "*").unwrap(), Given::parse(text, "*").unwrap());
        let refused = Given::parse(r#"[{"name": "cpus"}]"#, "*").unwrap_err().to_string();
        assert_eq!(refused, "Failed to parse resources as JSON: Missing required fields: resources[0].type");
    }

    #[test]
    fn flags_make_no_volumes_nor_dynamic_reservations() {
        let refusal = |change: fn(&mut v1::Resource)| {
            let mut message = Resources::parse("disk:5", "*").unwrap().to_wire().remove(0);
            change(&mut message);
            Given::from_wire(&[message], "*").unwrap_err().to_string()
        };
        let volume = refusal(|message| {
            let persistence = v1::resource::disk_info::Persistence { id: "v".into(), principal: None };
            message.disk =
                Some(v1::resource::DiskInfo { persistence: Some(persistence), ..Default::default() });
        });
        assert_eq!(volume, "Persistent volumes cannot be specified at the command line. Resource: disk[v]:5");
        let revocable = refusal(|message| message.revocable = Some(Default::default()));
        assert!(revocable.starts_with("Revocable resources cannot be specified at the command line"));
        #[allow(deprecated, reason = "the old form is what is refused")]
        let dynamic = refusal(|message| {
            message.role = Some("a".into());
            message.reservation = Some(Default::default());
        });
        assert!(dynamic.starts_with("Dynamic reservations cannot be specified at the command line"));
    }
}
