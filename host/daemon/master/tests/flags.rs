//! Every flag of the master: what it changes, or why it is refused.

use std::{collections::BTreeSet, path::Path, time::Duration};

use clap::{Args, CommandFactory, FromArgMatches, Parser};
use mezzo_master::{Allocator, Config, FlagError, RawMasterFlags, RegistryKind};
use mezzo_telemetry::Level;

#[derive(Parser)]
#[command(no_binary_name = true)]
struct Line {
    #[command(flatten)]
    flags: RawMasterFlags,
}

fn parsed(words: &[&str]) -> Config {
    try_parsed(words).unwrap_or_else(|error| panic!("{words:?}: {error}"))
}

fn try_parsed(words: &[&str]) -> Result<Config, String> {
    let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
    line.flags.into_config().map_err(|error| error.to_string())
}

fn with_environment(words: &[&str], variables: &[(&str, &str)]) -> Result<Config, FlagError> {
    let flags = Line::try_parse_from(words).expect("words").flags;
    let variables = variables.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    flags.with_environment(variables)?.into_config()
}

/// Each flag with a value, and what is different then.
#[allow(clippy::type_complexity, reason = "a table")]
const CHANGES: &[(&str, &str, fn(&Config) -> bool)] = &[
    ("ip", "127.0.0.2", |config| config.listen.ip().to_string() == "127.0.0.2"),
    ("port", "0", |config| config.listen.port() == 0),
    ("advertise_ip", "10.0.0.1", |config| config.advertise_ip.is_some_and(|ip| ip.to_string() == "10.0.0.1")),
    ("advertise_port", "80", |config| config.advertise_port == Some(80)),
    ("hostname", "h", |config| config.hostname == "h"),
    ("hostname_lookup", "false", |config| config.hostname == "127.0.0.1"),
    ("work_dir", "/w", |config| config.work_dir == Path::new("/w")),
    ("registry", "in_memory", |config| config.registry == RegistryKind::Memory),
    ("cluster", "c", |config| config.core.cluster.as_deref() == Some("c")),
    ("allocator", "a.wasm", |config| config.allocator == Allocator::File("a.wasm".into())),
    ("allocation_interval", "500ms", |config| config.core.allocation_interval == Duration::from_millis(500)),
    ("offer_timeout", "1mins", |config| config.core.offer_timeout == Some(Duration::from_secs(60))),
    ("agent_ping_timeout", "1secs", |config| config.core.agent_ping_timeout == Duration::from_secs(1)),
    ("max_agent_ping_timeouts", "2", |config| config.core.max_agent_ping_timeouts == 2),
    ("agent_reregister_timeout", "20mins", |config| {
        config.core.agent_reregister_timeout == Duration::from_secs(1200)
    }),
    ("root_submissions", "false", |config| !config.core.root_submissions),
    ("no-root_submissions", "", |config| !config.core.root_submissions),
    ("max_completed_frameworks", "1", |config| config.core.max_completed_frameworks == 1),
    ("max_completed_tasks_per_framework", "2", |config| config.core.max_completed_tasks_per_framework == 2),
    ("max_unreachable_tasks_per_framework", "3", |config| {
        config.core.max_unreachable_tasks_per_framework == 3
    }),
    ("max_operator_event_stream_subscribers", "5", |config| {
        config.core.max_operator_event_stream_subscribers == 5
    }),
    ("max_http_connections", "6", |config| config.http.connections_max == 6),
    ("max_http_request_body", "7MB", |config| config.http.body_bytes_max == 7 << 20),
    ("max_event_stream_backlog", "8KB", |config| config.http.stream_bytes_max == 8 << 10),
    ("http_request_timeout", "9secs", |config| {
        config.http.head_timeout == Duration::from_secs(9)
            && config.http.body_timeout == config.http.head_timeout
    }),
    ("http_stall_timeout", "10secs", |config| config.http.stall_timeout == Duration::from_secs(10)),
    ("registry_gc_interval", "1mins", |config| config.core.registry_gc_interval == Duration::from_secs(60)),
    ("registry_max_agent_age", "1days", |config| {
        config.core.registry_max_agent_age == Duration::from_secs(86_400)
    }),
    ("registry_max_agent_count", "4", |config| config.core.registry_max_agent_count == 4),
    ("log_dir", "/l", |config| config.log.directory.as_deref() == Some(Path::new("/l"))),
    ("wall_clock_offset_file", "/o", |config| config.wall_clock_offset_file.is_some()),
    ("logging_level", "ERROR", |config| config.log.level == Level::Error),
    ("quiet", "true", |config| config.log.is_quiet),
];

