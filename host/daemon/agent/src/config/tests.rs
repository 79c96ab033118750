use clap::{Args, Command, FromArgMatches};

use super::*;

/// The flags of a command line, as `mezzo agent` reads them.
fn typed(words: &[&str]) -> Result<RawAgentFlags, String> {
    let command = RawAgentFlags::augment_args(Command::new("agent").no_binary_name(true));
    let matches = command.try_get_matches_from(words).map_err(|error| error.to_string())?;
    RawAgentFlags::from_arg_matches(&matches).map_err(|error| error.to_string())
}

fn config(words: &[&str]) -> Result<Config, String> {
    let words: Vec<_> = [&["--master=127.0.0.1:5050", "--launcher=posix"], words].concat();
    typed(&words)?.into_config().map_err(|error| error.to_string())
}

fn linux(words: &[&str]) -> Result<Config, String> {
    let words: Vec<_> = [&["--master=127.0.0.1:5050", "--launcher=linux"], words].concat();
    typed(&words)?.into_config().map_err(|error| error.to_string())
}

#[test]
fn defaults_are_those_of_the_book() {
    let config = config(&[]).expect("enough");
    assert_eq!(config.listen.to_string(), "127.0.0.1:5051");
    assert_eq!(config.work_dir, Path::new("/var/lib/mezzo/agent"));
    assert_eq!(config.hostname, "localhost");
    assert_eq!(config.gc_delay, Duration::from_secs(7 * 24 * 3600));
    assert_eq!(config.executor_shutdown_grace_period, Duration::from_secs(5));
    assert_eq!(config.base_environment[0].0, "PATH");
    assert!(config.switch_user);
    let linux = linux(&[]).expect("enough");
    let kept_apart = linux.isolation;
    assert!(
        kept_apart.filesystem
            && kept_apart.cpu
            && kept_apart.memory
            && kept_apart.pid_namespace
            && !kept_apart.cfs
    );
    assert_eq!(kept_apart.pids_max, Some(10_000));
}

/// Every flag that is taken changes something that can be seen.
#[test]
fn every_flag_does_something() {
    type Check = fn(&Config) -> bool;
    let checks: &[(&str, Check)] = &[
        ("--ip=127.0.0.2", |c| c.listen.ip().to_string() == "127.0.0.2"),
        ("--port=7", |c| c.listen.port() == 7),
        ("--advertise_ip=10.1.1.1", |c| c.advertise_ip.is_some()),
        ("--advertise_port=9", |c| c.advertise_port == Some(9)),
        ("--hostname=h", |c| c.hostname == "h"),
        ("--hostname_lookup=false", |c| c.hostname == "127.0.0.1"),
        ("--master=file:///x", |c| c.master == MasterAddress::File("/x".into())),
        ("--work_dir=/a/w", |c| c.work_dir == Path::new("/a/w")),
        ("--runtime_dir=/a/r", |c| c.runtime_dir == Path::new("/a/r")),
        ("--resources=cpus:3", |c| c.given.complete(&Default::default(), "*").scalar("cpus").to_f64() == 3.0),
        ("--default_role=r", |c| c.default_role == "r"),
        ("--attributes=rack:r1", |c| c.attributes.first().is_some_and(|a| a.name == "rack")),
        ("--isolation=filesystem/linux", |c| c.isolation.filesystem && !c.isolation.cpu),
        ("--switch_user=false", |c| !c.switch_user),
        ("--no-switch_user", |c| !c.switch_user),
        ("--cgroups_hierarchy=/cg", |c| format!("{:?}", c.launcher).contains("\"/cg\"")),
        ("--cgroups_root=top", |c| format!("{:?}", c.launcher).contains("\"top\"")),
        ("--cgroups_enable_cfs", |c| c.isolation.cfs),
        ("--cgroups_pids_max=5", |c| c.isolation.pids_max == Some(5)),
        ("--cgroups_destroy_timeout=2secs", |c| c.cgroups_destroy_timeout.as_secs() == 2),
        ("--executor_environment_variables={\"A\":\"b\"}", |c| {
            c.base_environment == [("A".into(), "b".into())]
        }),
        ("--max_http_connections=6", |c| c.http.connections_max == 6),
        ("--max_http_request_body=7MB", |c| c.http.body_bytes_max == 7 << 20),
        ("--max_event_stream_backlog=8KB", |c| c.http.stream_bytes_max == 8 << 10),
        ("--http_request_timeout=9secs", |c| c.http.body_timeout.as_secs() == 9),
        ("--http_stall_timeout=10secs", |c| c.http.stall_timeout.as_secs() == 10),
        ("--executor_shutdown_grace_period=9secs", |c| c.executor_shutdown_grace_period.as_secs() == 9),
        ("--frameworks_home=/f", |c| c.frameworks_home.is_some()),
        ("--fetcher_stall_timeout=9secs", |c| c.fetcher_stall_timeout.as_secs() == 9),
        ("--hadoop_home=/h", |c| c.hadoop_home.is_some()),
        ("--fetcher_cache_dir=/c", |c| c.fetcher_cache_dir == Path::new("/c")),
        ("--fetcher_cache_size=3GB", |c| c.fetcher_cache_bytes_max == 3 << 30),
        ("--wall_clock_offset_file=/o", |c| c.wall_clock_offset_file.is_some()),
        ("--gc_delay=9secs", |c| c.gc_delay.as_secs() == 9),
        ("--registration_backoff_factor=9secs", |c| c.backoff.as_secs() == 9),
        ("--recover=cleanup", |c| c.recover == Recover::Cleanup),
        ("--log_dir=/l", |c| c.log.directory.is_some()),
        ("--logging_level=ERROR", |c| c.log.level == Level::Error),
        ("--quiet", |c| c.log.is_quiet),
    ];
    let before = linux(&[]).expect("enough");
    for (flag, is_there) in checks {
        assert!(!is_there(&before), "{flag} is there without it");
        let words = [*flag];
        let without_master = ["--launcher=linux", flag];
        let after = if flag.starts_with("--master") {
            typed(&without_master).and_then(|flags| flags.into_config().map_err(|error| error.to_string()))
        } else {
            linux(&words)
        };
        assert!(is_there(&after.expect(flag)), "{flag}");
        let dashed = flag.split_once('=').map_or_else(
            || flag.replace('_', "-"),
            |(name, value)| format!("{}={value}", name.replace('_', "-")),
        );
        assert!(typed(&[dashed.as_str()]).is_ok(), "{dashed}");
    }
}

