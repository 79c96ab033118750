//! What is said of a container that hit a limit.

use mezzo_cgroups::MemoryUsage;
use mezzo_model::container::Limitation;
use mezzo_proto::mesos::v1;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;

/// The words and the reason of the API that people grep for.
pub(crate) fn of_memory(what: &MemoryUsage) -> Limitation {
    let message = format!(
        "Memory limit exceeded: Requested: {} Maximum Used: {}\n\nMEMORY STATISTICS: \n{}\n",
        bytes(what.limit_bytes),
        bytes(what.used_bytes_max),
        what.statistics
    );
    Limitation {
        reason: v1::task_status::Reason::ContainerLimitationMemory,
        message,
        resources: vec![v1::Resource {
            name: "mem".to_owned(),
            r#type: v1::value::Type::Scalar.into(),
            scalar: Some(v1::value::Scalar { value: (what.used_bytes_max / MIB) as f64 }),
            ..v1::Resource::default()
        }],
    }
}

/// In the largest unit that divides it.
fn bytes(count: u64) -> String {
    let unit = [(TIB, "TB"), (GIB, "GB"), (MIB, "MB"), (KIB, "KB")];
    match unit.iter().find(|(size, _)| count > 0 && count.is_multiple_of(*size)) {
        Some((size, name)) => format!("{}{name}", count / size),
        None => format!("{count}B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_has_the_words_and_the_statistics() {
        let what =
            MemoryUsage { limit_bytes: 32 * MIB, used_bytes_max: 33 * MIB, statistics: "rss 1\n".to_owned() };
        let said = of_memory(&what);
        let expected =
            "Memory limit exceeded: Requested: 32MB Maximum Used: 33MB\n\nMEMORY STATISTICS: \nrss 1\n\n";
        assert_eq!(said.message, expected);
        assert_eq!(said.resources[0].scalar.unwrap().value, 33.0);
    }

    #[test]
    fn bytes_have_the_unit_that_loses_nothing() {
        assert_eq!([0, 1, KIB, MIB + KIB, 3 * GIB].map(bytes), ["0B", "1B", "1KB", "1025KB", "3GB"]);
    }
}
