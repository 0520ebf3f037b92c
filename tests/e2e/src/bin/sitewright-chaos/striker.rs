//! Strikes this process.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use e2e::chaos::plan::{Blow, Moment, Plans};
use rustix::process::{Signal, getpid, kill_process};

/// By then a signal has reached every thread.
const TAKEN_WITHIN: Duration = Duration::from_millis(100);

/// Knows which step each task is in, and what is planned for it.
#[derive(Debug)]
pub(crate) struct Striker {
    plans: Plans,
    /// Round and step by the task's name.
    running: Mutex<HashMap<String, (u32, String)>>,
}

/// A round of a task.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) task: String,
    pub(crate) round: u32,
}

impl Striker {
    pub(crate) fn new(plans: Plans) -> Self {
        Self { plans, running: Mutex::default() }
    }

    /// A step's start is on record.
    pub(crate) fn begun(&self, place: &Place, step: &str) {
        let now = (place.round, step.to_owned());
        self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(place.task.clone(), now);
        self.at(place, step, Moment::Begun);
    }

    /// The step that `task` is in has just changed something outside.
    pub(crate) fn effect(&self, task: &str) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).get(task).cloned();
        if let Some((round, step)) = running {
            self.at(&Place { task: task.to_owned(), round }, &step, Moment::Effect);
        }
    }

    /// Strikes when that is planned for this moment.
    pub(crate) fn at(&self, place: &Place, step: &str, moment: Moment) {
        let signal = match self.plans.take(&place.task, place.round, step, moment) {
            Some(Blow::Kill) => Signal::KILL,
            Some(Blow::Stop) => Signal::STOP,
            None => return,
        };
        if let Err(error) = kill_process(getpid(), signal) {
            eprintln!("this process could not be struck: {error}");
        }
        // Another thread may take the signal, and until it has, this one would go on with what it is about to do.
        std::thread::sleep(TAKEN_WITHIN);
    }
}
