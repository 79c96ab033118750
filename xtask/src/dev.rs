//! The first command: a cluster on this machine, and a real workload to its end.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::{
    corpus, needs,
    shell::{self, cargo, is_root, run as run_command},
};

/// `mezzo dev` gives up after 30 s by itself; sudo may ask for a password before.
const READY_TIMEOUT: Duration = Duration::from_secs(120);
/// `mezzo dev` gives its agents 20 s to end their tasks.
const END_TIMEOUT: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_millis(100);

#[derive(clap::Args)]
pub struct Args {
    /// End when the workload is done: status 0 if its result was right.
    #[arg(long)]
    exit: bool,

    /// How many agents to start.
    #[arg(long, default_value_t = 2)]
    agents: u16,

    /// The master's port on 127.0.0.1.
    #[arg(long, default_value_t = 5050)]
    master_port: u16,

    /// The first agent's port; the others follow.
    #[arg(long, default_value_t = 5051)]
    agent_port: u16,

    /// Keep the cluster's files here, also after the end.
    #[arg(long)]
    work_dir: Option<PathBuf>,

    /// `linux` contains tasks and needs root; `posix` runs them as plain processes.
    #[arg(long)]
    launcher: Option<String>,

    /// A text of your own to count, instead of the dictionary that is downloaded.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    text: Vec<PathBuf>,

    /// Into how many pieces, and so tasks, to cut the text.
    #[arg(long, default_value_t = 40)]
    pieces: u32,
}

pub fn run(args: Args) -> Result<()> {
    needs::install()?;
    // Under `cargo xtask test` they are there already; building these two alone would resolve other
    // features and build the dependencies a second time.
    if std::env::var_os("MEZZO_PROGRAMS_BUILT").is_none() {
        run_command(&mut cargo(&["build", "--quiet", "--package", "mezzo", "--package", "wordcount"]))
            .context("the build failed")?;
    }
    let text = match args.text.is_empty() {
        true => vec![corpus::path()?],
        false => args.text.clone(),
    };

    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, stop.clone())?;
    }
    let mut cluster = Cluster::start(&args)?;
    let outcome = use_it(&mut cluster, &args, &text, &stop);
    let ended = cluster.end();
    outcome.and(ended)
}

fn use_it(cluster: &mut Cluster, args: &Args, text: &[PathBuf], stop: &AtomicBool) -> Result<()> {
    cluster.wait_until_ready(stop)?;
    println!("The cluster is up. Its first work: counting the words of {} bytes of text.", bytes(text));
    let is_right = count(args, text, stop)?;
    ensure!(is_right || stop.load(Ordering::Relaxed), "the cluster's result was not right");
    if args.exit || stop.load(Ordering::Relaxed) {
        return Ok(());
    }
    say_what_next(args);
    cluster.wait_until(stop)
}

fn bytes(text: &[PathBuf]) -> u64 {
    text.iter().filter_map(|file| Some(file.metadata().ok()?.len())).sum()
}

/// Runs the example framework; says whether its result was right.
fn count(args: &Args, text: &[PathBuf], stop: &AtomicBool) -> Result<bool> {
    let mut child = Command::new(shell::target().join("debug/wordcount"))
        .args(["--master", &format!("127.0.0.1:{}", args.master_port)])
        .args(["--pieces", &args.pieces.to_string()])
        .arg("--text")
        .args(text)
        .spawn()
        .context("cannot start wordcount")?;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if stop.load(Ordering::Relaxed) {
            // Ctrl-C has reached it as well, and it takes its framework down before it ends.
            wait(&mut child, Duration::from_secs(5))?;
            return Ok(false);
        }
        std::thread::sleep(STEP);
    }
}

