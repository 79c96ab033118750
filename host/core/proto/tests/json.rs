//! The JSON mapping against what a real Mesos wrote and said, and against another implementation.
//!
//! The fixtures were recorded from the development head of the 1.12 line (commit c1b42f79d157).

use mezzo_proto::{
    DESCRIPTORS, Message, Name, check_required, decode,
    json::{JsonError, from_json, to_json},
    mesos::v1::{self, agent, master, quota, scheduler},
    required::DecodeError,
};
use proptest::prelude::*;
use serde_json::Value;

fn rows(fixture: &str) -> Vec<Value> {
    serde_json::from_str(fixture).expect("a fixture is a list of objects")
}

/// What we write after reading `body`.
fn rewritten<M: Name + Default>(body: &Value) -> String {
    let message: M = from_json(body.to_string()).unwrap_or_else(|error| panic!("{error}: {body}"));
    String::from_utf8(to_json(&message)).expect("JSON is text")
}

/// Reads every body of the fixture, writes it again, and wants the same text, member by member.
fn check_same<M: Name + Default>(fixture: &str, adjust: impl Fn(&str, &mut Value)) {
    for mut row in rows(fixture) {
        let label = row["label"].as_str().expect("each row has a label").to_owned();
        let mut body = row["body"].take();
        adjust(&label, &mut body);
        let (ours, theirs) = (rewritten::<M>(&body), body.to_string());
        let same = ours.bytes().zip(theirs.bytes()).take_while(|(a, b)| a == b).count();
        let near = |text: &str| {
            text.get(same.saturating_sub(80)..).unwrap_or(text).chars().take(160).collect::<String>()
        };
        assert!(ours == theirs, "{label}\n  ours: {}\ntheirs: {}", near(&ours), near(&theirs));
    }
}

#[test]
fn events_of_a_scheduler_are_written_as_mesos_writes_them() {
    check_same::<scheduler::Event>(include_str!("fixtures/scheduler_events.json"), |_, _| {});
}

#[test]
fn events_of_an_operator_are_written_as_mesos_writes_them() {
    check_same::<master::Event>(include_str!("fixtures/master_events.json"), |_, _| {});
}

#[test]
fn answers_of_a_master_are_written_as_mesos_writes_them() {
    check_same::<master::Response>(include_str!("fixtures/master_responses.json"), |_, _| {});
}

#[test]
fn answers_of_an_agent_are_written_as_mesos_writes_them() {
    check_same::<agent::Response>(include_str!("fixtures/agent_responses.json"), |_, _| {});
}

/// Calls come from clients, which leave defaults out; what they did write must survive.
#[test]
fn calls_of_a_scheduler_are_understood() {
    fn is_within(small: &Value, large: &Value) -> bool {
        match (small, large) {
            (Value::Object(small), Value::Object(large)) => small
                .iter()
                .filter(|(_, value)| **value != Value::Array(Vec::new()))
                .all(|(key, value)| large.get(key).is_some_and(|found| is_within(value, found))),
            (Value::Array(small), Value::Array(large)) => {
                small.len() == large.len()
                    && small.iter().zip(large).all(|(small, large)| is_within(small, large))
            }
            (Value::Number(small), Value::Number(large)) => small.as_f64() == large.as_f64(),
            (small, large) => small == large,
        }
    }
    for row in rows(include_str!("fixtures/scheduler_calls.json")) {
        let written: Value = serde_json::from_str(&rewritten::<scheduler::Call>(&row["body"])).expect("JSON");
        assert!(is_within(&row["body"], &written), "{} became {written}", row["body"]);
    }
}

