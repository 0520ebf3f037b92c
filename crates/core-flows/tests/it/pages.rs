//! Bad days of pages, and how each ends: live and proven, or handed in with what is known of it.

use std::time::Duration;

use ports::PagesState;
use shared_types::http::{Notification, Outcome};
use shared_types::{CommitSha, Payload};

use crate::world::{World, request};

/// How one bad day is made and how it ends.
struct Day {
    what: &'static str,
    make: fn(&World),
    /// The last word of the step `pages`.
    live: bool,
    /// In the notes of the record; empty for none.
    note: &'static str,
    commits: usize,
    rebuilds: u32,
}

const FAILED: fn() -> PagesState = || PagesState::Failed { reason: "Page build failed.".to_owned() };

fn say(world: &World, states: impl IntoIterator<Item = PagesState>) {
    world.host.pages_say.lock().unwrap().extend(states);
}

async fn check(day: Day) {
    let mut world = World::new();
    (day.make)(&world);
    let receipt = world.post(ports::Route::Build, request(1, "n-1")).await.unwrap();
    world.start();
    let task = world.finished(receipt.id).await;
    assert_eq!(task.outcome, Some(Outcome::HandedIn), "{}", day.what);
    assert!(task.finished_at.unwrap() < task.deadline_at, "{}", day.what);
    let live = world.events(task.id).await.into_iter().any(|event| match event.payload {
        Some(Payload::PagesServed(served)) => served.live,
        _ => false,
    });
    assert_eq!(live, day.live, "{}: {:?}", day.what, task.notes);
    assert!(
        task.notes.iter().any(|note| note.contains(day.note)) || day.note.is_empty(),
        "{}: {:?}",
        day.what,
        task.notes
    );
    assert_eq!(world.host.commits()[0].1, day.commits, "{}: {:?}", day.what, task.notes);
    assert_eq!(*world.host.rebuilds.lock().unwrap(), day.rebuilds, "{}", day.what);
    // The evaluator, the record and the repository agree on the commit.
    let told: Notification = serde_json::from_slice(&world.notifier.deliveries.lock().unwrap()[0].1).unwrap();
    let head: CommitSha = world.host.repos.lock().unwrap().values().next().unwrap().last().unwrap().0.clone();
    assert_eq!((&told.commit_sha, task.commit_sha.as_ref()), (&head, Some(&head)), "{}", day.what);
    world.shutdown.cancel();
}

#[tokio::test(start_paused = true)]
async fn each_bad_day_has_its_end() {
    let days = [
        Day { what: "a good one", make: |_| {}, live: true, note: "", commits: 1, rebuilds: 0 },
        Day {
            what: "a build in the queue beyond the deadline",
            make: |world| *world.host.pages_never_build.lock().unwrap() = true,
            live: false,
            note: "still being built",
            commits: 1,
            rebuilds: 0,
        },
        Day {
            what: "a long build",
            make: |world| say(world, vec![PagesState::Building; 40]),
            live: true,
            note: "",
            commits: 1,
            rebuilds: 0,
        },
        Day {
            what: "failed by the host's word, and live",
            make: |world| say(world, vec![FAILED(); 100]),
            live: true,
            note: "but the site is live",
            commits: 1,
            rebuilds: 0,
        },
        Day {
            what: "failed, and built when asked again",
            make: |world| {
                *world.host.not_served.lock().unwrap() = 3;
                say(world, vec![FAILED(); 3]);
            },
            live: true,
            note: "asked for again",
            commits: 1,
            rebuilds: 1,
        },
        Day {
            what: "stuck in errors until a new commit",
            make: |world| {
                *world.host.not_served.lock().unwrap() = 6;
                say(world, vec![FAILED(); 6]);
            },
            live: true,
            note: "went out again",
            commits: 2,
            rebuilds: 1,
        },
        Day {
            what: "stuck in errors for good",
            make: |world| {
                *world.host.not_served.lock().unwrap() = 10_000;
                say(world, vec![FAILED(); 10_000]);
            },
            live: false,
            note: "its build failed: Page build failed.",
            commits: 2,
            rebuilds: 1,
        },
        Day {
            what: "a cancelled build",
            make: |world| *world.host.cancels_first.lock().unwrap() = true,
            live: true,
            note: "went out again",
            commits: 2,
            rebuilds: 0,
        },
        Day {
            what: "built, and a cache still shows what was there before",
            make: |world| *world.host.not_served.lock().unwrap() = 20,
            live: true,
            note: "",
            commits: 1,
            rebuilds: 0,
        },
        Day {
            what: "built, and never shown",
            make: |world| *world.host.not_served.lock().unwrap() = 10_000,
            live: false,
            note: "its URL does not serve it yet",
            commits: 1,
            rebuilds: 0,
        },
    ];
    for day in days {
        check(day).await;
    }
}

/// What was handed in late is looked at again, and the record then says that it is live.
#[tokio::test(start_paused = true)]
async fn the_record_of_a_late_site_is_corrected() {
    let mut world = World::new();
    *world.host.pages_never_build.lock().unwrap() = true;
    let receipt = world.post(ports::Route::Build, request(1, "n-1")).await.unwrap();
    world.start();
    let task = world.finished(receipt.id).await;
    let words = async || {
        let events = world.events(task.id).await;
        let served = events.iter().filter_map(|event| match &event.payload {
            Some(Payload::PagesServed(served)) => Some(served.live.to_string()),
            Some(Payload::StepFinished(done)) if done.step == "pages" => Some(done.summary.clone()),
            _ => None,
        });
        served.collect::<Vec<_>>()
    };
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(words().await, ["false", "not live yet"]);
    *world.host.pages_never_build.lock().unwrap() = false;
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(words().await, ["false", "not live yet", "true", "live, after it was handed in"]);
    world.shutdown.cancel();
}

/// A domain of the owner's: what the host says is told. One that may not be called is told as well, and not looked at.
#[tokio::test(start_paused = true)]
async fn pages_are_where_the_host_says() {
    for (url, live, note) in [
        ("https://sites.example.org/shop/", true, ""),
        ("https://refused.example/", false, "without a look at the site: refused.example is never asked"),
    ] {
        let mut world = World::new();
        *world.host.pages_at.lock().unwrap() = Some(url.parse().unwrap());
        let receipt = world.post(ports::Route::Build, request(1, "n-1")).await.unwrap();
        world.start();
        let task = world.finished(receipt.id).await;
        assert_eq!(task.outcome, Some(Outcome::HandedIn), "{url}");
        assert_eq!(task.pages_url.as_ref().map(url::Url::as_str), Some(url));
        let told: Notification = serde_json::from_slice(&world.notifier.deliveries.lock().unwrap()[0].1).unwrap();
        assert_eq!(told.pages_url, url);
        let seen = world.events(task.id).await.into_iter().find_map(|event| match event.payload {
            Some(Payload::PagesServed(served)) => Some(served.live),
            _ => None,
        });
        assert_eq!(seen, Some(live), "{url}");
        assert!(note.is_empty() || task.notes.iter().any(|said| said.contains(note)), "{:?}", task.notes);
        world.shutdown.cancel();
    }
}
