//! Replays what released versions wrote: `replay FOLDER` reads every `FOLDER/<version>/round-<n>.json`, `events.json` and
//! `shared.json`, prints a line for each thing that this version does not read as it was written, and ends with 1 when
//! there is one. Run by `cargo xtask contracts check`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ports::{Did, Dossier, StepRecord, TaskCopy};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared_types::{Envelope, Round, Timestamp};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<ExitCode> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from).ok_or("name the folder of released files")?;
    let mut findings = Vec::new();
    let mut read = 0;
    for version in entries(&folder)?.iter().filter(|path| path.is_dir()) {
        for file in entries(version)? {
            let value: Value = serde_json::from_slice(&std::fs::read(&file)?)?;
            let found = match file.file_name().and_then(|name| name.to_str()) {
                Some("events.json") => events(&value)?,
                Some("shared.json") => shared(&value)?,
                _ => journal(&value)?,
            };
            findings.extend(found.into_iter().map(|finding| format!("{}: {finding}", file.display())));
            read += 1;
        }
    }
    if read == 0 {
        findings.push(format!("{}: there are no released journals", folder.display()));
    }
    findings.iter().for_each(|finding| println!("{finding}"));
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn journal(file: &Value) -> Result<Vec<String>> {
    let round = file["round"].as_u64().and_then(|round| u32::try_from(round).ok()).ok_or("no round")?;
    let at = Timestamp::from_unix_ms(0);
    let records = file["journal"].as_array().ok_or("no journal")?.iter().map(|record| {
        Ok(StepRecord {
            step: record["step"].as_str().ok_or("no step")?.to_owned(),
            outcome: record["outcome"].to_string(),
            summary: String::new(),
            started_at: at,
            finished_at: at,
            attempts: 1,
        })
    });
    let records: Result<Vec<_>> = records.collect();
    Ok(core_flows::released::unread(Round::try_from(round)?, &records?))
}

/// Each event as its bytes and as what they say.
fn events(file: &Value) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for (at, event) in file.as_array().ok_or("no events")?.iter().enumerate() {
        let bytes = bytes_of(event["bytes"].as_str().ok_or("no bytes")?).ok_or("bytes are not hexadecimal")?;
        match Envelope::read(&bytes) {
            Err(error) => findings.push(format!("event {at} cannot be read: {error}")),
            Ok(read) => {
                let read = serde_json::to_value(&read)?;
                let says = &event["says"];
                let kept = |name: &str| says[name] == read[name];
                if !["event_id", "occurred_at_ms", "producer", "schema_version", "trace_id", "task"]
                    .iter()
                    .all(|n| kept(n))
                    || !is_within(&says["payload"], &read["payload"])
                {
                    findings.push(format!("event {at} said {says} and reads as {read}"));
                }
            }
        }
    }
    Ok(findings)
}

/// What hosts left for each other at a broker.
fn shared(file: &Value) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    findings.extend(unkept::<Dossier>("dossier", &file["dossier"]));
    findings.extend(unkept::<TaskCopy>("copy", &file["copy"]));
    for (at, did) in file["did"].as_array().ok_or("nothing was done")?.iter().enumerate() {
        findings.extend(unkept::<Did>(&format!("did {at}"), did));
    }
    Ok(findings)
}

/// How `said` is not read as it was meant.
fn unkept<T: Serialize + DeserializeOwned>(what: &str, said: &Value) -> Option<String> {
    let read = match serde_json::from_value::<T>(said.clone()) {
        Ok(read) => serde_json::to_value(&read).unwrap_or_default(),
        Err(error) => return Some(format!("{what} cannot be read: {error}")),
    };
    (!is_within(said, &read)).then(|| format!("{what} said {said} and reads as {read}"))
}

/// Whether everything that `part` says is said by `whole`.
fn is_within(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => {
            part.iter().all(|(name, value)| whole.get(name).is_some_and(|now| is_within(value, now)))
        }
        (Value::Array(part), Value::Array(whole)) => {
            part.len() == whole.len() && part.iter().zip(whole).all(|(part, whole)| is_within(part, whole))
        }
        (part, whole) => part == whole,
    }
}

fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let pairs =
        (0..hex.len()).step_by(2).map(|at| hex.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()));
    pairs.collect()
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        found.push(entry?.path());
    }
    found.sort();
    Ok(found)
}
