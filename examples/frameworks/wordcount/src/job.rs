//! What is to be done, what is under way, what is done. No network and no clock.
//!
//! ```text
//! Waiting ──▶ Launched ──▶ Finished
//!    ▲────────────┘            │
//!    ▲─────────────────────────┘  its result could not be read
//! ```
//!
//! A job is written to its state file before anything that relies on it leaves:
//! a task's name before the task is launched, its end before it is acknowledged.
//! So it can be killed at any moment and go on from the file.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::text::Text;

/// Ends that are not the task's fault (an agent went away, an offer was gone) are tried again more often.
const LOSSES_MAX: u32 = 50;

/// The whole job. What is not written to the state file is marked so.
#[derive(Debug, Serialize, Deserialize)]
pub struct Job {
    text: String,
    pieces: Vec<Piece>,
    /// Who we are to the master, once it said so.
    pub framework_id: Option<String>,
    /// Where the pieces are served: the same place again, if it is free.
    pub port: Option<u16>,
    #[serde(skip)]
    file: Option<PathBuf>,
}

/// One piece of the text.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Piece {
    attempt: u32,
    failures: u32,
    losses: u32,
    state: State,
}

#[derive(Debug, Default, Serialize, Deserialize)]
enum State {
    #[default]
    Waiting,
    Launched(Place),
    Finished(Place),
}

/// A task and where it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub framework_id: String,
    pub task_id: String,
    pub agent_id: String,
    /// The agent's `ip:port`.
    pub address: String,
}

/// What a status update means for the job.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Moved {
    /// Nothing changed.
    Nowhere,
    /// It is not the task that we count on for its piece, and it still runs.
    Stray,
    /// The result of this piece can be read.
    Finished(usize),
    /// This piece waits again.
    Again(usize),
    /// There is no sense in going on.
    Hopeless(String),
}

