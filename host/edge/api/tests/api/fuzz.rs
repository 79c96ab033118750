//! Whatever comes in, something sensible goes out.

use std::sync::Arc;

use mezzo_model::calls::SchedulerCall;
use proptest::prelude::*;

use crate::support::{Mock, agent, master, request, seen};

/// Bodies that once went wrong somewhere, or look like it.
const SEEDS: &[&[u8]] = &[
    b"",
    b"{}",
    b"null",
    b"{\"type\":\"SUBSCRIBE\",\"subscribe\":{\"framework_info\":{\"user\":\"u\",\"name\":\"n\"}}}",
    b"{\"type\":\"ACCEPT\",\"framework_id\":{\"value\":\"f\"},\"accept\":{\"operations\":{\"type\":\"LAUNCH\",\"launch\":{\"task_infos\":{}}}}}",
    b"{\"type\":6,\"kill\":{}}",
    b"{\"type\":\"KILL\",\"framework_id\":{\"value\":\"\\ud800\"},\"kill\":{\"task_id\":{\"value\":\"\\u0000\"}}}",
    b"{\"type\":\"DECLINE\",\"framework_id\":{\"value\":\"f\"},\"decline\":{\"filters\":{\"refuse_seconds\":1e999}}}",
    b"{\"type\":\"DECLINE\",\"framework_id\":{\"value\":\"f\"},\"decline\":{\"filters\":{\"refuse_seconds\":\"NaN\"}}}",
    b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    b"\x10\x06\x0a\x03\x0a\x01f\x32\x00",
    b"\x1a\xff\xff\xff\xff\x0f",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
];

async fn survives(path: &'static str, body: Vec<u8>) {
    for media_type in ["application/json", "application/x-protobuf"] {
        let headers = [("Content-Type", media_type), ("Mesos-Stream-Id", "s")];
        let mock = Arc::new(Mock::default());
        let on_master = seen(&master(&mock), request("POST", path, &headers, body.clone())).await;
        assert!(matches!(on_master.status, 200 | 202 | 400 | 404 | 501), "{} {body:?}", on_master.status);
        for call in mock.calls.lock().expect("ok").iter() {
            assert!(call.framework_id.is_some() || matches!(call.call, SchedulerCall::Subscribe(_)));
        }
        let on_agent = seen(&agent(&mock), request("POST", "/api/v1", &headers, body.clone())).await;
        assert!(matches!(on_agent.status, 200 | 400 | 404 | 501), "{} {body:?}", on_agent.status);
    }
}

fn run(body: Vec<u8>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        survives("/api/v1/scheduler", body.clone()).await;
        survives("/api/v1", body).await;
    });
}

#[test]
fn known_troublemakers_are_answered() {
    for seed in SEEDS {
        run(seed.to_vec());
    }
    run([b"{\"a\":".repeat(10_000)].concat());
    run(b"\x2a\x02".repeat(10_000));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn arbitrary_bytes_are_answered(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        run(body);
    }

    /// Close to right is where mistakes live: one byte of a good body changed.
    #[test]
    fn slightly_broken_bodies_are_answered(seed in 0..SEEDS.len(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut body = SEEDS[seed].to_vec();
        if !body.is_empty() {
            let at = at.index(body.len());
            body[at] = byte;
        }
        run(body);
    }

    #[test]
    fn arbitrary_paths_are_answered(path in "/[a-z/%().0-9=&?]{0,40}") {
        let Ok(uri) = path.parse::<http::Uri>() else { return Ok(()) };
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let mock = Arc::new(Mock::default());
        let uri = uri.to_string();
        let status = runtime.block_on(async { seen(&master(&mock), request("GET", &uri, &[], "")).await.status });
        prop_assert!(status != 500);
    }
}