fn word(name: &str, value: &str) -> String {
    if value.is_empty() { format!("--{name}") } else { format!("--{name}={value}") }
}

#[test]
fn every_accepted_flag_changes_something() {
    let default = parsed(&[]);
    for (name, value, is_changed) in CHANGES {
        assert!(!is_changed(&default), "--{name} has no other value than its default");
        assert!(is_changed(&parsed(&[&word(name, value)])), "--{name}");
        let dashes = name.replace('_', "-");
        assert!(is_changed(&parsed(&[&word(&dashes, value)])), "--{dashes}");
    }
}

#[test]
fn the_table_lists_every_accepted_flag() {
    let listed: BTreeSet<&str> = CHANGES.iter().map(|(name, _, _)| *name).collect();
    let command = Line::command();
    let accepted: BTreeSet<&str> = command
        .get_arguments()
        .filter(|argument| !argument.get_id().as_str().starts_with("refused-"))
        .filter_map(|argument| argument.get_long())
        // The one changes nothing, the other what its file says.
        .filter(|name| !["help", "config"].contains(name))
        .collect();
    assert_eq!(listed, accepted);
}

/// Nobody may believe that a cluster is protected, or kept in several places, when it is not.
#[test]
fn flags_of_later_are_refused_by_name() {
    for words in [
        &["--zk=zk://localhost:2181/mesos"][..],
        &["--zk", "zk://localhost:2181/mesos"],
        &["--quorum=1"],
        &["--authenticate_agents"],
        &["--authenticate-agents"],
        &["--acls={}"],
        &["--credentials=/c"],
        &["--weights=a=2"],
        &["--roles=a"],
        &["--whitelist=/w"],
        &["--modules={}"],
        &["--role_sorter=drf"],
        &["--min_allocatable_resources=cpus:1"],
        &["--no-authenticate_agents"],
    ] {
        let error = try_parsed(words).err().unwrap_or_else(|| panic!("{words:?} was taken"));
        let name =
            words[0].trim_start_matches("--no-").trim_start_matches("--").split('=').next().expect("a name");
        assert!(error.contains(&name.replace('-', "_")), "{error}");
        assert!(error.contains("is not implemented: "), "{error}");
    }
}

#[test]
fn every_flag_of_mesos_is_known() {
    let flags = RawMasterFlags::augment_args(clap::Command::new("x"));
    let known: BTreeSet<&str> = flags.get_arguments().filter_map(|argument| argument.get_long()).collect();
    for name in include_str!("flags_of_mesos.txt").split_whitespace() {
        assert!(known.contains(name), "`--{name}` is neither taken nor refused by name");
    }
}

#[test]
fn a_slip_of_the_pen_gets_a_suggestion() {
    let error = try_parsed(&["--agent_ping_timeot=1secs"]).expect_err("unknown");
    assert!(error.contains("--agent_ping_timeout"), "{error}");
}

#[test]
fn values_without_meaning_are_refused() {
    for (word, part) in [
        ("--agent_ping_timeout=0secs", "is not from 1secs to 15mins"),
        ("--agent_ping_timeout=16mins", "is not from 1secs to 15mins"),
        ("--agent_ping_timeout=15", "is not a duration"),
        ("--offer_timeout=soon", "is not a duration"),
        ("--max_agent_ping_timeouts=0", "it is at least 1"),
        ("--registry=etcd", "neither replicated_log nor in_memory"),
        ("--allocator=mine", "neither `hierarchical` nor a file that ends in .wasm"),
        ("--logging_level=LOUD", "is not one of"),
        ("--port=70000", "70000"),
        ("--root_submissions=maybe", "maybe"),
    ] {
        let error = try_parsed(&[word]).err().unwrap_or_else(|| panic!("{word} was taken"));
        assert!(error.contains(part), "{word}: {error}");
        let name = word.trim_start_matches("--").split('=').next().expect("a name");
        assert!(error.contains(name), "{word}: {error}");
    }
}