fn say_what_next(args: &Args) {
    let mezzo = shell::target().join("debug/mezzo");
    let mezzo = mezzo.strip_prefix(std::env::current_dir().unwrap_or_default()).unwrap_or(&mezzo).display();
    let master = match args.master_port {
        5050 => String::new(),
        port => format!(" --master 127.0.0.1:{port}"),
    };
    println!(
        "\nThe cluster stays up: the master at http://127.0.0.1:{}, agents from port {} on. In another terminal:\n\
         \n  {mezzo} status{master}\
         \n  {mezzo} run{master} --name hello --resources 'cpus:0.5;mem:64' --command 'echo hello; sleep 5'\
         \n  {mezzo} task list --all{master}\
         \n  curl -s http://127.0.0.1:{}/state\n\
         \nThe scheduler that ran is examples/frameworks/wordcount; what decided who gets an offer is plugins/allocator-drf.\
         \nCtrl-C ends everything.",
        args.master_port, args.agent_port, args.master_port
    );
}

/// `mezzo dev` and its lines.
struct Cluster {
    child: Child,
    lines: mpsc::Receiver<String>,
    is_under_sudo: bool,
}

impl Cluster {
    fn start(args: &Args) -> Result<Cluster> {
        let mut command = Command::new(shell::target().join("debug/mezzo"));
        command.arg("dev").arg(format!("--agents={}", args.agents));
        command
            .arg(format!("--master_port={}", args.master_port))
            .arg(format!("--agent_port={}", args.agent_port));
        if let Some(dir) = &args.work_dir {
            command.arg("--work_dir").arg(dir);
        }
        if let Some(launcher) = &args.launcher {
            command.arg("--launcher").arg(launcher);
        }
        let mut child = command.stdout(Stdio::piped()).spawn().context("cannot start `mezzo dev`")?;
        let stdout = child.stdout.take().context("`mezzo dev` has no stdout")?;
        let (said, lines) = mpsc::channel();
        std::thread::spawn(move || {
            BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|line| said.send(line))
        });
        Ok(Cluster { child, lines, is_under_sudo: !is_root() && args.launcher.as_deref() != Some("posix") })
    }

    fn wait_until_ready(&mut self, stop: &AtomicBool) -> Result<()> {
        let deadline = Instant::now() + READY_TIMEOUT;
        loop {
            match self.lines.recv_timeout(STEP) {
                Ok(line) if line.starts_with("Mezzo is up") => return Ok(()),
                Ok(_) | Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    bail!("`mezzo dev` ended with {}", self.child.wait()?)
                }
            }
            ensure!(!stop.load(Ordering::Relaxed), "interrupted");
            ensure!(
                Instant::now() < deadline,
                "the cluster did not come up within {} s",
                READY_TIMEOUT.as_secs()
            );
        }
    }

    /// Waits for Ctrl-C, or for the cluster to end by itself.
    fn wait_until(&mut self, stop: &AtomicBool) -> Result<()> {
        while !stop.load(Ordering::Relaxed) {
            if let Some(status) = self.child.try_wait()? {
                bail!("`mezzo dev` ended with {status}");
            }
            std::thread::sleep(STEP);
        }
        Ok(())
    }

    /// Ends the cluster and waits until nothing of it is left.
    fn end(mut self) -> Result<()> {
        if self.child.try_wait()?.is_none() {
            self.terminate()?;
        }
        let status = wait(&mut self.child, END_TIMEOUT)?;
        ensure!(status.success(), "`mezzo dev` ended with {status}");
        Ok(())
    }

    fn terminate(&self) -> Result<()> {
        let pid = self.child.id().to_string();
        let mut kill = match self.is_under_sudo {
            // It may have become a process of root's; if it has not, plain kill is allowed.
            true => Command::new("sh"),
            false => Command::new("kill"),
        };
        match self.is_under_sudo {
            true => kill.args(["-c", &format!("kill -TERM {pid} 2>/dev/null || sudo kill -TERM {pid}")]),
            false => kill.args(["-TERM", &pid]),
        };
        run_command(&mut kill)
    }
}

/// Waits for the end of a child, and kills it when that takes too long.
fn wait(child: &mut Child, timeout: Duration) -> Result<ExitStatus> {
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() >= deadline {
            child.kill()?;
            bail!("process {} did not end within {} s and was killed", child.id(), timeout.as_secs());
        }
        std::thread::sleep(STEP);
    }
}
