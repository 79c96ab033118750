//! The core's share of `/metrics/snapshot`, under Mesos's names.

use mezzo_proto::mesos::v1::TaskState;

use super::View;
use crate::{executor::Phase as ExecutorPhase, task::Phase};

/// Names and figures, unordered: Mesos's own under `slave/`, ours under `mezzo/agent/`.
pub fn metrics(view: &View) -> Vec<(String, f64)> {
    let mut out = Vec::new();
    let mut put = |name: &str, value: f64| out.push((format!("slave/{name}"), value));
    let ended = |state| view.counters.ended.get(&state).copied().unwrap_or(0) as f64;
    put("uptime_secs", view.now.wall.seconds() - view.started.seconds());
    put("registered", f64::from(u8::from(view.is_registered)));
    if let Some(seconds) = view.recovery_seconds {
        put("recovery_time_secs", seconds);
    }
    put("executor_directory_max_allowed_age_secs", view.config.gc_delay.as_secs_f64());
    put("frameworks_active", view.frameworks.len() as f64);
    let executors = |is_wanted: fn(&ExecutorPhase) -> bool| {
        view.executors.values().filter(|executor| is_wanted(&executor.phase)).count() as f64
    };
    put(
        "executors_running",
        phases(view, |phase| *phase == Phase::Running) + executors(|phase| *phase == ExecutorPhase::Running),
    );
    put(
        "executors_registering",
        phases(view, |phase| *phase == Phase::Launching)
            + executors(|phase| matches!(phase, ExecutorPhase::Launching | ExecutorPhase::Registering)),
    );
    put(
        "executors_terminating",
        phases(view, |phase| matches!(phase, Phase::Ending { .. }))
            + executors(|phase| matches!(phase, ExecutorPhase::Terminating { .. })),
    );
    put("executors_terminated", view.counters.executors_terminated as f64);
    put("container_launch_errors", view.counters.launch_errors as f64);
    put("valid_status_updates", view.counters.updates_made as f64);
    for (name, state) in [
        ("tasks_staging", TaskState::TaskStaging),
        ("tasks_starting", TaskState::TaskStarting),
        ("tasks_running", TaskState::TaskRunning),
        ("tasks_killing", TaskState::TaskKilling),
    ] {
        put(name, view.tasks.values().filter(|task| task.latest_state() == state).count() as f64);
    }
    for (name, state) in [
        ("tasks_finished", TaskState::TaskFinished),
        ("tasks_failed", TaskState::TaskFailed),
        ("tasks_killed", TaskState::TaskKilled),
        ("tasks_lost", TaskState::TaskLost),
        ("tasks_gone", TaskState::TaskGone),
    ] {
        put(name, ended(state));
    }
    for name in ["cpus", "mem", "disk", "gpus"] {
        let (total, used) = (view.total.scalar(name).to_f64(), view.used.scalar(name).to_f64());
        put(&format!("{name}_total"), total);
        put(&format!("{name}_used"), used);
        put(&format!("{name}_percent"), if total > 0.0 { used / total } else { 0.0 });
    }
    out.push(("gc/path_removals_pending".to_owned(), view.sandboxes_kept as f64));
    out.push(("gc/path_removals_succeeded".to_owned(), view.counters.sandboxes_removed as f64));
    let ours = [
        ("tasks_accepted", view.counters.tasks_accepted as f64),
        ("tasks_refused", ended(TaskState::TaskError) + ended(TaskState::TaskDropped)),
        ("updates_sent", view.counters.updates_sent as f64),
        ("checkpoints_failed", view.counters.checkpoints_failed as f64),
    ];
    out.extend(ours.map(|(name, value)| (format!("mezzo/agent/{name}"), value)));
    out
}

fn phases(view: &View, is_wanted: impl Fn(&Phase) -> bool) -> f64 {
    view.tasks.values().filter(|task| task.executor.is_none() && is_wanted(&task.phase)).count() as f64
}
