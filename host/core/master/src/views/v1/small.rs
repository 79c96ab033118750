//! Answers that are short however large the cluster is.

use mezzo_model::{
    calls::{Encoding, MasterRead},
    operation::Operation,
};
use mezzo_proto::{
    Message, json,
    mesos::v1::{
        self, Role, maintenance,
        master::{Response, response},
        value,
    },
};

use crate::views::{
    View,
    roles::{self, quota_status, weights},
};

/// The answer to `read`, encoded; nothing for a read of an older endpoint.
pub(super) fn answer(view: &View, read: &MasterRead, encoding: Encoding) -> Option<Vec<u8>> {
    let response = response(view, read)?;
    Some(match encoding {
        Encoding::Json => json::to_json(&response),
        Encoding::Protobuf => response.encode_to_vec(),
    })
}

/// Maintenance is of a later release: there is none.
fn response(view: &View, read: &MasterRead) -> Option<Response> {
    use response::Type;
    let of = |kind: Type| Response { r#type: Some(kind as i32), ..Default::default() };
    Some(match read {
        MasterRead::GetOperations => {
            let operations = view.operations.values().map(Operation::to_wire).collect();
            let part = response::GetOperations { operations };
            Response { get_operations: Some(part), ..of(Type::GetOperations) }
        }
        MasterRead::GetRoles => Response { get_roles: Some(get_roles(view)), ..of(Type::GetRoles) },
        // Without weights Mesos leaves the part out.
        MasterRead::GetWeights => {
            let weight_infos = weights(view);
            let is_any = !weight_infos.is_empty();
            let get_weights = is_any.then_some(response::GetWeights { weight_infos });
            Response { get_weights, ..of(Type::GetWeights) }
        }
        MasterRead::GetMaster => Response {
            get_master: Some(response::GetMaster {
                master_info: Some(view.config.master_info()),
                start_time: Some(view.config.start_time_seconds),
                elected_time: Some(view.config.start_time_seconds),
            }),
            ..of(Type::GetMaster)
        },
        MasterRead::GetQuota => Response {
            get_quota: Some(response::GetQuota { status: quota_status(view) }),
            ..of(Type::GetQuota)
        },
        MasterRead::GetMaintenanceStatus => Response {
            get_maintenance_status: Some(response::GetMaintenanceStatus {
                status: maintenance::ClusterStatus::default(),
            }),
            ..of(Type::GetMaintenanceStatus)
        },
        MasterRead::GetMaintenanceSchedule => Response {
            get_maintenance_schedule: Some(response::GetMaintenanceSchedule {
                schedule: maintenance::Schedule::default(),
            }),
            ..of(Type::GetMaintenanceSchedule)
        },
        _ => return None,
    })
}

fn get_roles(view: &View) -> response::GetRoles {
    let roles = roles::known(view).into_iter().map(|(name, role)| {
        let held = role.held().into_iter().map(|(name, amount)| v1::Resource {
            name,
            r#type: value::Type::Scalar as i32,
            scalar: Some(value::Scalar { value: amount }),
            ..Default::default()
        });
        Role {
            name,
            weight: role.weight,
            frameworks: role.frameworks.iter().map(Into::into).collect(),
            resources: held.collect(),
        }
    });
    response::GetRoles { roles: roles.collect() }
}
