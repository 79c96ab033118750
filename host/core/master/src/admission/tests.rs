use super::*;

const AGENT: &str = "m-S0";

fn scalar(name: &str, value: f64) -> v1::Resource {
    v1::Resource {
        name: name.to_owned(),
        r#type: v1::value::Type::Scalar as i32,
        scalar: Some(v1::value::Scalar { value }),
        ..Default::default()
    }
}

fn task() -> v1::TaskInfo {
    v1::TaskInfo {
        name: "t".to_owned(),
        task_id: v1::TaskId { value: "t".to_owned() },
        agent_id: v1::AgentId { value: AGENT.to_owned() },
        resources: vec![scalar("cpus", 0.5), scalar("mem", 32.0)],
        command: Some(v1::CommandInfo { value: Some("true".to_owned()), ..Default::default() }),
        ..Default::default()
    }
}

fn admitted(task: &v1::TaskInfo) -> Result<Admitted, String> {
    let left = Resources::parse("ports:[31000-32000];cpus:8;mem:4096;disk:8192", "*").expect("resources");
    let place = Place {
        agent: &AGENT.into(),
        framework: &"f1".into(),
        executor: None,
        role: "dev",
        left: &left,
        has_limits: true,
        is_listed: false,
        is_unreachable: false,
    };
    admit(task, &place)
}

fn refused(change: impl FnOnce(&mut v1::TaskInfo)) -> String {
    let mut changed = task();
    change(&mut changed);
    admitted(&changed).expect_err("refused")
}

fn accepted(change: impl FnOnce(&mut v1::TaskInfo)) {
    let mut changed = task();
    change(&mut changed);
    admitted(&changed).expect("admitted");
}

/// The texts are those of a recorded master: clients show them to people.
#[test]
fn mesoss_refusals_in_mesoss_words() {
    assert_eq!(refused(|task| task.task_id.value.clear()), "ID must not be empty");
    assert_eq!(refused(|task| task.task_id.value = "a/b".to_owned()), "'a/b' contains invalid characters");
    assert_eq!(
        refused(|task| task.agent_id.value = "nosuch-S0".to_owned()),
        "Task uses invalid agent nosuch-S0 while agent m-S0 is expected"
    );
    assert_eq!(refused(|task| task.resources.clear()), "Task uses no resources");
    assert_eq!(
        refused(|task| task.command = None),
        "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present"
    );
    assert_eq!(
        refused(|task| task.executor = Some(v1::ExecutorInfo::default())),
        "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present"
    );
    assert_eq!(
        refused(|task| {
            let allocation_info = Some(v1::resource::AllocationInfo { role: Some("dev".to_owned()) });
            task.resources[0] = v1::Resource { allocation_info, ..scalar("cpus", -1.0) };
        }),
        "Resource 'cpus(allocated: dev):-1' is invalid: Invalid scalar resource: value <= 0"
    );
    assert_eq!(
        refused(|task| task.resources[0] = scalar("cpus", 100.0)),
        "Total resources cpus(allocated: dev):100; mem(allocated: dev):32 required by task and its executor \
         is more than available ports(allocated: dev):[31000-32000]; cpus(allocated: dev):8; \
         mem(allocated: dev):4096; disk(allocated: dev):8192"
    );
}

#[test]
fn resources_of_another_role_are_not_there() {
    let refusal = refused(|task| {
        for resource in &mut task.resources {
            resource.allocation_info = Some(v1::resource::AllocationInfo { role: Some("other".to_owned()) });
        }
    });
    assert!(refusal.starts_with("Total resources cpus(allocated: other):0.5; mem"), "{refusal}");
}

#[test]
fn what_a_task_uses_is_not_left() {
    let admitted = admitted(&task()).expect("admitted");
    assert_eq!(admitted.resources, Resources::parse("cpus:0.5;mem:32", "*").expect("resources"));
    let left = "ports:[31000-32000];cpus:7.5;mem:4064;disk:8192";
    assert_eq!(admitted.left, Resources::parse(left, "*").expect("resources"));
}

/// Seen on a real master: nothing of a kind is no complaint.
#[test]
fn a_resource_of_zero_is_ignored() {
    accepted(|task| task.resources.push(scalar("gpus", 0.0)));
}

#[test]
fn times_are_not_negative() {
    let back = Some(v1::DurationInfo { nanoseconds: -1 });
    let policy = Some(v1::KillPolicy { grace_period: back });
    assert!(refused(|task| task.kill_policy = policy).contains("kill_policy.grace_period"));
    assert!(refused(|task| task.max_completion_time = back).contains("max_completion_time"));
    accepted(|task| task.max_completion_time = Some(v1::DurationInfo { nanoseconds: 0 }));
}