#[test]
fn errors_are_in_the_words_of_mesos() {
    for row in rows(include_str!("fixtures/scheduler_call_errors.json")) {
        let request = row["request"].as_str().expect("text");
        let error = from_json::<scheduler::Call>(request).expect_err("recorded as refused");
        assert_eq!(error.to_string(), row["error"], "{request}");
    }
    let error =
        from_json::<v1::executor::Call>(r#"{"type":"SUBSCRIBE","subscribe":{}}"#).expect_err("no ids");
    assert_eq!(error.to_string(), "Missing required fields: executor_id, framework_id");
}

fn info(json: &str) -> Result<v1::FrameworkInfo, JsonError> {
    from_json(format!(r#"{{"user":"u","name":"n",{json}}}"#))
}

fn refused<M: Name + Default + std::fmt::Debug>(json: &str) -> String {
    from_json::<M>(json).expect_err("refused on purpose").to_string()
}

#[test]
fn readers_are_generous() {
    assert_eq!(info(r#""nosuch":{"a":[1]}"#), info(r#""roles":[]"#), "unknown keys are ignored");
    assert_eq!(info(r#""id":null"#), info(r#""nosuch":1"#), "null is absent");
    assert_eq!(info(r#""failover_timeout":"1e3""#).expect("text").failover_timeout, Some(1000.0));
    assert_eq!(info(r#""failover_timeout":"Infinity""#).expect("text").failover_timeout, Some(f64::INFINITY));
    assert_eq!(info(r#""failover_timeout":7"#).expect("whole").failover_timeout, Some(7.0));
    assert_eq!(info(r#""checkpoint":"true""#).expect("text").checkpoint, Some(true));
    assert_eq!(info(r#""roles":"lone""#).expect("a list of one").roles, ["lone"]);
    assert_eq!(info(r#""user":"v""#).expect("twice").user, "v", "the last of duplicate keys wins");
    let unknown =
        info(r#""capabilities":[{"type":"NOSUCH"},{"type":"MULTI_ROLE"}]"#).expect("one unknown name");
    assert_eq!(unknown.capabilities[0].r#type, None);
    assert_eq!(unknown.capabilities[1].r#type, Some(v1::framework_info::capability::Type::MultiRole as i32));

    let range: v1::value::Range =
        from_json(r#"{"begin":"18446744073709551615","end":5.9}"#).expect("64 bits");
    assert_eq!((range.begin, range.end), (u64::MAX, 5), "text for 64 bits; fractions are cut off");
    let network: v1::ContainerInfo = from_json(
        r#"{"type":"MESOS","network_infos":{"port_mappings":[{"host_port":1,"container_port":2}]}}"#,
    )
    .expect("a lone object is a list of one");
    assert_eq!(network.network_infos[0].port_mappings[0].container_port, 2);
    let bytes: v1::Label = from_json(r#"{"key":"a\u0000b\ud83d\ude00"}"#).expect("escapes");
    assert_eq!(bytes.key, "a\0b😀");
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    for (json, message) in [
        (r#"{"type":1}"#, "Not expecting a JSON number for field 'type'"),
        (r#"{"type":[]}"#, "Not expecting a JSON array for field 'type'"),
        (r#"{"type":true}"#, "Not expecting a JSON boolean for field 'type'"),
        (r#"{"framework_id":"x"}"#, "Not expecting a JSON string for field 'framework_id'"),
        (r#"{"framework_id":{"value":{}}}"#, "Not expecting a JSON object for field 'value'"),
        (
            r#"{"message":{"data":"a b="}}"#,
            "Failed to base64 decode bytes field 'data': Invalid character ' '",
        ),
        (
            r#"{"decline":{"filters":{"refuse_seconds":"soon"}}}"#,
            "Failed to parse 'soon' as a JSON number for field 'refuse_seconds': syntax error at line 1 near: soon",
        ),
        (
            r#"{"subscribe":{"framework_info":{"checkpoint":"yes"}}}"#,
            "Failed to parse 'yes' as a JSON boolean for field 'checkpoint': syntax error at line 1 near: yes",
        ),
    ] {
        assert_eq!(refused::<scheduler::Call>(json), message);
    }
    assert_eq!(
        refused::<v1::AgentInfo>(r#"{"hostname":"h","port":4294967296}"#),
        "The JSON number for field 'port' is out of range"
    );
    assert_eq!(
        refused::<v1::value::Range>(r#"{"begin":-1,"end":1}"#),
        "The JSON number for field 'begin' is out of range"
    );
    assert_eq!(
        refused::<v1::value::Range>(r#"{"begin":1e300,"end":1}"#),
        "The JSON number for field 'begin' is out of range"
    );
    assert_eq!(
        refused::<v1::Resource>(r#"{"name":"x","type":"NOSUCH"}"#),
        "Failed to find enum for 'NOSUCH'"
    );
}

#[test]
fn numbers_are_written_to_be_read_back() {
    for (number, text) in [
        (0.0, "0.0"),
        (1.0, "1.0"),
        (0.1, "0.1"),
        (1.5123, "1.5123"),
        (1e15, "1000000000000000.0"),
        (1e20, "100000000000000000000.0"),
        (1e21, "1e21"),
        (1e-7, "1e-7"),
        (f64::INFINITY, "\"Infinity\""),
        (f64::NEG_INFINITY, "\"-Infinity\""),
        (f64::NAN, "\"NaN\""),
        (1732182569.123457, "1732182569.123457"),
    ] {
        let written = to_json(&v1::value::Scalar { value: number });
        assert_eq!(String::from_utf8_lossy(&written), format!("{{\"value\":{text}}}"));
    }
    let written = to_json(&v1::value::Range { begin: 0, end: u64::MAX });
    assert_eq!(String::from_utf8_lossy(&written), r#"{"begin":0,"end":18446744073709551615}"#);
}

/// Schedulers read `refuse_seconds` and its like without knowing that nobody set them.
#[test]
fn declared_defaults_are_written_unless_deprecated() {
    let info = v1::FrameworkInfo { user: "u".into(), name: "n".into(), ..Default::default() };
    let written = String::from_utf8(to_json(&info)).expect("text");
    assert_eq!(written, r#"{"user":"u","name":"n","failover_timeout":0.0,"checkpoint":false}"#);
}

#[test]
fn maps_are_objects() {
    let config: quota::QuotaConfig =
        from_json(r#"{"role":"r","limits":{"mem":{"value":2},"cpus":{"value":1.5}},"guarantees":{}}"#)
            .expect("maps");
    assert_eq!(config.limits["cpus"].value, 1.5);
    let written = String::from_utf8(to_json(&config)).expect("text");
    assert_eq!(written, r#"{"role":"r","limits":{"cpus":{"value":1.5},"mem":{"value":2.0}}}"#);
    let error = refused::<quota::QuotaConfig>(r#"{"role":"r","limits":{"cpus":{}}}"#);
    assert_eq!(error, "Missing required fields: limits[0].value.value");
}

/// A number of an enum that this build does not know is left out, as Mesos does.
#[test]
fn unknown_enum_numbers_are_left_out() {
    let capability = v1::framework_info::Capability { r#type: Some(4711) };
    assert_eq!(to_json(&capability), b"{}");
}

#[test]
fn required_fields_are_checked_in_protobuf_too() {
    use v1::offer::{Operation, operation};
    let launch =
        operation::Launch { task_infos: vec![v1::TaskInfo { name: "t".into(), ..Default::default() }] };
    let call = scheduler::Call {
        accept: Some(scheduler::call::Accept {
            operations: vec![Operation { launch: Some(launch), ..Default::default() }],
            ..Default::default()
        }),
        ..Default::default()
    };
    // Written by an encoder that knows no required fields: TaskInfo holds its name alone.
    let mut bytes = call.encode_to_vec();
    assert_eq!(
        check_required::<scheduler::Call>(&bytes),
        Ok(()),
        "prost writes required fields, empty ones too"
    );
    bytes = vec![0x0a, 0x00];
    let missing = check_required::<scheduler::Call>(&bytes).expect_err("framework_id without value");
    assert_eq!(missing.to_string(), "Missing required fields: framework_id.value");
    assert!(matches!(decode::<scheduler::Call>(&bytes), Err(DecodeError::Missing(_))));
    assert!(matches!(decode::<scheduler::Call>(b"{\"type\""), Err(DecodeError::Malformed { .. })));

    let json = r#"{"accept":{"offer_ids":[{"value":"o"},{}],"operations":[{"launch":{"task_infos":[{"name":"t"}]}}]}}"#;
    assert_eq!(
        refused::<scheduler::Call>(json),
        "Missing required fields: accept.offer_ids[1].value, \
         accept.operations[0].launch.task_infos[0].task_id, accept.operations[0].launch.task_infos[0].agent_id"
    );
}

/// Nobody nests containers a hundred deep; a body that does must not end the process.
#[test]
fn deep_nesting_is_refused() {
    let nested =
        |depth: usize| format!("{}{}", r#"{"value":"x","parent":"#.repeat(depth) + "null", "}".repeat(depth));
    assert!(from_json::<v1::ContainerId>(nested(32)).is_ok());
    assert!(from_json::<v1::ContainerId>(nested(150)).is_err());
    assert!(from_json::<v1::ContainerId>(nested(100_000)).is_err());
}

/// `prost-reflect` knows nothing of our tables; where its rules and Mesos's agree, so must we.
#[test]
fn another_implementation_reads_what_we_write() {
    use prost_reflect::{DescriptorPool, DeserializeOptions, DynamicMessage};
    let pool = DescriptorPool::decode(DESCRIPTORS).expect("our descriptors");
    let descriptor = pool.get_message_by_name(&scheduler::Event::full_name()).expect("a known message");
    for row in rows(include_str!("fixtures/scheduler_events.json")) {
        let event: scheduler::Event = from_json(row["body"].to_string()).expect("recorded");
        let text = String::from_utf8(to_json(&event)).expect("text");
        let mut reader = serde_json::Deserializer::from_str(&text);
        let options = DeserializeOptions::new().deny_unknown_fields(true);
        let theirs =
            DynamicMessage::deserialize_with_options(descriptor.clone(), &mut reader, &options).expect(&text);
        let ours: scheduler::Event = from_json(&text).expect("our own text");
        assert_eq!(theirs.transcode_to::<scheduler::Event>().expect("the same message"), ours);
    }
}

/// JSON that is likely to be nearly a call.
fn nearly_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<f64>().prop_map(|n| n.to_string()),
        any::<i64>().prop_map(|n| n.to_string()),
        "[A-Z_]{0,8}".prop_map(|s| format!("\"{s}\"")),
        "\\PC{0,8}".prop_map(|s| s),
    ];
    let key = prop::sample::select(vec![
        "type",
        "framework_id",
        "value",
        "accept",
        "operations",
        "launch",
        "task_infos",
        "resources",
        "scalar",
        "ranges",
        "range",
        "begin",
        "filters",
        "refuse_seconds",
        "uuid",
        "acknowledge",
        "limits",
    ]);
    leaf.prop_recursive(6, 40, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            proptest::collection::vec((key.clone(), inner), 0..5).prop_map(|members| {
                let members: Vec<String> =
                    members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,80}", bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = from_json::<scheduler::Call>(&text);
        let _ = from_json::<scheduler::Call>(&bytes);
    }

    /// Whatever is accepted is the same after another round.
    #[test]
    fn what_is_read_is_written_and_read_again(text in nearly_json()) {
        if let Ok(call) = from_json::<scheduler::Call>(&text) {
            let again: scheduler::Call = from_json(to_json(&call)).expect("our own text");
            prop_assert_eq!(to_json(&again), to_json(&call));
        }
    }

    #[test]
    fn labels_and_doubles_survive(key in any::<String>(), value in any::<f64>(), data in any::<Vec<u8>>()) {
        let label = v1::Label { key, value: None };
        prop_assert_eq!(from_json::<v1::Label>(to_json(&label)).expect("own text"), label);
        let status = v1::TaskStatus {
            task_id: v1::TaskId { value: "t".into() },
            timestamp: (!value.is_nan()).then_some(value),
            data: Some(data),
            ..Default::default()
        };
        prop_assert_eq!(from_json::<v1::TaskStatus>(to_json(&status)).expect("own text"), status);
    }

    #[test]
    fn arbitrary_bytes_are_checked_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = check_required::<scheduler::Call>(&bytes);
        let _ = decode::<v1::TaskInfo>(&bytes);
    }
}
