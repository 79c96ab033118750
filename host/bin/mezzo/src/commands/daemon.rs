//! What every daemon shares: its run time, and how it is told to end.

use tokio::{
    io::AsyncReadExt,
    signal::unix::{Signal, SignalKind, signal},
};

use super::LIFELINE;

/// How a daemon was told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// SIGTERM or SIGINT: the daemon alone; tasks live on.
    Daemon,
    /// SIGUSR1, or the process that holds the lifeline is gone: everything it runs, too.
    Everything,
}

/// The signals a daemon listens to.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    user: Signal,
}

impl Signals {
    /// Begins to listen.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            user: signal(SignalKind::user_defined1())?,
        })
    }

    /// Waits for the first of them.
    pub async fn wait(mut self) -> End {
        tokio::select! {
            _ = self.interrupt.recv() => End::Daemon,
            _ = self.terminate.recv() => End::Daemon,
            _ = self.user.recv() => End::Everything,
            () = lifeline() => End::Everything,
        }
    }
}

/// Ready when standard input ends, where it is a lifeline; never otherwise.
async fn lifeline() {
    if std::env::var_os(LIFELINE).is_none() {
        return std::future::pending().await;
    }
    let (mut stdin, mut byte) = (tokio::io::stdin(), [0; 64]);
    while matches!(stdin.read(&mut byte).await, Ok(n) if n > 0) {}
}

/// Runs a daemon on threads of its own, and does not wait for a blocked read of standard input at the end.
pub fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(future);
    runtime.shutdown_background();
    outcome
}