#[test]
fn what_is_not_implemented_is_refused_by_name() {
    for (words, expected) in [
        (&["--docker=docker"][..], "`--docker` is not implemented: the docker containerizer"),
        (&["--acls={}"], "`--acls` is not implemented: authentication"),
        (&["--fetcher-cache-size=much"], "`--fetcher_cache_size` cannot be that"),
        (&["--no-strict"], "`--strict` is not implemented"),
        (&["--containerizers=mesos,docker"], "only `mesos` is there"),
        (&["--reconfiguration_policy=additive"], "only `equal` is there"),
        (&["--isolation=disk/du"], "the isolator `disk/du` is not implemented yet"),
        (&["--isolation=none"], "Unknown or unsupported isolator: none"),
        (&["--isolation=cgroups/cpu"], "the isolator `cgroups/cpu` needs --launcher=linux"),
        (&["--cgroups_root=x"], "it does nothing with --launcher=posix"),
        (&["--cgroups_pids_max=4"], "it does nothing without the isolator `cgroups/pids`"),
        (&["--recover=maybe"], "neither reconnect nor cleanup"),
        (&["--gc_delay=soon"], "`soon` is not a duration"),
        (&["--resources=cpus:x"], "`--resources` cannot be that"),
        (&["--attributes=rack"], "`--attributes` cannot be that"),
        (&["--executor_environment_variables=[]"], "not a JSON object"),
    ] {
        let error = config(words).expect_err(words[0]);
        assert!(error.contains(expected), "{words:?}: {error}");
    }
    let error = linux(&["--isolation=filesystem/linux,filesystem/posix"]).expect_err("two");
    assert!(error.contains("exactly one filesystem"), "{error}");
    let error = typed(&["--workdir=/x"]).expect_err("unknown");
    assert!(error.contains("--work_dir") || error.contains("--work-dir"), "a suggestion: {error}");
}

#[test]
fn masters_are_named_by_address() {
    for (text, expected) in
        [("h:1", "h:1"), ("h", "h:5050"), ("[::1]:5050", "[::1]:5050"), ("10.0.0.1:80", "10.0.0.1:80")]
    {
        assert_eq!(address_of(text).as_deref(), Ok(expected));
    }
    for text in ["", ":5050", "h:x", "h:0", "::1", "http://h:1/", "zk://h:2181/mesos", "a@b"] {
        assert!(address_of(text).is_err(), "{text}");
    }
    let error = typed(&[]).expect("words").into_config().expect_err("no master").to_string();
    assert!(error.contains("HOST:PORT"), "{error}");
}

#[test]
fn environment_is_outweighed_by_the_command_line() {
    let variables = [("MESOS_PORT", "1"), ("MEZZO_PORT", "2"), ("MESOS_IP", "127.0.0.3"), ("HOME", "/root")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let flags = typed(&["--master=h:1"]).expect("words").with_environment(variables.clone()).expect("fine");
    assert_eq!((flags.port, flags.ip.map(|ip| ip.to_string())), (Some(2), Some("127.0.0.3".to_owned())));
    let flags = typed(&["--port=3"]).expect("words").with_environment(variables).expect("fine");
    assert_eq!(flags.port, Some(3));
    let refused = typed(&[]).expect("words").with_environment([("MESOS_ACLS".to_owned(), "x".to_owned())]);
    assert!(refused.expect_err("refused").to_string().contains("`MESOS_ACLS` is not implemented"));
}

#[test]
fn a_file_may_hold_what_is_json_elsewhere() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("agent.toml");
    let text = "master = 'h:1'\nresources = [{ name = 'cpus', type = 'SCALAR', scalar = { value = 2.5 } }]\n";
    std::fs::write(&file, text).expect("a file");
    let flags = typed(&[&format!("--config={}", file.display())]).expect("words");
    let config = flags.with_environment([]).expect("flags").into_config().expect("fine");
    assert_eq!(config.given.complete(&Default::default(), "*").scalar("cpus").to_f64(), 2.5);
}

#[test]
fn resources_may_be_json() {
    let text = r#"[{"name":"cpus","type":"SCALAR","scalar":{"value":2.5}}]"#;
    let flag = format!("--resources={text}");
    let config = config(&[&flag]).expect("fine");
    assert_eq!(config.given.complete(&Default::default(), "*").scalar("cpus").to_f64(), 2.5);
}
