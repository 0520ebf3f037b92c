use lab::witness::Commit;
use serde_json::json;
use shared_types::events::{FlowResumed, StepFinished, StepStarted};
use shared_types::{EventId, Payload, Timestamp};

use super::super::plan;
use super::*;

const ACCEPTED_AT_S: i64 = 1_700_000_000;

/// A task of two rounds, as it is when all is well.
struct Good {
    asked: Vec<Asked>,
    told: BTreeMap<TaskId, Told>,
    log: Vec<Effect>,
}

fn id(round: u32) -> TaskId {
    TaskId::from_parts(1, u128::from(round))
}

fn sha(round: u32) -> String {
    format!("{round:040x}")
}

fn told(round: u32) -> Told {
    let view = json!({
        "id": id(round), "task": "a-task", "round": round, "state": "finished", "outcome": "handed_in",
        "accepted_at": Timestamp::from_unix_ms(ACCEPTED_AT_S * 1000 + 7), "trace_id": "0".repeat(32), "email": "a***@example.com",
        "nonce": "n", "brief": "b", "deadline_at": Timestamp::from_unix_ms(ACCEPTED_AT_S * 1000), "attachments": [],
        "steps": [], "notes": [],
        "notifications": [{"attempt": 1, "at": Timestamp::from_unix_ms(0), "verdict": "accepted", "latency_ms": 1}],
    });
    let steps = plan::steps(round).iter().flat_map(|step| [started(step), finished(step)]);
    Told { view: serde_json::from_value(view).unwrap(), events: steps.collect() }
}

fn event(payload: Payload) -> Envelope {
    Envelope { event_id: EventId::from_parts(0, 1).to_string(), payload: Some(payload), ..Envelope::default() }
}

fn started(step: &str) -> Envelope {
    event(Payload::StepStarted(StepStarted { step: step.to_owned(), attempt: 1 }))
}

fn finished(step: &str) -> Envelope {
    event(Payload::StepFinished(StepFinished { step: step.to_owned(), ..StepFinished::default() }))
}

fn moved(name: &str, round: u32) -> Effect {
    let commit = Commit {
        parents: (2..=round).map(|round| sha(round - 1)).collect(),
        message: format!("feat: x\n\nSitewright-Task: a-task round {round}\n"),
        authored_at_s: ACCEPTED_AT_S,
    };
    Effect::RefMoved {
        repo: "ada/a-task-01234567".to_owned(),
        name: name.to_owned(),
        to: sha(round),
        commit: Some(commit),
    }
}

fn notified(round: u32, status: u16) -> Effect {
    let body = json!({
        "email": "a@example.com", "task": "a-task", "round": round, "nonce": "n", "repo_url": "https://r.example/",
        "commit_sha": sha(round), "pages_url": "https://p.example/",
    });
    Effect::Notified { id: Some(id(round).to_string()), body: body.to_string(), status }
}

fn good() -> Good {
    let asked = |round| Asked { task: "a-task".to_owned(), round, id: id(round), cuts: Some(0), retold: Some(0) };
    let mut log = vec![Effect::RepoMade { repo: "ada/a-task-01234567".to_owned() }];
    for round in [1, 2] {
        log.extend([moved("refs/heads/main", round), moved(&format!("refs/tags/round-{round}"), round)]);
        log.push(notified(round, 200));
    }
    Good { asked: vec![asked(1), asked(2)], told: [1, 2].map(|round| (id(round), told(round))).into(), log }
}

/// The rules that are broken once `spoil` has had its way.
#[track_caller]
fn check(spoil: impl FnOnce(&mut Good), expected: &[Rule]) {
    let mut world = good();
    spoil(&mut world);
    let log: Vec<_> = world.log.into_iter().zip(1..).map(|(effect, n)| Entry { n, at_ms: n, effect }).collect();
    let found = judge(&world.asked, &world.told, &log);
    let rules: BTreeSet<_> = found.iter().map(|violation| violation.rule).collect();
    assert_eq!(rules, expected.iter().copied().collect(), "{found:#?}");
}

