//! Tasks as `/v1/tasks` shows them, read from wherever they are kept.

use ports::{Error, TaskPage, TaskReader, TaskRecord};
use shared_types::http::{TaskList, TaskSummary, TaskView};
use shared_types::{Envelope, Round, TaskId};

use crate::stream::PAGE_EVENTS;
use crate::view;

/// Pages of events read for one view. A flow has some dozens of events; this bounds what a broken one can cost.
const MAX_VIEW_PAGES: usize = 20;

/// A page of tasks, newest first, with where to read on.
///
/// # Errors
/// They cannot be read.
pub async fn list<R: TaskReader + ?Sized>(reader: &R, page: TaskPage) -> Result<TaskList, Error> {
    // One more than asked tells whether there is a next page.
    let more = TaskPage { limit: page.limit.saturating_add(1), ..page };
    let mut records = reader.page_of(more).await?;
    let asked = page.limit as usize;
    let next_before = (records.len() > asked).then(|| records[asked - 1].id);
    records.truncate(asked);
    Ok(TaskList { tasks: records.iter().map(view::summary).collect(), next_before })
}

/// One row of the list.
#[must_use]
pub fn summary(task: &TaskRecord) -> TaskSummary {
    view::summary(task)
}

/// One task whole; none when there is no such task. `plan` names the steps of a round, in order.
///
/// # Errors
/// It cannot be read.
pub async fn show<R: TaskReader + ?Sized>(
    reader: &R,
    plan: fn(Round) -> &'static [&'static str],
    id: TaskId,
) -> Result<Option<TaskView>, Error> {
    let Some(record) = reader.task_of(id).await? else { return Ok(None) };
    let events = all_events(reader, id).await?;
    let notifications = reader.attempts_of(id).await?;
    let steps = view::steps(plan(record.round), &events);
    Ok(Some(view::task(record, steps, notifications)))
}

async fn all_events<R: TaskReader + ?Sized>(reader: &R, id: TaskId) -> Result<Vec<Envelope>, Error> {
    let mut events: Vec<Envelope> = Vec::new();
    for _ in 0..MAX_VIEW_PAGES {
        let after = events.last().map_or(0, |event| event.seq);
        let page = reader.events_of(id, after, PAGE_EVENTS).await?;
        let is_last = page.len() < PAGE_EVENTS as usize;
        events.extend(page);
        if is_last {
            break;
        }
    }
    Ok(events)
}