#[test]
fn an_environment_says_what_each_variable_is() {
    use v1::environment::variable::Type;
    let variable = |kind: Type, value: Option<&'static str>| {
        move |task: &mut v1::TaskInfo| {
            let variable = v1::environment::Variable {
                name: "X".to_owned(),
                r#type: Some(kind as i32),
                value: value.map(str::to_owned),
                secret: None,
            };
            let environment = v1::Environment { variables: vec![variable] };
            task.command.as_mut().expect("a command").environment = Some(environment);
        }
    };
    accepted(variable(Type::Value, Some("")));
    assert_eq!(
        refused(variable(Type::Value, None)),
        "Task's `CommandInfo` is invalid: Environment variable 'X' of type 'VALUE' must have a value set"
    );
    assert_eq!(
        refused(variable(Type::Unknown, Some(""))),
        "Task's `CommandInfo` is invalid: Environment variable of type 'UNKNOWN' is not allowed"
    );
    assert_eq!(
        refused(variable(Type::Secret, None)),
        "Task's `CommandInfo` is invalid: Environment variable 'X' of type 'SECRET' must have a secret set"
    );
    let secret = |task: &mut v1::TaskInfo| {
        variable(Type::Secret, None)(task);
        let environment = task.command.as_mut().and_then(|command| command.environment.as_mut());
        environment.expect("it was just set").variables[0].secret = Some(v1::Secret::default());
    };
    assert!(refused(secret).contains("not supported"));
}

/// Recorded from a real master.
#[test]
fn resources_are_of_one_role_and_gpus_are_whole() {
    assert_eq!(
        refused(|task| {
            let allocation_info = Some(v1::resource::AllocationInfo { role: Some("other".to_owned()) });
            task.resources[0] = v1::Resource { allocation_info, ..scalar("cpus", 0.5) };
        }),
        "Invalid task resources: The resources have multiple allocation roles ('dev' and 'other') but only one \
         allocation role is allowed"
    );
    assert_eq!(
        refused(|task| task.resources.push(scalar("gpus", 0.5))),
        "Task uses invalid resources: Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer"
    );
}

#[test]
fn limits_are_of_cpus_and_mem_and_not_below_the_request() {
    let limit = |name: &str, value: f64| {
        let name = name.to_owned();
        move |task: &mut v1::TaskInfo| {
            task.limits.insert(name, v1::value::Scalar { value });
        }
    };
    accepted(limit("cpus", f64::INFINITY));
    accepted(limit("mem", 32.0));
    assert_eq!(refused(limit("disk", 1.0)), "Only cpus and mem may be included in a task's resource limits");
    assert_eq!(
        refused(limit("mem", 31.0)),
        "The memory limit must be greater than or equal to the memory request"
    );
    let only_mem = |task: &mut v1::TaskInfo| {
        task.resources.remove(0);
        task.limits.insert("cpus".to_owned(), v1::value::Scalar { value: 1.0 });
    };
    assert_eq!(refused(only_mem), "When a CPU limit is specified, a CPU request must also be specified");
}

/// Half a feature would be worse than none: each is refused by its name.
#[test]
fn what_this_release_cannot_do_is_refused_by_name() {
    let container = |change: fn(&mut v1::ContainerInfo)| {
        move |task: &mut v1::TaskInfo| {
            let mut container =
                v1::ContainerInfo { r#type: v1::container_info::Type::Mesos as i32, ..Default::default() };
            change(&mut container);
            task.container = Some(container);
        }
    };
    let says = |change: fn(&mut v1::ContainerInfo), words: &str| {
        assert_eq!(refused(container(change)), format!("{words} are not supported by this release"));
    };
    says(|container| container.set_type(v1::container_info::Type::Docker), "Docker containers");
    says(
        |c| c.mesos = Some(v1::container_info::MesosInfo { image: Some(v1::Image::default()) }),
        "Container images",
    );
    says(|container| container.volumes.push(v1::Volume::default()), "Volumes");
    says(|container| container.hostname = Some("h".to_owned()), "Host names of containers");
    says(
        |container| {
            let network = v1::NetworkInfo { name: Some("overlay".to_owned()), ..Default::default() };
            container.network_infos.push(network);
        },
        "Container networks",
    );
    says(
        |container| {
            let linux = v1::LinuxInfo { seccomp: Some(v1::SeccompInfo::default()), ..Default::default() };
            container.linux_info = Some(linux);
        },
        "Seccomp profiles",
    );
    says(
        |container| container.rlimit_info = Some(v1::RLimitInfo::default()),
        "POSIX resource limits (rlimits)",
    );
    says(|container| container.tty_info = Some(v1::TtyInfo::default()), "Terminals");
    assert!(
        refused(|task| task.health_check = Some(v1::HealthCheck::default())).starts_with("Health checks")
    );
    assert!(refused(|task| task.check = Some(v1::CheckInfo::default())).starts_with("Checks"));
    assert_eq!(
        refused(container(|container| {
            let linux = v1::LinuxInfo { share_cgroups: Some(false), ..Default::default() };
            container.linux_info = Some(linux);
        })),
        "Only tasks in a task group may have 'share_cgroups' set to 'false'"
    );
}

/// Some clients describe a container of the host's own network: every task has that.
#[test]
fn a_plain_mesos_container_is_what_every_task_gets() {
    accepted(|task| {
        task.container = Some(v1::ContainerInfo {
            r#type: v1::container_info::Type::Mesos as i32,
            network_infos: vec![v1::NetworkInfo::default()],
            ..Default::default()
        });
    });
}