impl Job {
    /// Goes on from `file` where there is one, else begins.
    pub fn load_or_new(file: Option<&Path>, text: &Text) -> Result<Job> {
        let mut job = match file.map(fs::read_to_string) {
            Some(Ok(saved)) => serde_json::from_str(&saved).context("the state file is not one of ours")?,
            Some(Err(error)) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).context("cannot read the state file");
            }
            Some(Err(_)) | None => Job::new(text),
        };
        ensure!(
            job.text == text.digest() && job.pieces.len() == text.pieces(),
            "the state file belongs to another text or another number of pieces: remove it, or name another"
        );
        job.file = file.map(Path::to_owned);
        Ok(job)
    }

    fn new(text: &Text) -> Job {
        let pieces = (0..text.pieces()).map(|_| Piece::default()).collect();
        Job { text: text.digest().to_owned(), pieces, framework_id: None, port: None, file: None }
    }

    /// Writes the state file, if there is one: whole or not at all.
    pub fn save(&self) -> Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let beside = file.with_extension("new");
        let write = || {
            let mut out = fs::File::create(&beside)?;
            out.write_all(&serde_json::to_vec(self)?)?;
            fs::rename(&beside, file)
        };
        write().with_context(|| format!("cannot write the state file `{}`", file.display()))
    }

    /// Takes up to `room` waiting pieces and names a task for each.
    pub fn launch(&mut self, room: usize, agent_id: &str, address: &str) -> Vec<(usize, Place)> {
        let framework_id = self.framework_id.clone().unwrap_or_default();
        let waiting =
            self.pieces.iter_mut().enumerate().filter(|(_, piece)| matches!(piece.state, State::Waiting));
        let mut launched = Vec::new();
        for (index, piece) in waiting.take(room) {
            piece.attempt += 1;
            let task_id = format!("piece-{index:04}-{}", piece.attempt);
            let place = Place {
                framework_id: framework_id.clone(),
                task_id,
                agent_id: agent_id.to_owned(),
                address: address.to_owned(),
            };
            piece.state = State::Launched(place.clone());
            launched.push((index, place));
        }
        launched
    }

    /// Takes in a status update. Updates may be repeated, be late, or speak of tasks given up long ago.
    pub fn update(&mut self, task_id: &str, state: &str, message: &str, attempts: u32) -> Moved {
        let is_over = !matches!(state, "TASK_STAGING" | "TASK_STARTING" | "TASK_RUNNING" | "TASK_KILLING");
        let current =
            self.pieces.iter_mut().enumerate().find(
                |(_, piece)| matches!(&piece.state, State::Launched(place) if place.task_id == task_id),
            );
        let Some((index, piece)) = current else {
            return if is_over || self.is_finished(task_id) { Moved::Nowhere } else { Moved::Stray };
        };
        let State::Launched(place) = &piece.state else { return Moved::Nowhere };
        match state {
            _ if !is_over => Moved::Nowhere,
            "TASK_FINISHED" => {
                piece.state = State::Finished(place.clone());
                Moved::Finished(index)
            }
            "TASK_ERROR" => Moved::Hopeless(format!("task {task_id} was refused: {message}")),
            "TASK_FAILED" => piece.failed(index, attempts, message),
            _ => {
                piece.losses += 1;
                piece.state = State::Waiting;
                match piece.losses <= LOSSES_MAX {
                    true => Moved::Again(index),
                    false => Moved::Hopeless(format!(
                        "piece {index} was lost {LOSSES_MAX} times: {state} {message}"
                    )),
                }
            }
        }
    }

    /// The result of a finished piece is not to be had: it counts as a failure.
    pub fn unreadable(&mut self, index: usize, attempts: u32, message: &str) -> Moved {
        match self.pieces.get_mut(index) {
            Some(piece) => piece.failed(index, attempts, message),
            None => Moved::Nowhere,
        }
    }

    /// Our framework is unknown to the master: all that ran under it is over.
    pub fn start_over(&mut self) {
        self.framework_id = None;
        for piece in &mut self.pieces {
            if let State::Launched(_) = piece.state {
                piece.state = State::Waiting;
            }
        }
    }

    pub fn is_waiting(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece.state, State::Waiting))
    }

    /// Tasks under way, as far as we know.
    pub fn launched(&self) -> impl Iterator<Item = &Place> {
        self.pieces.iter().filter_map(|piece| match &piece.state {
            State::Launched(place) => Some(place),
            State::Waiting | State::Finished(_) => None,
        })
    }

    /// Finished pieces and where their results lie.
    pub fn finished(&self) -> impl Iterator<Item = (usize, &Place)> {
        self.pieces.iter().enumerate().filter_map(|(index, piece)| match &piece.state {
            State::Finished(place) => Some((index, place)),
            State::Waiting | State::Launched(_) => None,
        })
    }

    fn is_finished(&self, task_id: &str) -> bool {
        self.finished().any(|(_, place)| place.task_id == task_id)
    }
}

impl Piece {
    fn failed(&mut self, index: usize, attempts: u32, message: &str) -> Moved {
        self.failures += 1;
        self.state = State::Waiting;
        match self.failures < attempts {
            true => Moved::Again(index),
            false => Moved::Hopeless(format!("piece {index} failed {attempts} times, at last: {message}")),
        }
    }
}