#[test]
fn what_is_well_is_found_well() {
    check(|_| {}, &[]);
    // Refused first, accepted then.
    check(|world| world.log.insert(3, notified(1, 500)), &[]);
}

#[test]
fn what_is_lost_or_invented_is_noticed() {
    check(|world| drop(world.told.remove(&id(2))), &[Rule::NothingIsLost]);
    check(
        |world| {
            let told = world.told.get_mut(&id(1)).unwrap();
            told.view.summary.outcome = None;
        },
        &[Rule::NothingIsLost],
    );
    check(|world| drop(world.told.insert(id(3), told(2))), &[Rule::NothingIsInvented]);
    check(|world| world.log.push(Effect::RepoMade { repo: "ada/b-01234567".to_owned() }), &[Rule::NothingIsInvented]);
}

#[test]
fn a_second_repository_commit_or_branch_is_noticed() {
    check(|world| world.log.push(Effect::RepoMade { repo: "ada/a-task-76543210".to_owned() }), &[Rule::OneRepository]);
    check(|world| world.log.push(moved("refs/heads/sitewright/round-2", 2)), &[Rule::OneCommitARound]);
    // The same round once more, on top of itself.
    let again = |world: &mut Good| {
        let Effect::RefMoved { repo, name, commit, .. } = moved("refs/heads/main", 2) else { unreachable!() };
        let commit = commit.map(|commit| Commit { parents: vec![sha(2)], ..commit });
        world.log.push(Effect::RefMoved { repo, name, to: sha(9), commit });
    };
    check(again, &[Rule::OneCommitARound]);
}

#[test]
fn rounds_that_overtake_each_other_are_noticed() {
    // The second commit before the first one was told of.
    check(|world| world.log.swap(3, 4), &[Rule::RoundsInOrder]);
    check(|world| world.log.swap(1, 4), &[Rule::RoundsInOrder, Rule::ToldWhatIsThere]);
}

#[test]
fn a_date_of_its_own_is_noticed() {
    let redate = |world: &mut Good| {
        let Effect::RefMoved { commit: Some(commit), .. } = &mut world.log[1] else { unreachable!() };
        commit.authored_at_s += 1;
    };
    check(redate, &[Rule::DatesFollowFromTheRequest]);
}

#[test]
fn notifications_that_differ_or_come_too_often_are_noticed() {
    check(|world| world.log.push(notified(2, 200)), &[Rule::OneAcceptance]);
    let spared = |world: &mut Good| {
        world.log.push(notified(2, 200));
        world.asked[1].retold = Some(1);
    };
    check(spared, &[]);
    let restamped = |world: &mut Good| {
        let Effect::Notified { id, body, .. } = notified(2, 500) else { unreachable!() };
        world.log.push(Effect::Notified { id, body: format!("{body}\n"), status: 500 });
    };
    check(restamped, &[Rule::SameBytes]);
    check(|world| drop(world.log.remove(6)), &[Rule::OneAcceptance]);
    check(|world| world.log.swap(4, 6), &[Rule::ToldWhatIsThere]);
}

#[test]
fn steps_that_run_too_often_are_noticed() {
    let add = |events: Vec<Envelope>| move |world: &mut Good| world.told.get_mut(&id(1)).unwrap().events.extend(events);
    check(add(vec![started("generate")]), &[Rule::StepsOnce]);
    check(add(vec![finished("publish")]), &[Rule::StepsOnce]);
    let resumed = || event(Payload::FlowResumed(FlowResumed { epoch: 2, after_step: "decide".to_owned() }));
    check(add(vec![resumed(), started("generate")]), &[Rule::Resumed]);
    let cut_off = |world: &mut Good| {
        add(vec![resumed(), started("generate")])(world);
        world.asked[0].cuts = Some(1);
    };
    check(cut_off, &[]);
}
