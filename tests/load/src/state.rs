//! What it costs to read the whole state of a cluster, and whom it delays.
//!
//! People and tools poll these endpoints. By the figures of a real Mesos for a hundredth of this
//! cluster they would take 830 ms and 690 ms here, and its schedulers would wait meanwhile.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    account::{cpu_of, forget_peak, kilobytes},
    clock::Samples,
    cluster::Cluster,
    fleet::{Fleet, Running},
    rows::Row,
    scheduler::Scheduler,
};

/// Of the master's processors.
const TARGET_JSON_MS: f64 = 120.0;
const TARGET_PROTOBUF_MS: f64 = 60.0;
const TARGET_MIB: f64 = 16.0;
const POLLERS: usize = 20;
const SLOWER_MAX: f64 = 2.0;
const JSON: &str = "application/json";
const PROTOBUF: &str = "application/x-protobuf";

/// One way to read the state.
struct Read {
    name: &'static str,
    method: &'static str,
    path: &'static str,
    media_type: &'static str,
    body: &'static [u8],
    /// By a Mesos's figures for a hundredth of this.
    mesos_ms: f64,
}

const READS: [Read; 3] = [
    Read { name: "/state", method: "GET", path: "/state", media_type: JSON, body: b"", mesos_ms: 830.0 },
    Read {
        name: "GET_STATE, JSON",
        method: "POST",
        path: "/api/v1",
        media_type: JSON,
        body: br#"{"type":"GET_STATE"}"#,
        mesos_ms: 2_200.0,
    },
    // Field 1, number 9: `Call.Type.GET_STATE`.
    Read {
        name: "GET_STATE, protobuf",
        method: "POST",
        path: "/api/v1",
        media_type: PROTOBUF,
        body: &[8, 9],
        mesos_ms: 690.0,
    },
];

/// Measures.
pub fn run(is_quick: bool, tell: &mut dyn FnMut(Row)) -> Result<()> {
    let (agents, tasks, repeats) = if is_quick { (50, 100, 2) } else { (1_000, 100, 8) };
    let mut cluster = Cluster::new(0)?;
    cluster.start()?;
    let port = cluster.daemons.master_port;
    let master = cluster.master_pid()?;
    let mut fleet = Running::start(&Fleet { master: Some(cluster.master()), agents, tasks })?;
    fleet.wait("every agent is registered", |progress| progress.registered == agents as u64)?;
    cluster.daemons.wait_for_agents(agents)?;

    for read in &READS {
        // Warms up, and shows that the answer is whole.
        let body = ask(port, read)?;
        ensure!(
            body.len() > agents * tasks * 100,
            "{} gave {} bytes for {agents} agents",
            read.name,
            body.len()
        );
        let (mut walls, mut cpus, mut peaks) = (Samples::default(), Samples::default(), Samples::default());
        for _ in 0..repeats {
            let before_kb = kilobytes(master, "status", "VmRSS")?;
            forget_peak(master)?;
            const EACH: usize = 4;
            let before = cpu_of(master)?;
            for _ in 0..EACH {
                let began = Instant::now();
                ask(port, read)?;
                walls.push(began.elapsed().as_secs_f64() * 1e3);
            }
            cpus.push((cpu_of(master)? - before) / EACH as f64 / 1e3);
            peaks.push((kilobytes(master, "status", "VmHWM")? - before_kb).max(0.0) / 1024.0);
        }
        let target = if read.media_type == PROTOBUF { TARGET_PROTOBUF_MS } else { TARGET_JSON_MS };
        let size = format!("{} of {agents} agents x {tasks} tasks", read.name);
        tell(
            Row::new(format!("state: {size}, {} MB", body.len() >> 20), walls.min(), "ms")
                .beside(read.mesos_ms, "a Mesos 1.12, by its figures for a hundredth"),
        );
        tell(
            Row::new(format!("state: {size}, of the master's processors"), cpus.min(), "ms")
                .at_most(target, cpus.is_noisy()),
        );
        tell(
            Row::new(format!("state: {size}, memory above"), peaks.median(), "MiB")
                .at_most(TARGET_MIB, false),
        );
    }
    delayed(&cluster, is_quick, tell)
}

/// One answer, whole.
fn ask(port: u16, read: &Read) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let Read { method, path, media_type, body, .. } = read;
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: {media_type}\r\nAccept: {media_type}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end =
        answer.windows(4).position(|w| w == b"\r\n\r\n").context("an answer without an end of headers")?;
    ensure!(
        answer.starts_with(b"HTTP/1.0 200") || answer.starts_with(b"HTTP/1.1 200"),
        "{}: {}",
        read.name,
        String::from_utf8_lossy(&answer[..end])
    );
    Ok(answer.split_off(end + 4))
}

/// How much longer a scheduler's call takes while many poll, in turns with and without them.
fn delayed(cluster: &Cluster, is_quick: bool, tell: &mut dyn FnMut(Row)) -> Result<()> {
    let (turns, window) =
        if is_quick { (2, Duration::from_millis(300)) } else { (5, Duration::from_secs(3)) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let scheduler = runtime.block_on(Scheduler::subscribe(&cluster.master(), "calls"))?;
    let (mut quiet, mut polled) = (Samples::default(), Samples::default());
    let (mut quiet_p99, mut polled_p99) = (Samples::default(), Samples::default());
    for _ in 0..turns {
        let calls = runtime.block_on(calls(&scheduler, window))?;
        quiet_p99.push(calls.percentile(0.99));
        quiet.extend(&calls);
        let pollers = Pollers::start(cluster.daemons.master_port);
        let calls = runtime.block_on(self::calls(&scheduler, window));
        pollers.stop()?;
        let calls = calls?;
        polled_p99.push(calls.percentile(0.99));
        polled.extend(&calls);
    }
    let (alone, beside) = (quiet.percentile(0.99), polled.percentile(0.99));
    tell(Row::new("state: p99 of a scheduler's call, nobody polls", alone, "ms"));
    tell(
        Row::new(format!("state: p99 of a scheduler's call while {POLLERS} poll /state"), beside, "ms")
            .beside(alone, "nobody polls"),
    );
    tell(
        Row::new(format!("state: so many times longer while {POLLERS} poll"), beside / alone, "x")
            .at_most(SLOWER_MAX, quiet_p99.is_noisy() || polled_p99.is_noisy()),
    );
    Ok(())
}

async fn calls(scheduler: &Scheduler, window: Duration) -> Result<Samples> {
    let caller = scheduler.caller();
    let mut samples = Samples::default();
    let until = Instant::now() + window;
    while Instant::now() < until {
        let began = Instant::now();
        caller.reconcile("no-such-task").await?;
        samples.push(began.elapsed().as_secs_f64() * 1e3);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(samples)
}

/// Clients that ask for `/state` again as soon as they have it.
struct Pollers {
    stop: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<Result<()>>>,
}

impl Pollers {
    fn start(port: u16) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let poller = |_| {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    ask(port, &READS[0])?;
                }
                Ok(())
            })
        };
        let threads = (0..POLLERS).map(poller).collect();
        Self { stop, threads }
    }

    fn stop(self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().map_err(|_| anyhow::anyhow!("a poller has panicked"))??;
        }
        Ok(())
    }
}