#[test]
fn the_command_line_outweighs_the_environment() {
    let variables = [
        ("MESOS_CLUSTER", "mesos"),
        ("MEZZO_CLUSTER", "mezzo"),
        ("MESOS_PORT", "1"),
        ("HOME", "/"),
        ("MESOS_SANDBOX", "/s"),
    ];
    let config = with_environment(&["--port=2"], &variables).expect("flags");
    assert_eq!((config.listen.port(), config.core.cluster.as_deref()), (2, Some("mezzo")));
    let reversed: Vec<_> = variables.iter().rev().copied().collect();
    assert_eq!(with_environment(&[], &reversed).expect("flags").core.cluster.as_deref(), Some("mezzo"));
    let older = with_environment(&[], &[("MESOS_SLAVE_PING_TIMEOUT", "2secs")]).expect("flags");
    assert_eq!(older.core.agent_ping_timeout, Duration::from_secs(2));
}

#[test]
fn what_is_wrong_in_the_environment_is_named() {
    let error = with_environment(&[], &[("MESOS_ZK", "zk://")]).expect_err("refused").to_string();
    assert!(error.starts_with("`MESOS_ZK` is not implemented: "), "{error}");
    let error = with_environment(&[], &[("MEZZO_PORT", "x")]).expect_err("no port").to_string();
    assert!(error.contains("MEZZO_PORT"), "{error}");
}

#[test]
fn a_file_gives_what_nobody_else_does() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("master.toml");
    let flag = format!("--config={}", file.display());
    let says = |text: &str| {
        std::fs::write(&file, text).expect("a file");
        with_environment(&[&flag, "--port=2"], &[("MEZZO_CLUSTER", "variable")])
    };
    let config =
        says("port = 7\ncluster = \"file\"\nagent-ping-timeout = \"2secs\"\nroot_submissions = false\n")
            .expect("flags");
    assert_eq!((config.listen.port(), config.core.cluster.as_deref()), (2, Some("variable")));
    assert_eq!(config.core.agent_ping_timeout, Duration::from_secs(2));
    assert!(!config.core.root_submissions);

    let here = file.display();
    for (text, told) in [
        ("zk = 'zk://'", format!("`zk in {here}` is not implemented: ")),
        ("portt = 1", format!("`portt in {here}` cannot be that: there is no flag of this name")),
        (
            "max_completed_frameworks = 'many'",
            format!("`max_completed_frameworks in {here}` cannot be that: "),
        ),
        ("port = ", format!("cannot read the flags in `{here}`: TOML parse error at line 1")),
    ] {
        let error = says(text).expect_err(text).to_string();
        assert!(error.starts_with(&told), "{error}");
    }
    std::fs::remove_file(&file).expect("it is there");
    let error = with_environment(&[&flag], &[]).expect_err("no file").to_string();
    assert!(error.ends_with("No such file or directory (os error 2)"), "{error}");
}

#[test]
fn flags_in_force_are_shown() {
    let config = parsed(&["--cluster=c", "--agent_ping_timeout=2secs"]);
    let shown =
        |name: &str| config.core.flags.iter().find(|(this, _)| this == name).map(|(_, value)| value.as_str());
    assert_eq!(shown("cluster"), Some("c"));
    assert_eq!(shown("agent_ping_timeout"), Some("2secs"));
    assert_eq!(shown("allocation_interval"), Some("1secs"));
    assert_eq!(shown("offer_timeout"), None);
    let matches = RawMasterFlags::augment_args(clap::Command::new("x")).get_matches_from(["x"]);
    assert!(RawMasterFlags::from_arg_matches(&matches).is_ok());
}
