//! X7: evaluators that reset, accept and drop the answer, drip, talk too much, redirect, are gone, or ask for time.
//!
//! Each case says which answers the ledger shall have on record, with the least wait before each, and how the task ends.
//! The bytes are the same each time. That 500s for minutes are borne is a matter of the clock: core-flows shows it with
//! one that is paused.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::future::try_join_all;
use lab::evaluator::Answer;
use lab::proxy::{Line, Proxy};
use shared_types::http::{NotificationAttempt, Outcome};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::judge::Told;
use super::tally::Tally;
use super::world::{Options, World};
use crate::{Instance, Outside};

/// A byte a second and the time-out of an attempt are what takes long.
const LONG: Duration = Duration::from_secs(180);

/// A wait may be so much longer than stated, on a busy machine.
const LATE: Duration = Duration::from_secs(10);

/// An evaluator with its ways.
#[derive(Debug, Clone)]
pub struct Case {
    name: &'static str,
    /// The next connections, and then sound ones.
    lines: Vec<Line>,
    /// The next answers, and then 200.
    answers: Vec<Answer>,
    /// The verdicts on record, each with the seconds that pass before it at least.
    expected: Vec<(&'static str, u64)>,
    outcome: Outcome,
    /// Requests that reach the evaluator.
    reach: usize,
}

/// Every case.
#[must_use]
pub fn cases() -> Vec<Case> {
    let case = |name, expected: &[(&'static str, u64)], outcome, reach| Case {
        name,
        lines: Vec::new(),
        answers: Vec::new(),
        expected: expected.to_vec(),
        outcome,
        reach,
    };
    let handed_in = Outcome::HandedIn;
    let (again, accepted) = ("again", "accepted");
    vec![
        Case {
            lines: vec![Line::Reset; 3],
            ..case("resets", &[(again, 0), (again, 1), (again, 2), (accepted, 4)], handed_in, 1)
        },
        Case {
            lines: vec![Line::DropAnswer],
            ..case("accepts-and-drops-the-answer", &[(again, 0), (accepted, 1)], handed_in, 2)
        },
        // Its first line is not whole within the 15 s of an attempt.
        Case {
            lines: vec![Line::Drip(Duration::from_secs(1))],
            ..case("drips", &[(again, 0), (accepted, 1)], handed_in, 2)
        },
        Case {
            answers: vec![Answer::from(200).padded(10 << 20)],
            ..case("ten-megabytes", &[(accepted, 0)], handed_in, 1)
        },
        Case {
            answers: vec![Answer::from(301).header("location", "/elsewhere")],
            ..case("moved", &[("final", 0)], Outcome::Refused, 1)
        },
        Case { answers: vec![Answer::from(410)], ..case("gone", &[("final", 0)], Outcome::Refused, 1) },
        Case {
            answers: vec![Answer::from(429).header("retry-after", "5")],
            ..case("asks-for-time", &[(again, 0), (accepted, 5)], handed_in, 2)
        },
        Case {
            answers: vec![Answer::from(500), Answer::from(503)],
            ..case("fails", &[(again, 0), (again, 1), (accepted, 2)], handed_in, 3)
        },
    ]
}

/// All `cases` at once, so many times, with one service.
///
/// # Errors
/// Something could not be tried at all.
pub async fn run(name: &str, cases: &[Case], times: usize, options: Options) -> Result<Tally> {
    let world = World::new(name, options)?;
    let server = Instance::start(world.launch().with("CONCURRENCY", "32")).await?;
    let mut tally = Tally::new(name, cases.len() * times, &[]);
    for round in 0..times {
        let tried = cases.iter().map(|case| case.play(&world, &server, round));
        tally.violations.extend(try_join_all(tried).await?.into_iter().flatten());
    }
    Ok(tally)
}

impl Case {
    /// Posts a task whose evaluator is like this, and says what is not as stated.
    async fn play(&self, world: &World, server: &Instance, n: usize) -> Result<Option<String>> {
        let outside = Outside::new()?;
        outside.evaluator.script(self.answers.iter().cloned());
        let (proxy, _running) = in_front_of(&outside)?;
        proxy.next(self.lines.iter().copied());
        let mut url = outside.evaluator.url();
        url.set_port(Some(proxy.addr().port())).ok().context("an address without a port")?;
        let request = world.request(&format!("x7-{}-{n}", self.name), 1)?.evaluated_at(&url);
        let id = request.post(server, LONG).await?;
        let told = Told::at_the_end(server, id, LONG).await?;
        let received = outside.evaluator.received();
        let same = received.iter().all(|item| {
            (&item.body, item.header("webhook-id")) == (&received[0].body, received[0].header("webhook-id"))
        });
        let judged = self.judge(&told, received.len(), same);
        Ok(judged.err().map(|error| format!("{}: {error:#}: {:#?}", self.name, told.view.notifications)))
    }

    fn judge(&self, told: &Told, received: usize, same: bool) -> Result<()> {
        ensure!(told.view.summary.outcome == Some(self.outcome), "ended {:?}", told.view.summary.outcome);
        ensure!(received == self.reach, "{received} requests came instead of {}", self.reach);
        ensure!(same, "the bytes or the id differ");
        let attempts = &told.view.notifications;
        let verdicts: Vec<_> = attempts.iter().map(|attempt| attempt.verdict.as_str()).collect();
        let expected: Vec<_> = self.expected.iter().map(|(verdict, _)| *verdict).collect();
        ensure!(verdicts == expected, "{verdicts:?} instead of {expected:?}");
        for (pair, (_, wait_s)) in attempts.windows(2).zip(self.expected.iter().skip(1)) {
            let (waited, stated) = (between(&pair[0], &pair[1]), Duration::from_secs(*wait_s));
            ensure!(waited >= stated && waited < stated + LATE, "waited {waited:?} instead of {stated:?}");
        }
        Ok(())
    }
}

/// From the end of one attempt to the end of the next, as both are on record.
fn between(one: &NotificationAttempt, next: &NotificationAttempt) -> Duration {
    next.at.since(one.at)
}

/// A proxy in front of an evaluator, for as long as the guard is kept.
fn in_front_of(outside: &Outside) -> Result<(lab::proxy::Handle, DropGuard)> {
    let to = outside.evaluator.url().socket_addrs(|| None)?;
    let proxy = Proxy::bind(SocketAddr::from(([127, 0, 0, 1], 0)), *to.first().context("no address")?)?;
    let (handle, stop) = (proxy.handle(), CancellationToken::new());
    tokio::spawn(proxy.run(stop.clone()));
    Ok((handle, stop.drop_guard()))
}
