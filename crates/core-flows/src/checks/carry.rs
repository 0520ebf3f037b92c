//! The checks of all rounds, oldest first, each with what its earlier verdicts say.

use ports::{TaskRecord, Verifier};
use shared_types::{Check, CheckResult, Earlier, Oracle, Verdict};

/// Reads the checks of `rounds`, of which the last is at work now. What passed in any earlier round
/// must go on passing; the others of those rounds hold nothing up.
pub(crate) fn gather(verifier: &dyn Verifier, rounds: &[TaskRecord]) -> Vec<Check> {
    let Some((current, earlier)) = rounds.split_last() else { return Vec::new() };
    let results: Vec<&CheckResult> =
        earlier.iter().filter_map(|task| task.report.as_ref()).flat_map(|report| &report.checks).collect();
    let carried = earlier.iter().flat_map(|task| verifier.compile(task.round, &task.checks));
    let carried = carried.map(|check| carry(check, &results));
    carried.chain(verifier.compile(current.round, &current.checks)).collect()
}

fn carry(mut check: Check, results: &[&CheckResult]) -> Check {
    let same = |result: &&&CheckResult| {
        let known = &result.check;
        (known.round, known.index, &known.source) == (check.round, check.index, &check.source)
    };
    let verdicts: Vec<&CheckResult> = results.iter().filter(same).copied().collect();
    let passed = verdicts.iter().any(|result| result.verdict == Verdict::Passed);
    check.earlier = Some(if passed { Earlier::Passed } else { Earlier::NotPassed });
    // What a model read then is not asked for again, so that a check means the same in every round.
    if let (Oracle::Judge, Some(read)) = (&check.oracle, verdicts.iter().find(|r| r.check.oracle != Oracle::Judge)) {
        check.oracle = read.check.oracle.clone();
        check.confidence = read.check.confidence;
    }
    check
}
