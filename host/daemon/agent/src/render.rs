//! What a read is answered with: written down where it may take its time.

use bytes::Bytes;
use mezzo_containers::Meter;
use mezzo_core_agent::views::{self, View};
use mezzo_model::calls::{AgentRead, Encoding, Refusal};
use mezzo_proto::{Message, json, mesos::v1::agent::Response};

/// The body that `read` is answered with. Containers are measured here.
pub(crate) fn rendered(
    read: &AgentRead,
    view: &View,
    encoding: Encoding,
    meter: &Meter,
) -> Result<Bytes, Refusal> {
    let containers = || views::containers(view, |container, pid| meter.statistics(container, pid));
    Ok(match read {
        AgentRead::State => views::state(view).to_string().into(),
        AgentRead::AttachedPaths => views::attached_paths(view).to_string().into(),
        AgentRead::Containers(wanted) => {
            views::containers_json(&containers(), wanted.as_deref()).to_string().into()
        }
        AgentRead::MonitorStatistics => views::monitor_statistics(&containers()).to_string().into(),
        AgentRead::GetContainers => encoded(&views::get_containers(containers()), encoding),
        other => match views::respond(view, other) {
            Some(response) => encoded(&response, encoding),
            None => return Err(Refusal::not_implemented("This read has no view")),
        },
    })
}

fn encoded(response: &Response, encoding: Encoding) -> Bytes {
    match encoding {
        Encoding::Protobuf => response.encode_to_vec().into(),
        Encoding::Json => {
            let text = json::to_json(response);
            match serde_json::from_slice(&text) {
                Ok(mut value) => {
                    views::fill_lists(&mut value);
                    value.to_string().into()
                }
                // Our own text is JSON; if it were not, it would be no better for being withheld.
                Err(_) => text.into(),
            }
        }
    }
}
