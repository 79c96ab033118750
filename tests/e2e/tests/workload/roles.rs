//! What an operator sets for roles, as an operator meets it: over HTTP, on real daemons, past kill -9.

use std::time::Duration;

use e2e_tests::{Daemons, get, get_json, post, send, wait_for};
use mezzo_client::{Client, Subscription};
use mezzo_proto::mesos::v1::{
    self, FrameworkInfo,
    framework_info::{Capability, capability::Type},
    scheduler::{Event, event},
};
use serde_json::json;

const PATIENCE: Duration = Duration::from_secs(60);

fn text(answer: (u16, Vec<u8>)) -> (u16, String) {
    (answer.0, String::from_utf8_lossy(&answer.1).into_owned())
}

fn framework(role: &str) -> FrameworkInfo {
    FrameworkInfo {
        user: "root".to_owned(),
        name: role.to_owned(),
        roles: vec![role.to_owned()],
        failover_timeout: Some(1000.0),
        capabilities: vec![Capability { r#type: Some(Type::MultiRole as i32) }],
        ..FrameworkInfo::default()
    }
}

/// A scheduler that waits for events and says nothing.
struct Listener {
    stream: Subscription,
    runtime: tokio::runtime::Runtime,
}

impl Listener {
    fn subscribe(port: u16, info: FrameworkInfo) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let client = Client::new(&format!("127.0.0.1:{port}")).unwrap();
        let stream = runtime.block_on(client.subscribe(info)).unwrap();
        Self { stream, runtime }
    }

    /// The next event of a kind; others are passed over.
    fn next(&mut self, kind: event::Type) -> Event {
        let (stream, runtime) = (&mut self.stream, &self.runtime);
        let found = runtime.block_on(async {
            tokio::time::timeout(PATIENCE, async {
                loop {
                    let event = stream.next().await.unwrap().expect("the stream goes on");
                    if event.r#type() == kind {
                        return event;
                    }
                }
            })
            .await
        });
        found.unwrap_or_else(|_| panic!("no {kind:?} within {} s", PATIENCE.as_secs()))
    }

    /// The cpus in each offer of the next event.
    fn cpus_offered(&mut self) -> Vec<f64> {
        let offers = self.next(event::Type::Offers).offers.unwrap().offers;
        offers.iter().map(cpus).collect()
    }
}

fn cpus(offer: &v1::Offer) -> f64 {
    let all = offer.resources.iter().filter(|resource| resource.name == "cpus");
    all.filter_map(|resource| resource.scalar).map(|scalar| scalar.value).sum()
}

/// A weight takes effect at once, and outlives the master.
#[test]
fn weights_rescind_what_is_offered_and_outlive_the_master() {
    let mut daemons = Daemons::start(1).unwrap();
    let port = daemons.master_port;
    assert_eq!(text(get(port, "/weights").unwrap()), (200, "[]".to_owned()));
    let mut listener = Listener::subscribe(port, framework("eng/web"));
    assert_eq!(listener.cpus_offered(), [4.0]);

    let refused = text(send(port, "PUT", "/weights", r#"[{"role":"eng","weight":-1}]"#).unwrap());
    let why = "Failed to validate update weights request JSON for role 'eng': Invalid weight '-1': Weights must be positive";
    assert_eq!(refused, (400, why.to_owned()));
    let body = r#"[{"role":"eng","weight":2.5}]"#;
    assert_eq!(text(send(port, "PUT", "/weights", body).unwrap()), (200, String::new()));
    listener.next(event::Type::Rescind);
    assert_eq!(listener.cpus_offered(), [4.0], "offered again, under the new weight");

    daemons.kill_master();
    daemons.start_master().unwrap();
    assert_eq!(get_json(port, "/weights").unwrap(), json!([{"role": "eng", "weight": 2.5}]));
    let call = r#"{"type":"UPDATE_WEIGHTS","update_weights":{"weight_infos":[{"role":"eng","weight":1}]}}"#;
    assert_eq!(post(port, "/api/v1", call).unwrap().0, 200);
    assert_eq!(get_json(port, "/weights").unwrap(), json!([]));
}

/// Four cpus, of which a role may have three: it is offered three and another role the fourth, it is
/// not given more by any way of asking, and all of that outlives the master.
#[test]
fn quotas_hold_and_outlive_the_master() {
    let mut daemons = Daemons::start(1).unwrap();
    let port = daemons.master_port;
    let update = |configs: &str| {
        let call = format!(r#"{{"type":"UPDATE_QUOTA","update_quota":{{"quota_configs":[{configs}]}}}}"#);
        text(post(port, "/api/v1", &call).unwrap())
    };
    let limit = r#"{"role":"eng","limits":{"cpus":{"value":3}}}"#;
    assert_eq!(update(limit), (200, String::new()));
    let mut limited = Listener::subscribe(port, framework("eng"));
    assert_eq!(limited.cpus_offered(), [3.0]);
    let mut other = Listener::subscribe(port, framework("ops"));
    assert_eq!(other.cpus_offered(), [1.0]);

    // One that is wrong spoils both.
    let wrong = r#"{"role":"ops","limits":{"cpus":{"value":1}}},{"role":"x/y","limits":{}}"#;
    let why = "Updating quota on nested role 'x/y' is not supported yet";
    assert_eq!(update(wrong), (400, why.to_owned()));
    let greedy = r#"{"role":"ops","guarantees":{"cpus":{"value":1000}}}"#;
    let refused = update(greedy);
    assert!(refused.1.contains("exceed cluster capacity 'cpus:4; disk:4096; mem:2048'"), "{refused:?}");
    let configs = json!([{"role": "eng", "limits": {"cpus": {"value": 3.0}}}]);
    assert_eq!(get_json(port, "/quota").unwrap()["configs"], configs);

    daemons.kill_master();
    daemons.start_master().unwrap();
    assert_eq!(get_json(port, "/quota").unwrap()["configs"], configs);
    daemons.wait_for_agents(1).unwrap();
    let shown = || {
        let roles = get_json(port, "/roles").ok()?;
        let role = roles["roles"].as_array()?.iter().find(|role| role["name"] == "eng")?.clone();
        Some(role["quota"]["limit"]["cpus"].as_f64())
    };
    assert_eq!(wait_for("the role", PATIENCE, shown).unwrap(), Some(3.0));
    let mut limited = Listener::subscribe(port, framework("eng"));
    assert_eq!(limited.cpus_offered(), [3.0], "the new master knows the limit");

    assert_eq!(send(port, "DELETE", "/quota/eng", "").unwrap().0, 200);
    let gone = text(send(port, "DELETE", "/quota/eng", "").unwrap());
    let why = "Failed to remove quota for path '/master/quota/eng': Role 'eng' has no quota set";
    assert_eq!(gone, (400, why.to_owned()));
    let old = r#"{"role":"eng","guarantee":[{"name":"cpus","type":"SCALAR","scalar":{"value":2}}]}"#;
    assert_eq!(post(port, "/quota", old).unwrap().0, 200);
    let status = get_json(port, "/quota").unwrap();
    assert_eq!(status["infos"][0]["guarantee"][0]["scalar"]["value"], 2.0, "{status}");
    assert_eq!(status["configs"][0]["limits"]["cpus"]["value"], 2.0, "{status}");
}