/// The job is done: nothing is left to go on from.
pub fn forget(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove the state file `{}`", file.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(pieces: usize) -> Job {
        Job::new(&Text::new("a\n".repeat(pieces).into_bytes(), pieces))
    }

    fn launch(job: &mut Job, room: usize) -> Vec<String> {
        job.launch(room, "a1", "127.0.0.1:5051").into_iter().map(|(_, place)| place.task_id).collect()
    }

    #[test]
    fn each_piece_is_launched_once() {
        let mut job = job(3);
        assert_eq!(launch(&mut job, 2), ["piece-0000-1", "piece-0001-1"]);
        assert_eq!(launch(&mut job, 2), ["piece-0002-1"]);
        assert!(!job.is_waiting());
        assert!(launch(&mut job, 2).is_empty());
    }

    /// A task that failed must come back under another name: the old one may still be known.
    #[test]
    fn failed_task_is_tried_again_under_a_new_name_and_not_for_ever() {
        let mut job = job(1);
        for attempt in 1..3 {
            assert_eq!(launch(&mut job, 1), [format!("piece-0000-{attempt}")]);
            assert_eq!(job.update(&format!("piece-0000-{attempt}"), "TASK_FAILED", "no", 3), Moved::Again(0));
        }
        launch(&mut job, 1);
        let last = job.update("piece-0000-3", "TASK_FAILED", "no disk", 3);
        assert_eq!(last, Moved::Hopeless("piece 0 failed 3 times, at last: no disk".into()));
    }

    #[test]
    fn lost_task_does_not_count_as_failed() {
        let mut job = job(1);
        for attempt in 1..=LOSSES_MAX {
            launch(&mut job, 1);
            assert_eq!(job.update(&format!("piece-0000-{attempt}"), "TASK_LOST", "", 1), Moved::Again(0));
        }
        launch(&mut job, 1);
        assert!(matches!(job.update("piece-0000-51", "TASK_GONE", "", 1), Moved::Hopeless(_)));
    }

    /// The agent was thought lost, the piece runs elsewhere, and then the old task shows up again.
    #[test]
    fn old_task_of_a_piece_is_stray_while_it_runs_and_nothing_after() {
        let mut job = job(1);
        launch(&mut job, 1);
        assert_eq!(job.update("piece-0000-1", "TASK_LOST", "", 3), Moved::Again(0));
        launch(&mut job, 1);
        assert_eq!(job.update("piece-0000-1", "TASK_RUNNING", "", 3), Moved::Stray);
        assert_eq!(job.update("piece-0000-1", "TASK_FINISHED", "", 3), Moved::Nowhere);
        assert_eq!(job.update("piece-0000-2", "TASK_FINISHED", "", 3), Moved::Finished(0));
        assert_eq!(job.update("piece-0000-2", "TASK_FINISHED", "", 3), Moved::Nowhere, "repeated");
        assert_eq!(job.update("piece-0000-2", "TASK_RUNNING", "", 3), Moved::Nowhere, "late");
    }

    #[test]
    fn refused_task_is_hopeless() {
        let mut job = job(1);
        launch(&mut job, 1);
        assert!(matches!(job.update("piece-0000-1", "TASK_ERROR", "cpus < 0.01", 3), Moved::Hopeless(_)));
    }

    #[test]
    fn unreadable_result_sends_the_piece_back() {
        let mut job = job(1);
        launch(&mut job, 1);
        assert_eq!(job.update("piece-0000-1", "TASK_FINISHED", "", 3), Moved::Finished(0));
        assert_eq!(job.unreadable(0, 3, "404"), Moved::Again(0));
        assert_eq!(launch(&mut job, 1), ["piece-0000-2"]);
    }

    #[test]
    fn goes_on_from_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("state.json");
        let text = Text::new(b"a\nb\n".to_vec(), 2);
        let mut job = Job::load_or_new(Some(&file), &text).unwrap();
        job.framework_id = Some("f1".into());
        launch(&mut job, 2);
        assert_eq!(job.update("piece-0001-1", "TASK_FINISHED", "", 3), Moved::Finished(1));
        job.save().unwrap();

        let again = Job::load_or_new(Some(&file), &text).unwrap();
        assert_eq!(again.framework_id.as_deref(), Some("f1"));
        assert_eq!(again.launched().map(|place| &*place.task_id).collect::<Vec<_>>(), ["piece-0000-1"]);
        assert_eq!(again.finished().map(|(index, _)| index).collect::<Vec<_>>(), [1]);

        let other = Text::new(b"a\nc\n".to_vec(), 2);
        assert!(Job::load_or_new(Some(&file), &other).unwrap_err().to_string().contains("another text"));
        forget(&file).unwrap();
        forget(&file).unwrap();
        assert!(Job::load_or_new(Some(&file), &other).is_ok());
    }

    #[test]
    fn start_over_forgets_what_ran_but_not_what_is_finished() {
        let mut job = job(2);
        job.framework_id = Some("f1".into());
        launch(&mut job, 2);
        assert_eq!(job.update("piece-0000-1", "TASK_FINISHED", "", 3), Moved::Finished(0));
        job.start_over();
        assert_eq!(job.framework_id, None);
        assert_eq!(launch(&mut job, 2), ["piece-0001-2"]);
    }
}
