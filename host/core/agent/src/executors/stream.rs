//! The connection to an executor.

use mezzo_model::StreamId;

use super::events;
use crate::{
    agent::{Agent, Turn},
    config::EXECUTOR_HEARTBEAT,
    executor::ExecutorKey,
    timers::Timer,
};

impl Agent {
    /// Ties an executor to a new stream; one that it had is closed.
    pub(crate) fn connect_executor(&mut self, turn: &mut Turn, key: &ExecutorKey, stream: StreamId) {
        let Some(executor) = self.executors.get_mut(key) else { return };
        if let Some(old) = executor.stream.replace(stream) {
            self.executor_streams.remove(&old);
            turn.out.close_stream(old, "the executor has subscribed again");
        }
        self.executor_streams.insert(stream, key.clone());
        self.timers.set(Timer::Heartbeat(key.clone()), turn.now.mono + EXECUTOR_HEARTBEAT);
    }

    /// A stream has ended on the executor's side. It may subscribe again whenever it likes; if it
    /// has ended, the node says so.
    pub(crate) fn executor_stream_closed(&mut self, stream: StreamId) {
        let Some(key) = self.executor_streams.remove(&stream) else { return };
        self.timers.cancel(&Timer::Heartbeat(key.clone()));
        if let Some(executor) = self.executors.get_mut(&key) {
            executor.stream = None;
        }
    }

    pub(crate) fn executor_heartbeat(&mut self, turn: &mut Turn, key: &ExecutorKey) {
        let Some(stream) = self.executors.get(key).and_then(|executor| executor.stream) else { return };
        turn.out.event(stream, events::heartbeat());
        self.timers.set(Timer::Heartbeat(key.clone()), turn.now.mono + EXECUTOR_HEARTBEAT);
    }
}
